"""Others on the same machine: links planted in the tree, files of other users, odd umasks, disks that are no disks."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypimirror.state import local_disk
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

WHEEL = wheel("one", "1")[0]


@pytest.fixture
def filled(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror of three projects."""
    upstream.add("one", wheel("one", "1"), sdist("one", "1"))
    upstream.add("Zope.Two", wheel("Zope.Two", "1"))
    upstream.add("three", wheel("three", "1"))
    assert mirrored.run("sync") == 0
    return mirrored


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A folder of somebody else's, which must be the same in the end."""
    folder = tmp_path / "victim"
    folder.mkdir()
    for name in ("file", WHEEL, "index.html", "index.v1_json", "state.sqlite"):
        (folder / name).write_text(f"{name} of somebody else")
    before = {path.name: (path.read_bytes(), path.stat().st_mode) for path in folder.iterdir()}
    mode = folder.stat().st_mode
    yield folder
    assert {path.name: (path.read_bytes(), path.stat().st_mode) for path in folder.iterdir()} == before
    assert folder.stat().st_mode == mode


def links(mirrored: Mirrored) -> list[Path]:
    return [path for path in mirrored.root.rglob("*") if path.is_symlink()]


# --- symbolic links

@pytest.mark.parametrize("path", [f"one/{WHEEL}", f"one/{WHEEL}.metadata", "one/index.html", "one/index.v1_json",
                                  "Zope.Two/index.html", "index.html", "index.v1_json", "full.html"])
def test_a_link_in_the_place_of_a_file_is_replaced_and_never_followed(
        filled: Mirrored, upstream: Upstream, victim: Path, path: str) -> None:
    before = filled.tree()
    (filled.root / path).unlink()
    (filled.root / path).symlink_to(victim / "file")
    upstream.touch("one")
    upstream.touch("Zope.Two")
    assert filled.run("-I") == 0
    assert filled.run("-i") == 0
    assert links(filled) == []
    assert filled.untrue() == []
    assert filled.paths() == sorted(before)
    assert filled.tree()[path] != (victim / "file").read_bytes()


def test_a_link_in_the_place_of_a_file_that_goes_is_removed_and_not_what_it_leads_to(
        filled: Mirrored, upstream: Upstream, victim: Path) -> None:
    for name in (WHEEL, "index.html"):
        (filled.root / "one" / name).unlink()
        (filled.root / "one" / name).symlink_to(victim / name)
    upstream.remove("one")
    assert filled.run("-U") == 0
    assert not (filled.root / "one/index.html").is_symlink()
    assert filled.untrue() == []


@pytest.mark.parametrize("verb", [("-I",), ("-U",), ("-i",), ("verify",), ("verify", "--repair")])
@pytest.mark.parametrize("folder", ["one", "Zope.Two"])
def test_a_link_in_the_place_of_a_folder_is_never_followed_and_is_told(
        filled: Mirrored, upstream: Upstream, victim: Path, folder: str, verb: tuple[str, ...],
        capsys: pytest.CaptureFixture[str]) -> None:
    for path in (filled.root / folder).iterdir():
        path.unlink()
    (filled.root / folder).rmdir()
    (filled.root / folder).symlink_to(victim)
    upstream.add("one", wheel("one", "2"))
    upstream.add("Zope.Two", wheel("Zope.Two", "2"))
    upstream.add("three", wheel("three", "2"))
    status = filled.run(*verb)
    said = "".join(capsys.readouterr())
    assert status == 1
    assert folder in said
    if verb[0] in ("-I", "-U"):
        assert f"{filled.root}/{folder}/" in said and "a symbolic link, which is not followed" in said
        assert len(filled.files("three")) == 2
        (filled.root / folder).unlink()
        assert filled.run("-U") == 0
        assert filled.untrue() == []
        assert filled.files("one")


def test_a_project_that_goes_takes_nothing_along_through_a_link(filled: Mirrored, upstream: Upstream, victim: Path) -> None:
    for path in (filled.root / "one").iterdir():
        path.unlink()
    (filled.root / "one").rmdir()
    (filled.root / "one").symlink_to(victim)
    upstream.remove("one")
    assert filled.run("-U") == 1


@pytest.mark.parametrize("folder", ["tmp", "trash"])
def test_links_among_our_own_are_not_followed(filled: Mirrored, upstream: Upstream, victim: Path, folder: str) -> None:
    local_disk = filled.root / ".pypimirror" / folder
    if local_disk.exists():
        local_disk.rmdir()
    local_disk.symlink_to(victim)
    upstream.add("one", wheel("one", "2"))
    upstream.remove("one", WHEEL)
    assert filled.run("-U") == (1 if folder == "trash" else 0)
    assert WHEEL not in filled.files("one")
    assert filled.untrue() == []


