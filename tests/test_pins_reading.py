"""Pin files as a run sees them: the last good copy of each, the cache is zc.buildout's own, old pins stay for a while."""

import datetime
import hashlib
import os
import re
import subprocess
import sys

import pytest

from pypimirror.errors import FetchError, InsufficientSpace, StorageError
from pypimirror.pins.environments import Environment, environments
from pypimirror.pins.extends_cache import write_extends_cache
from pypimirror.pins.extends_chain import Chain
from pypimirror.pins.file_kinds import kind_of
from pypimirror.pins.model import Pins
from pypimirror.pins.pin_files import pin_name, read_pin_files, reader
from pypimirror.pins.pinned_releases import PinnedReleases
from pypimirror.pins.retention import retained
from pypimirror.pins.versions import read_versions

LINUX = Environment("3.11", "manylinux_2_28_x86_64")
VERSIONS = "https://user:secret@pins.example.com/release/6.1/versions.cfg"
REQUIRED = "https://pins.example.com/constraints.txt"


class Kept(dict):
    def put(self, name, text):
        self[name] = text


class Web(dict):
    """Content by URL; an exception is raised."""

    def __call__(self, url: str) -> bytes:
        content = self.get(url, FetchError(url.replace("user:secret@", ""), "404 Not Found"))
        if isinstance(content, Exception):
            raise content
        return content


@pytest.fixture
def web():
    return Web({VERSIONS: b"[buildout]\nextends = base.cfg\n[versions]\nfoo = 1.0\n[versions:windows]\nwin = 1\n",
                VERSIONS.replace("versions", "base"): b"[versions]\nbase = 2.0\n",
                REQUIRED: b"foo==1.1\nbar==1.0 --hash=sha256:" + b"a" * 64 + b"\n"})

ONE, TWO = b"[versions]\none = 1\n", b"[versions]\ntwo = 2\n"


def test_several_pin_files_are_a_union(web):
    kept = Kept()
    reading = read_pin_files([VERSIONS], [REQUIRED, REQUIRED], [LINUX], web, kept)
    assert reading.pins.versions == {"foo": {"1.0", "1.1"}, "base": {"2.0"}, "bar": {"1.0"}}
    assert reading.pins.problems == ()
    assert reading.missing == ()
    assert [file.source for file in reading.files] == [VERSIONS.replace("user:secret@", ""), REQUIRED]
    assert {file.name: file.text for file in reading.files} == kept
    assert list(reading.files[0].documents) == [VERSIONS, VERSIONS.replace("versions", "base")]
    assert not any(word in repr(reading.files[0][:4]) for word in ("secret", "extends"))


@pytest.mark.parametrize("error", [StorageError("pins/x.cfg: Not a directory"), RecursionError("too deep")])
def test_pins_count_where_the_flattened_file_can_not_be_written(web, error):
    class Broken(Kept):
        def put(self, name, text):
            raise error

    reading = read_pin_files([VERSIONS], [REQUIRED], [LINUX], web, Broken())
    assert reading.pins.versions == {"foo": {"1.0", "1.1"}, "base": {"2.0"}, "bar": {"1.0"}}
    assert reading.missing == () and len(reading.files) == 2
    assert len(reading.pins.problems) == 2
    assert all("the flattened file of" in line and str(error) in line for line in reading.pins.problems)


def test_a_full_disk_ends_the_reading(web):
    class Full(Kept):
        def put(self, name, text):
            raise InsufficientSpace("no room")

    with pytest.raises(InsufficientSpace):
        read_pin_files([VERSIONS], [REQUIRED], [LINUX], web, Full())


@pytest.mark.parametrize("content, why", [
    (FetchError(REQUIRED, "503 Unavailable"), "503 Unavailable"), (b"<html>Log in</html>", "a web page"),
    (b"", "contains no pins"), (b"# none\nfoo>=1\n", "contains no pins"),
    (b"foo bar\n", "line 1"), (b"\xff", "not UTF-8")])
def test_the_last_good_one_counts_and_the_run_says_so(web, content, why):
    kept = Kept()
    before = read_pin_files([VERSIONS], [REQUIRED], [LINUX], web, kept)
    web[REQUIRED] = content
    after = read_pin_files([VERSIONS], [REQUIRED], [LINUX], web, kept)
    assert after.pins.versions == before.pins.versions
    assert after.pins.hashes == before.pins.hashes
    assert len(after.pins.problems) == 1
    assert re.fullmatch(f"{REQUIRED}.*{why}.*; using the last good copy", after.pins.problems[0])
    assert [(file.stale, file.text) for file in after.files] == [(False, before.files[0].text), (True, before.files[1].text)]


