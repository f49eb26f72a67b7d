"""Bundles that are not what they should be are refused with one line, and the mirror stays as it is."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pypimirror.bundles import shipped, tar_parts
from pypimirror.bundles.directory import BundleDirectory
from pypimirror.bundles.manifest import VERSION, Manifest, is_path
from pypimirror.errors import InvalidBundle, MirrorError
from support.sites import Sites, allow, key, one_line
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def sites(tmp_path: Path, upstream: Upstream) -> Sites:
    made = Sites(tmp_path, upstream)
    upstream.add("one", wheel("one", "1.0"), sdist("one", "1.0"))
    upstream.add("two", wheel("two", "1.0", body="# long\n" * 20000))
    made.sync()
    return made


def refused(sites: Sites, name: str, capsys: Captured, status: int = 1) -> str:
    """Import a bundle that must be refused; return the line."""
    before = sites.far.tree() if sites.far.root.exists() else {}
    capsys.readouterr()
    assert sites.far.run("import", "-q", str(sites.bundle(name))) == status
    assert (sites.far.tree() if sites.far.root.exists() else {}) == before
    return one_line(capsys.readouterr().err)


# --- signatures


def test_a_signed_bundle_of_an_allowed_key_is_imported(sites: Sites, tmp_path: Path, capsys: Captured) -> None:
    good, other = key(tmp_path, "good"), key(tmp_path, "other")
    sites.far.settings["allowed_signers"] = allow(tmp_path / "signers", good, other)
    sites.export("full", "--sign", str(good))
    sites.load("full")
    assert "signed by good@example.com" in capsys.readouterr().out
    sites.equal()


def test_an_unknown_key_no_signature_and_one_of_another_manifest_are_refused(
        sites: Sites, tmp_path: Path, capsys: Captured, upstream: Upstream) -> None:
    good, other = key(tmp_path, "good"), key(tmp_path, "other")
    sites.far.settings["allowed_signers"] = allow(tmp_path / "signers", good)
    folder = sites.export("unsigned", "--full")
    assert "missing; the bundle is not signed" in refused(sites, "unsigned", capsys)
    sites.export("other", "--full", "--sign", str(other))
    assert "signed by a key that is not in" in refused(sites, "other", capsys)
    upstream.add("three", wheel("three", "1.0"))
    sites.sync()
    signed = sites.export("good", "--full", "--sign", str(good))
    shutil.copy(signed / "manifest.jsonl.sig", folder)
    assert "not a valid signature" in refused(sites, "unsigned", capsys)
    (signed / "manifest.jsonl.sig").write_text("garbage")
    assert "signed by a key that is not in" in refused(sites, "good", capsys)
    sites.far.settings["allowed_signers"] = tmp_path / "missing"
    assert "allowed_signers" in refused(sites, "good", capsys, status=2)


def test_a_key_for_another_purpose_is_refused(sites: Sites, tmp_path: Path, capsys: Captured) -> None:
    good = key(tmp_path, "good")
    signers = allow(tmp_path / "signers", good)
    signers.write_text(signers.read_text().replace("pypimirror-bundle", "git"))
    sites.far.settings["allowed_signers"] = signers
    sites.export("full", "--sign", str(good))
    assert "not a valid signature" in refused(sites, "full", capsys)
    # One key may have several lines, each for a purpose of its own.
    with signers.open("a") as stream:
        stream.write(f"other@example.com namespaces=\"pypimirror-bundle\" {good.with_suffix('.pub').read_text()}")
    sites.load("full")
    assert "signed by other@example.com" in capsys.readouterr().out


def test_a_key_that_cant_be_read_is_named_before_the_export(sites: Sites, tmp_path: Path, capsys: Captured) -> None:
    capsys.readouterr()
    sites.export("full", "--sign", str(tmp_path / "missing"), status=2)
    assert "no such file; create a key with: ssh-keygen" in one_line(capsys.readouterr().err)
    (tmp_path / "empty").write_text("")
    sites.export("full", "--sign", str(tmp_path / "empty"), status=2)
    assert "--sign" in one_line(capsys.readouterr().err)
    assert not sites.bundle("full").exists()


# --- parts that are lost, doubled, exchanged, truncated, damaged


@pytest.fixture
def split(sites: Sites) -> Path:
    folder = sites.export("full", "--split", "64K")
    assert len(list(folder.glob("part-*.tar"))) >= 2
    return folder


def lost(folder: Path) -> None:
    (folder / "part-0002.tar").unlink()


def doubled(folder: Path) -> None:
    shutil.copy(folder / "part-0001.tar", folder / "part-0002.tar")
    os.truncate(folder / "part-0002.tar", len((folder / "part-0001.tar").read_bytes()))


def exchanged(folder: Path) -> None:
    (folder / "part-0001.tar").rename(folder / "x")
    (folder / "part-0002.tar").rename(folder / "part-0001.tar")
    (folder / "x").rename(folder / "part-0002.tar")


def truncated(folder: Path) -> None:
    os.truncate(folder / "part-0001.tar", 3000)


def manifest_truncated(folder: Path) -> None:
    text = (folder / "manifest.jsonl").read_bytes()
    (folder / "manifest.jsonl").write_bytes(text[:text.rindex(b"[")])


def manifest_missing(folder: Path) -> None:
    (folder / "manifest.jsonl").unlink()


def line_missing(folder: Path) -> None:
    lines = (folder / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    del lines[3]
    (folder / "manifest.jsonl").write_bytes(b"".join(lines))


@pytest.mark.parametrize(("harm", "message"), [
    (lost, "1 of "), (doubled, "part-0002.tar: "), (exchanged, "part-0001.tar: "), (truncated, "3000 bytes of"),
    (manifest_truncated, "truncated"), (manifest_missing, "missing; not the directory of a complete bundle"),
    (line_missing, "another size than its members")])
def test_an_incomplete_bundle_is_refused_and_imported_once_it_is_whole(
        sites: Sites, split: Path, capsys: Captured, harm: Callable[[Path], None], message: str) -> None:
    whole = sites.folder / "whole"
    shutil.copytree(split, whole)
    harm(split)
    assert message in refused(sites, "full", capsys)
    shutil.rmtree(split)
    shutil.copytree(whole, split)
    sites.load("full")
    sites.equal()


def test_a_part_of_another_bundle_is_refused(sites: Sites, split: Path, capsys: Captured) -> None:
    other = sites.export("other", "--full", "--split", "66000")
    part = (other / "part-0001.tar").read_bytes()
    size = (split / "part-0001.tar").stat().st_size
    (split / "part-0001.tar").write_bytes(part[:size].ljust(size, b"\0"))
    assert "not part 1 of this bundle" in refused(sites, "full", capsys)


def test_a_damaged_byte_is_found_before_anything_is_published_and_a_good_part_goes_on(
        sites: Sites, split: Path, capsys: Captured) -> None:
    part = split / "part-0001.tar"
    good = part.read_bytes()
    for at in (good.index(b"PK\x03\x04"), good.index(b"one-1.0.tar.gz"), good.index(b'"name"')):
        part.write_bytes(good[:at] + b"X" + good[at + 1:])
        assert "part-0001.tar: damaged at " in refused(sites, "full", capsys)
        shutil.rmtree(sites.far.root)  # else what the last import has checked is not read again
    part.write_bytes(good)
    sites.load("full")
    sites.equal()


def test_a_lost_part_is_written_again(sites: Sites, split: Path, capsys: Captured) -> None:
    before = {path.name: path.read_bytes() for path in split.iterdir()}
    lost(split)
    truncated(split)
    sites.export("full")
    assert "2 parts written" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in split.iterdir()} == before
    sites.load("full")


# --- bundles that were made to do harm: each is what an attacker could write, unsigned


class Made:
    """A bundle by hand: members with any path and content, a manifest that names them."""

    def __init__(self, sites: Sites, **header: Any):
        sites.export("template", "--full")
        self.folder = sites.bundle("made")
        self.folder.mkdir()
        self.header = {**sites.lines("template")[0], **header}
        self.lines: list[Any] = []

    def project(self, name: str, record: bytes) -> None:
        self.lines.append(["project", name, 5, name])
        self.member(f".bundle/{name}", record)

    def member(self, path: str, content: bytes, size: int | None = None) -> None:
        self.lines.append(["path", path, len(content) if size is None else size, hashlib.sha256(content).hexdigest(), content])

    def write(self) -> None:
        head = (json.dumps(self.header) + "\n").encode()
        (self.folder / "manifest.jsonl").write_bytes(head)
        header = Manifest(str(self.folder / "manifest.jsonl")).header
        part = tar_parts.beginning(header, 1)
        for line in self.lines:
            if line[0] == "path":
                part += tar_parts.member_header(line[1], line[2], header.time)
                part += line[4] + bytes(tar_parts.padding(len(line[4])))
        part += tar_parts.END
        (self.folder / "part-0001.tar").write_bytes(part)
        members = [line for line in self.lines if line[0] == "path"]
        end = ["end", sum(line[0] == "project" for line in self.lines), len(members), sum(line[2] for line in members), 1,
               sum(line[0] in ("removed", "gone") for line in self.lines)]
        lines = [line[:4] for line in self.lines]
        (self.folder / "manifest.jsonl").write_bytes(
            head + b"".join((json.dumps(line) + "\n").encode() for line in [*lines, ["part", 1, len(part)], end]))


def record(name: str, **changes: Any) -> bytes:
    """Build a record with one file."""
    sha256 = hashlib.sha256(b"x").hexdigest()
    file = {"filename": f"{name}-1.0.tar.gz", "url": "", "hashes": {"sha256": sha256}, "stored": [sha256, 1, None, True],
            **changes}
    return json.dumps({"name": name, "files": [file]}).encode()


@pytest.mark.parametrize("path", [
    "../etc/passwd", "/etc/passwd", "one/../../x", "one//x", ".pypimirror/state.sqlite", "one/.hidden", "one\\x", "one/x\n", "",
    "a" * 700, ".bundle/../x", "./x"])
def test_a_path_that_leaves_the_mirror_is_refused(sites: Sites, capsys: Captured, path: str) -> None:
    assert not is_path(path)
    made = Made(sites)
    made.member(path, b"x")
    made.write()
    refused(sites, "made", capsys)
    assert sorted(entry.name for entry in sites.folder.iterdir()) == ["bundles", "far", "near"]


@pytest.mark.parametrize(("changes", "message"), [
    ({"filename": "../x-1.0.tar.gz"}, "filename"), ({"filename": "x.exe.sh"}, "filename"),
    ({"url": "javascript:alert(1)"}, "url"), ({"external": "file:///etc/passwd"}, "external"),
    ({"hashes": {}}, "hashes"), ({"hashes": {"sha256": "0" * 64}}, "hashes"),
    ({"requires_python": "\x1b[31m"}, "requires_python"),
    ({"yanked": "two\nlines"}, "yanked"), ({"stored": ["zz", 1, None, True]}, "stored"), ({"extra": {"_adopted": 1}}, "extra"),
    ({"filename": 5}, "unreadable"), ({"stored": None}, "stored")])
def test_a_record_with_an_invalid_value_is_refused(
        sites: Sites, capsys: Captured, changes: dict[str, Any], message: str) -> None:
    made = Made(sites)
    made.project("one", record("one", **changes))
    made.member("one/one-1.0.tar.gz", b"x")
    made.write()
    assert message in refused(sites, "made", capsys)


def test_a_member_that_no_record_names_is_refused(sites: Sites, capsys: Captured) -> None:
    for number, path in enumerate(("one/other-1.0.tar.gz", "two/two-1.0.tar.gz", "pypimirror.cfg/x", "one-1.0.tar.gz")):
        shutil.rmtree(sites.bundle("made"), ignore_errors=True)
        made = Made(sites)
        made.project("one", record("one"))
        made.member("one/one-1.0.tar.gz", b"x")
        made.member(path, b"y" * number)
        made.write()
        assert f"{path}: belongs to no project of the bundle" in refused(sites, "made", capsys)


def test_a_file_that_is_nowhere_is_a_hole(sites: Sites, capsys: Captured) -> None:
    made = Made(sites)
    made.project("one", record("one"))
    made.write()
    assert "one/one-1.0.tar.gz: neither in the bundle nor in this mirror" in refused(sites, "made", capsys)


def test_links_devices_and_other_members_than_the_manifest_has_are_never_looked_at(sites: Sites, capsys: Captured) -> None:
    made = Made(sites)
    made.project("one", record("one"))
    made.member("one/one-1.0.tar.gz", b"x")
    made.write()
    part = made.folder / "part-0001.tar"
    good = part.read_bytes()
    at = good.index(b"one/one-1.0.tar.gz\0")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_SPARSE):
        info = tarfile.TarInfo("one/one-1.0.tar.gz")
        info.type, info.linkname, info.size = kind, "/etc/passwd", 1
        part.write_bytes(good[:at] + info.tobuf(tarfile.PAX_FORMAT)[-512:] + good[at + 512:])
        assert "part-0001.tar: damaged at one/one-1.0.tar.gz" in refused(sites, "made", capsys)
    part.write_bytes(good)
    sites.load("made")
    assert (sites.far.root / "one/one-1.0.tar.gz").read_bytes() == b"x"


def test_a_huge_size_is_refused_before_it_is_written(sites: Sites, capsys: Captured) -> None:
    made = Made(sites)
    made.project("one", record("one"))
    made.member("one/one-1.0.tar.gz", b"x", size=1 << 50)
    made.write()
    assert "has another size than its members" in refused(sites, "made", capsys)
    shutil.rmtree(made.folder)
    made = Made(sites)
    made.lines.append(["project", "one", 5, "one"])
    made.member(".bundle/one", b"x", size=1 << 40)
    made.write()
    assert "not valid" in refused(sites, "made", capsys)


def test_a_manifest_of_gigabytes_is_refused_without_memory(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    with path.open("wb") as stream:
        stream.truncate(9 << 30)
    with pytest.raises(InvalidBundle, match="larger than a manifest may be"):
        Manifest(str(path))


@pytest.mark.parametrize("line", [
    b"[" * 100_000, b"{}", b"\xff\xfe", b'["path", "x"]', b'["path", "x", -1, "0"]', b'["project", "../x", 1, ""]',
    b'["end", 1, 1, 1, 1, true]', b'["unknown"]', b"null", b'["path","one/x",1e400,"0"]'])
def test_an_invalid_line_is_refused(sites: Sites, capsys: Captured, line: bytes) -> None:
    made = Made(sites)
    made.write()
    text = (made.folder / "manifest.jsonl").read_bytes()
    head, _, rest = text.partition(b"\n")
    (made.folder / "manifest.jsonl").write_bytes(head + b"\n" + line + b"\n" + rest)
    assert "line 2: not valid" in refused(sites, "made", capsys)


@pytest.mark.parametrize(("change", "message"), [
    ({"version": VERSION + 1}, "newer version"), ({"version": "1"}, "version"), ({"format": "zip"}, "not the manifest"),
    ({"base": "x"}, "invalid"),
    ({"end": None}, "invalid"), ({"kind": "other"}, "invalid"), ({"pages": []}, "invalid"), ({"pins": ["../x"]}, "invalid"),
    ({"tree": True}, "made with --tree"), ({"bundle": "../../x"}, "invalid")])
def test_an_invalid_first_line_is_refused(sites: Sites, capsys: Captured, change: dict[str, Any], message: str) -> None:
    sites.export("full", "--full")
    path = sites.bundle("full") / "manifest.jsonl"
    head, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(json.dumps({**json.loads(head), **change}).encode() + b"\n" + rest)
    assert message in refused(sites, "full", capsys)


def test_fifos_and_links_to_devices_are_refused(sites: Sites, capsys: Captured) -> None:
    folder = sites.export("full", "--full")
    for name in ("part-0001.tar", "manifest.jsonl"):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        os.mkfifo(folder / name)
        refused(sites, "full", capsys)
        (folder / name).unlink()
        (folder / name).symlink_to("/dev/zero")
        refused(sites, "full", capsys)
        (folder / name).unlink()
        (folder / name).write_bytes(content)
    sites.load("full")
    sites.equal()


def test_a_record_that_unpacks_to_gigabytes_is_no_record() -> None:
    """Records are plain JSON, whose size the manifest limits."""
    bomb = zlib.compress(b"[" * (1 << 20))
    with pytest.raises(MirrorError, match="unreadable record"):
        shipped.load("one", bomb)
    with pytest.raises(MirrorError, match="unreadable record"):
        shipped.load("one", b"[" * 1_000_000)


def test_a_directory_that_is_not_suitable_is_named(sites: Sites, capsys: Captured, upstream: Upstream) -> None:
    capsys.readouterr()
    for folder in (sites.near.root / "x", sites.near.config):
        assert sites.near.run("export", str(folder)) == 2
        assert str(folder) in one_line(capsys.readouterr().err)
    for options in (["--since", "5-00000000"], ["--split", "many"], ["--split", "1K"], ["--against", "/nowhere"]):
        assert sites.near.run("export", str(sites.bundle("x")), *options) == 2
        assert options[0] in one_line(capsys.readouterr().err)
    assert sites.far.run("import", str(sites.bundle("nowhere"))) == 2
    sites.export("full")
    upstream.add("three", wheel("three", "1.0"))
    sites.sync()
    capsys.readouterr()
    sites.export("full", status=2)
    assert "choose another directory" in one_line(capsys.readouterr().err)


def test_an_export_stops_at_a_damaged_file(sites: Sites, capsys: Captured) -> None:
    path = sites.near.root / "one" / "one-1.0.tar.gz"
    good = path.read_bytes()
    path.write_bytes(bytes(len(good)))
    capsys.readouterr()
    sites.export("full", status=1)
    assert "one/one-1.0.tar.gz: differs from the manifest" in one_line(capsys.readouterr().err)
    path.write_bytes(good)
    sites.export("full")
    sites.load("full")
    sites.equal()


def test_a_mirror_without_a_finished_sync_is_not_exported(tmp_path: Path, upstream: Upstream, capsys: Captured) -> None:
    sites = Sites(tmp_path, upstream)
    sites.export("full", status=1)
    assert "no mirror yet" in one_line(capsys.readouterr().err)


# --- no room


def test_an_import_without_room_publishes_nothing_and_goes_on_later(sites: Sites, capsys: Captured) -> None:
    sites.export("full", "--full")
    sites.far.settings["min_free"] = "900T"
    assert "min_free keeps" in refused(sites, "full", capsys)
    sites.far.settings["min_free"] = 0
    sites.load("full")
    sites.equal()


def test_an_export_without_room_names_what_it_needs_and_goes_on_later(
        sites: Sites, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(BundleDirectory, "free_space", lambda directory: 1000)
        capsys.readouterr()
        sites.export("full", status=1)
        assert "1.0 kB free, and the missing parts take 16" in one_line(capsys.readouterr().err)
    sites.export("full")
    sites.load("full")
    sites.equal()