def test_our_own_folder_is_no_link(filled: Mirrored, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (filled.root / ".pypimirror").rename(tmp_path / "own")
    (filled.root / ".pypimirror").symlink_to(tmp_path / "own")
    assert filled.run("-U") == 2
    assert ".pypimirror: a symbolic link" in capsys.readouterr().err


def test_the_mirror_itself_may_be_reached_by_a_link(filled: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(filled.root)
    upstream.add("one", wheel("one", "2"))
    filled.settings["mirror_file_path"] = tmp_path / "link"
    assert filled.run("-U") == 0
    assert len(filled.files("one")) == 3


@pytest.mark.parametrize("name", ["lock", "state.sqlite"])
def test_a_link_in_the_place_of_lock_or_state_is_refused(
        filled: Mirrored, victim: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (filled.root / ".pypimirror" / name).unlink()
    (filled.root / ".pypimirror" / name).symlink_to(victim / "state.sqlite")
    assert filled.run("-U") == 2
    assert f".pypimirror/{name}: a symbolic link" in capsys.readouterr().err


# --- other users

@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["", "lock", "state.sqlite"])
def test_what_belongs_to_another_user_is_refused(filled: Mirrored, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = filled.root / ".pypimirror" / name
    os.chown(path, 12345, 12345)
    before = filled.tree()
    assert filled.run("-U") == 2
    error = capsys.readouterr().err
    assert f"{str(path).rstrip('/')}: owned by user 12345, but this process runs as root" in error
    assert "run it as the owner of the mirror" in error
    assert filled.tree() == before


# --- umask

@pytest.mark.parametrize("umask", [0o077, 0o000, 0o027])
def test_whatever_the_umask_the_tree_can_be_read_and_our_own_folder_cant(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, umask: int) -> None:
    upstream.add("Zope.One", wheel("Zope.One", "1"))
    (tmp_path / "versions.cfg").write_text("[versions]\nzope.one = 1\n")
    mirrored.root = tmp_path / "new/below/mirror"
    mirrored.settings |= {"mirror_file_path": mirrored.root, "versions": "versions.cfg"}
    old = os.umask(umask)
    try:
        assert mirrored.run("sync") == 0
        upstream.add("Zope.One", wheel("Zope.One", "2"))
        assert mirrored.run("-U") == 0
    finally:
        os.umask(old)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*")}
    own = mirrored.root / ".pypimirror"
    published = {path: mode for path, mode in modes.items() if own not in (path, *path.parents)}
    assert modes[own] == 0o700
    assert {mode for path, mode in published.items() if path.is_dir()} == {0o755}
    assert {mode for path, mode in published.items() if path.is_file()} == {0o644}
    assert any(path.parent.name == "pins" for path in published)


# --- disks

def test_a_state_on_a_network_file_system_is_refused_with_what_to_do(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    upstream.add("one", wheel("one", "1"))
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/export {mirrored.root} nfs4 rw 0 0\n")
    monkeypatch.setattr(local_disk, "MOUNTS", str(mounts))
    assert mirrored.run("sync") == 2
    error = capsys.readouterr().err
    assert "on a network file system (nfs4)" in error and "set state_path to a directory on a local disk" in error
    mirrored.settings["state_path"] = tmp_path / "local"
    assert mirrored.run("sync") == 0
    assert mirrored.files("one")


@pytest.mark.parametrize(("path", "kind"), [
    ("/srv/pypi", "nfs"), ("/srv/pypi/deep/er", "nfs"), ("/srv/pypi-other", "ext4"), ("/srv/with space/x", "cifs"),
    ("/", "ext4"), ("/srv/pypi/local/x", "xfs"), ("/proc", "ext4")])
def test_the_innermost_mount_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, kind: str) -> None:
    (tmp_path / "mounts").write_text(
        "/dev/vda / ext4 rw 0 0\nh:/x /srv/pypi nfs rw 0 0\n"
        "/dev/vdb /srv/pypi/local xfs rw 0 0\n//h/x /srv/with\\040space cifs rw 0 0\n")
    monkeypatch.setattr(local_disk, "MOUNTS", str(tmp_path / "mounts"))
    assert local_disk.file_system(path) == kind


def test_where_nothing_is_known_of_mounts_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_disk, "MOUNTS", "/nowhere/mounts")
    assert local_disk.file_system("/") is None
    local_disk.check_local("/")