@pytest.mark.parametrize("content, why", [
    (b"<!doctype html>", "a web page"), (b"[versions]\nzope = >=1\n", "contains no pins"),
    (b"[other]\na = 1\n", "contains no pins"), (b"[versions\n", "line 1")])
def test_the_last_good_chain_counts_with_its_conditions(web, content, why):
    kept, both = Kept(), [LINUX, Environment("3.11", "win_amd64")]
    before = read_pin_files([VERSIONS], [], both, web, kept)
    web[VERSIONS.replace("versions", "base")] = content if why == "a web page" else web[VERSIONS]
    web[VERSIONS] = web[VERSIONS] if why == "a web page" else content
    after = read_pin_files([VERSIONS], [], both, web, kept)
    assert after.pins.versions == before.pins.versions == {"foo": {"1.0"}, "base": {"2.0"}, "win": {"1"}}
    assert why in after.pins.problems[0]
    assert "secret" not in str(after.pins)
    assert "win" not in read_pin_files([VERSIONS], [], [LINUX], web, kept).pins.versions


def test_a_file_of_which_nothing_is_known_is_missing_and_holds_up_no_other(web):
    del web[VERSIONS]
    reading = read_pin_files([VERSIONS], [REQUIRED], [LINUX], web, Kept())
    assert reading.missing == (VERSIONS.replace("user:secret@", ""),)
    assert set(reading.pins.versions) == {"foo", "bar"}
    assert len(reading.pins.problems) == 1


def test_an_unexpected_error_is_one_line_and_the_last_good_one_counts(web):
    kept = Kept()
    read_pin_files([VERSIONS], [REQUIRED], [LINUX], web, kept)
    web[REQUIRED] = RuntimeError("boom\nbang")
    reading = read_pin_files([VERSIONS], [REQUIRED], [LINUX], web, kept)
    [problem] = reading.pins.problems
    assert problem.startswith(f"{REQUIRED.replace('user:secret@', '')}: ")
    assert "RuntimeError: boom" in problem
    assert "\n" not in problem
    assert reading.pins.versions["bar"] == {"1.0"}


def test_names_are_stable_safe_and_all_different():
    sources = [VERSIONS, VERSIONS + "?x=1", VERSIONS.replace("6.1", "6.2"), VERSIONS.replace("6.1/", "6.1-"),
        VERSIONS.replace("user", "other"), "/srv/a/versions.cfg",
               "/srv/b/versions.cfg", "https://pins.example.com", "https://pins.example.com/%2e%2e/%2e%2e", "../..", "/",
               "x" * 500, "/a/é\n<b>.cfg", "https://example.com/a/.htaccess"]
    names = [pin_name(source, ".cfg") for source in sources]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,150}\.cfg", name) for name in names)
    assert re.fullmatch(r"6\.1-versions-[0-9a-f]{8}\.cfg", names[0])
    assert re.fullmatch(r"versions-[0-9a-f]{8}\.cfg", names[5])
    assert pin_name(VERSIONS.replace("secret", "changed"), ".cfg") == names[0]


def test_paths_are_read_from_disk_and_only_urls_are_fetched(tmp_path, web):
    (tmp_path / "a.cfg").write_bytes(b"x")
    read = reader(web)
    assert read(str(tmp_path / "a.cfg")) == read(f"file://{tmp_path}/a.cfg") == b"x"
    assert read(REQUIRED) == web[REQUIRED]
    for bad in (str(tmp_path), str(tmp_path / "b.cfg"), "/\0", "/dev/zero/x"):
        with pytest.raises(FetchError, match="can't be read"):
            read(bad)


def test_zc_buildout_finds_the_chain_in_the_extends_cache_without_a_network(tmp_path, web):
    reading = read_pin_files([VERSIONS], [], [LINUX], web, Kept())
    written = write_extends_cache(str(tmp_path / "cache"), reading.files[0].documents)
    assert hashlib.md5(VERSIONS.encode()).hexdigest() in written
    assert len(written) == 2
    (tmp_path / "buildout.cfg").write_text(
        f"[buildout]\nextends = {VERSIONS}\nextends-cache = {tmp_path}/cache\nparts =\noffline = true\n")
    done = subprocess.run([sys.executable, "-c", "from zc.buildout.buildout import main; main(['annotate', 'versions'])"],
                          cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^foo ?= 1\.0$", done.stdout, re.MULTILINE)
    assert re.search(r"^base ?= 2\.0$", done.stdout, re.MULTILINE)


def test_the_extends_cache_is_written_only_where_it_changes_and_keeps_what_else_is_there(tmp_path, web):
    (tmp_path / "other").write_bytes(b"kept")
    documents = {VERSIONS: ONE, "/local.cfg": b"no URL"}
    assert len(write_extends_cache(str(tmp_path), documents)) == 1
    assert write_extends_cache(str(tmp_path), documents) == ()
    assert len(write_extends_cache(str(tmp_path), {VERSIONS: TWO})) == 1
    name = hashlib.md5(VERSIONS.encode()).hexdigest()
    assert sorted(os.listdir(tmp_path)) == sorted(["other", name])
    assert (tmp_path / name).read_bytes() == TWO
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o644
    with pytest.raises(StorageError, match="extends_cache: "):
        write_extends_cache(str(tmp_path / "other"), documents)


def test_a_disk_that_fails_leaves_the_extends_cache_as_it_was(tmp_path, monkeypatch):
    write_extends_cache(str(tmp_path), {VERSIONS: ONE})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match=f"^extends_cache: {tmp_path}: No space left on device$"):
        write_extends_cache(str(tmp_path), {VERSIONS: TWO})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [ONE]


def test_a_release_stays_for_the_days_configured_after_a_pin_moved_away():
    first, second = Pins({"foo": frozenset({"1.0"})}), Pins({"foo": frozenset({"1.1"})})
    start = datetime.date(2026, 1, 1)
    known = retained({}, first, start, 90)
    assert known == (frozenset(), {("foo", "1.0"): "2026-01-01"})
    moved = retained(known.last_pinned, second, start + datetime.timedelta(90), 90)
    assert moved.releases == {("foo", "1.0")}
    gone = retained(moved.last_pinned, second, start + datetime.timedelta(91), 90)
    assert gone == (frozenset(), {("foo", "1.1"): "2026-04-02"})
    assert retained(known.last_pinned, second, start, 0).releases == frozenset()
    assert retained(moved.last_pinned, first, start + datetime.timedelta(92), 90).releases == {("foo", "1.1")}


def test_what_is_kept_of_the_days_on_which_releases_were_pinned():
    pins, today = Pins({"foo": frozenset({"2.0"}), "bar": frozenset({"1"})}), datetime.date(2026, 1, 10)
    last = {("foo", "1.0"): "2025-12-01", ("foo", "2"): "2025-12-02", ("bar", "1"): "2026-02-01", ("gone", "1"): "2025-12-01"}
    pinned_now = {("foo", "2.0"): "2026-01-10", ("bar", "1"): "2026-02-01"}
    # Another spelling of what is pinned is no release of its own, and the later of two clocks counts.
    assert retained(last, pins, today, 5) == (frozenset(), pinned_now)
    assert retained(last, pins, today, 40).releases == {("foo", "1.0"), ("gone", "1")}
    assert retained(last, pins, today, 39).releases == frozenset()
    # What is pinned and not here keeps what was pinned before, however long ago.
    for days in (0, 5):
        kept = retained(last, pins, today, days, lambda name: True)
        assert kept == (frozenset({("foo", "1.0")}), {("foo", "1.0"): "2025-12-01", **pinned_now})
        assert not retained(last, pins, today, days, lambda name: name == "gone").releases


A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize("version, matching", [
    ("1.0", {"1.0"}), ("1.0.0", {"1.0"}), ("1.0+local", {"1.0", "1.0+local"}), ("1.0+other", {"1.0"}), ("1.0.post1", set()),
    ("2004d", {"2004d"}), ("2004e", set()), (None, set())])
def test_which_pins_match_a_version(version, matching):
    pinned = PinnedReleases(["1.0", "1.0+local", "2004d"], {})
    assert set(pinned.matching(version)) == matching
    assert pinned.allows(version, {}) is bool(matching)
    assert PinnedReleases([], {}).matching(version) == ()


@pytest.mark.parametrize("version, matching", [
    ("1.0", {"1.0"}), ("1.0.0", set()), ("1.0+local", set()), ("2.0+B", {"2.0+b"}), ("2.0+c", set()), ("3", {"3.0"}),
    ("3.0+x", {"3.0"}), ("2004D", {"2004d"})])
def test_a_pin_by_arbitrary_equality_matches_its_text_alone(version, matching):
    pinned = PinnedReleases(["1.0", "2.0+b", "3.0", "2004d"], {}, {"1.0", "2.0+b", "2004d"})
    assert set(pinned.matching(version)) == matching


def test_arbitrary_equality_counts_if_no_file_pins_otherwise():
    files = {"/a.txt": b"foo===1.0\nbar===1.0\nold===2004d\nbaz==1.0,===1.0", "/b.txt": b"foo==1.0\nbar===1.0\nbar==1.0\n"}
    read = [read_pin_files([], names, [LINUX], files.__getitem__, Kept()).pins for names in (["/a.txt"], ["/a.txt", "/b.txt"])]
    assert read[0].arbitrary == {("foo", "1.0"), ("bar", "1.0"), ("baz", "1.0")}
    assert read[1].arbitrary == {("bar", "1.0"), ("baz", "1.0")}
    assert [pins.holds("foo", "1.0+local") for pins in read] == [False, True]
    assert read[0].holds("old", "2004D")


@pytest.mark.parametrize("version, hashes, allowed", [
    ("1", {"sha256": A}, True), ("1", {"sha256": A.upper()}, True), ("1", {"sha256": B}, False), ("1", {"sha512": B}, None),
    ("1", {}, None), ("1", {"sha256": B, "sha512": A}, False), ("2", {"sha256": B}, True), ("2", {}, True),
    ("3", {"sha256": B}, None), ("3", {"sha256": A}, True), ("3", {"sha512": B}, True),
    ("3", {"sha256": B, "sha512": A}, False), ("1+local", {"sha256": B}, True),
    ("1+local", {"sha256": A}, True), ("1+other", {"sha256": B}, False)])
def test_which_hashes_a_pin_allows(version, hashes, allowed):
    pinned = PinnedReleases(["1", "2", "3", "1+local"], {"1": frozenset({f"sha256:{A}"}), "1+local": frozenset({f"sha256:{B}"}),
                                                         "3": frozenset({f"sha256:{A}", f"sha512:{B}"})})
    assert pinned.allows(version, hashes) is allowed
    assert pinned.algorithms(version) == {"1": {"sha256"}, "2": set(), "3": {"sha256", "sha512"}, "1+": {"sha256"}}[version[:2]]


LOCK = f"""# a lock
lock-version = "1.0"
created-by = "x"
[[packages]]
name = "foo"
version = "1.0"
marker = "python_full_version < '3.11.3'"
sdist = {{ name = "foo-1.0.tar.gz", url = "https://example.com/f", hashes = {{ sha256 = "{'a' * 64}" }} }}
"""


@pytest.mark.parametrize("key, name, content, suffix, note", [
    ("requirements", "pylock.toml", LOCK, ".txt", None), ("requirements", "uv.prod.toml", LOCK, ".txt", None),
    ("requirements", "lock.txt", LOCK, ".txt", None), ("versions", "lock.toml", LOCK, ".txt", "in the key requirements"),
    ("versions", "requirements.txt", "foo==1.0\n", ".txt", "in the key requirements"),
    ("versions", "requirements.txt", "# x\n-r more.txt\n", ".txt", "in the key requirements"),
    ("requirements", "versions.cfg", "[buildout]\nextends = more.cfg\n[versions]\nfoo = 1.0\n", ".cfg", "in the key versions"),
    ("requirements", "pylock.toml", "foo==1.0\n", ".txt", None),
    ("versions", "versions.toml", "[versions:python3]\nfoo = 1.0\n", ".cfg", None)])
def test_the_content_says_what_kind_a_pin_file_is(key, name, content, suffix, note):
    files = Web({f"/d/{name}": content.encode(), "/d/more.txt": b"foo==1.0\n", "/d/more.cfg": b"[versions]\nx = 1\n"})
    sources = {"versions": ([f"/d/{name}"], []), "requirements": ([], [f"/d/{name}"])}[key]
    kept = Kept()
    reading = read_pin_files(*sources, [LINUX], files, kept)
    assert reading.pins.versions["foo"] == {"1.0"}
    assert not reading.pins.problems
    found = [line for line in reading.pins.notes if "the key" in line]
    assert len(found) == bool(note)
    assert note is None or note in found[0]
    assert [file.name.endswith(suffix) for file in reading.files] == [True]
    files[f"/d/{name}"] = b"<html>"
    again = read_pin_files(*sources, [LINUX], files, kept)
    assert again.pins.versions["foo"] == {"1.0"}
    assert [file.stale for file in again.files] == [True]


@pytest.mark.parametrize("text, words", [
    ("version: 6\npackages:\n- pypi: https://files.example.com/foo-1.0.whl\n  name: foo\n", "a lock file of pixi"),
    ("# comment\nversion: 1\npackage:\n- name: foo\n  version: 1.0\n  manager: pip\n", "a lock file of conda"),
    ("# platform: linux-64\n@EXPLICIT\nhttps://conda.example.com/foo-1.0.conda\n", "a list of packages of conda"),
    ("name: site\ndependencies:\n  - pip:\n    - foo==1.0\n", "an environment of conda"),
    ("[[source]]\nurl = 'https://index.example.com'\n[packages]\nfoo = '==1.0'\n", "name its Pipfile.lock"),
    ("Package Version\n------- -------\nfoo     1.0\n", "use that of pip freeze"),
    ("[metadata]\nname = x\n[options]\ninstall_requires = foo==1.0\n", "a setup.cfg"),
    ('{"version": "1", "install": []}\n', "a JSON file"), ("# x\nfoo: 1.0\n", "a YAML file")])
@pytest.mark.parametrize("key", ["versions", "requirements"])
def test_files_that_are_not_supported_are_named(text: str, words: str, key: str) -> None:
    sources: tuple[list[str], list[str]] = (["/x"], []) if key == "versions" else ([], ["/x"])
    reading = read_pin_files(*sources, [LINUX], Web({"/x": text.encode()}), Kept())
    (problem,) = reading.pins.problems
    assert words in problem and "is not a requirement" not in problem and "\n" not in problem


def test_a_file_without_pins_is_reported_with_a_reason() -> None:
    reading = read_pin_files(["/v.cfg"], [], [LINUX], Web({"/v.cfg": b"[versions]\nfoo = 1.0  # why\n"}), Kept())
    assert reading.pins.problems == ("/v.cfg: contains no pins; /v.cfg: foo = 1.0  # why: not a version, left out; "
                                     "there is no earlier copy to use instead",)


@pytest.mark.parametrize("text, default, kind", [
    ("", "versions", "versions"), ("# nothing\n", "versions", "versions"), ("foo 1.0\n", "versions", "versions"),
    ("foo = 1.0\n", "versions", "versions"), ("[other]\n-x\n", "versions", "versions"), ("", "requirements", "requirements"),
    ("[other]\nfoo = 1.0\n", "requirements", "requirements"), ("foo[a, b] ~= 1.0\n", "versions", "requirements"),
    ("--hash x\n", "versions", "requirements"), ("foo>=1\n[versions]\n", "requirements", "requirements"),
    ("foo>=1\n[versions]\n", "versions", "versions"), ("# x\n[ buildout ] # y\r\n", "requirements", "versions"),
    ("lock-version = '1.0'\n", "versions", "versions"), ("packages = [\n]\nlock-version = '1.0'\n", "versions", "lock"),
    ("[[packages]]\n", "requirements", "requirements"), ("dependency-groups==1.3.0\n", "versions", "requirements"),
    ("dependency-groups = {x = []}\n", "requirements", "pyproject"), ("[project.urls]\n", "requirements", "pyproject"),
    ("[tool.x]\n[versions]\n", "versions", "versions"), ("[projects]\n", "versions", "versions")])
def test_the_content_counts_where_it_is_clear_and_else_the_key(text, default, kind):
    assert kind_of(text, default) == kind


def test_what_is_noted_of_one_file_is_bounded():
    text = "foo==1\n" + "".join(f"-e ./{number}\n" for number in range(1000))
    notes = read_pin_files([], ["/r.txt"], [LINUX], Web({"/r.txt": text.encode()}), Kept()).pins.notes
    assert len(notes) == 51
    assert notes[-1] == "/r.txt: 950 more such lines"


@pytest.mark.heavy
def test_what_has_grown_large_is_read_whole_with_one_decision_for_all_environments():
    """What takes time is done once for all environments that no condition tells apart, and each file once in each."""
    lines = "".join(f"p{number} = 1.{number}\n" for number in range(20_000))
    chain = Chain("/v.cfg", lambda _: f"[versions]\n{lines}[versions:windows]\nwin = 1\n".encode())
    everywhere = environments()
    assert len({id(chain.sections(environment)) for environment in everywhere}) == 2
    assert len(read_versions(chain, everywhere).versions) == 20_001
