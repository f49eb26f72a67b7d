"""Upload times of files without one upstream: each has one that stays the same, and real clients with a cooldown install."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pypimirror.sync import upload_times
from support import clients, servers
from support.flat_directories import put
from support.mirror import Mirrored
from support.upstream import WRITTEN, Upstream, sdist, wheel

#: WRITTEN on pages.
THEN = "2020-02-02T00:00:00Z"
ONE = wheel("one", "1")
DAY = 86400


def times(mirrored: Mirrored, name: str = "one") -> dict[str, tuple[str | None, str | None]]:
    """Give time and source by name of file."""
    return {file["filename"]: (file.get("upload-time"), file.get("_upload-time-source"))
            for file in mirrored.page(name)["files"]}


def unserial(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Give a tree without the mirror's serials."""
    return {path: re.sub(rb'(?<=<!--SERIAL )\d+|(?<=_last-serial":)\d+', b"", body) for path, body in tree.items()}


@pytest.fixture
def ago(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Set the clock of this process back by so many seconds; that of the file system is not."""
    shift, now = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: now() - shift[0])
    yield shift


def test_upstreams_time_comes_first_then_last_modified_then_the_first_run(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("one", ONE, upload_time="2021-01-02T03:04:05.6Z")
    upstream.add("one", wheel("one", "2"), wheel("one", "3"))
    upstream.projects["one"][wheel("one", "3")[0]].modified = None
    before = int(time.time())
    assert mirrored.run("sync") == 0
    found = times(mirrored)
    assert found[ONE[0]] == ("2021-01-02T03:04:05.6Z", None)
    assert found[wheel("one", "2")[0]] == (THEN, upload_times.LAST_MODIFIED)
    when, source = found[wheel("one", "3")[0]]
    assert source == upload_times.FIRST_SEEN
    assert before <= time.mktime(time.strptime(str(when), "%Y-%m-%dT%H:%M:%SZ")) - time.timezone <= time.time()


@pytest.mark.parametrize("modified", [None, 4_000_000_000, -5 * DAY])
def test_the_time_stays_whatever_happens_to_the_mirror(
        mirrored: Mirrored, upstream: Upstream, modified: int | None, tmp_path: Path) -> None:
    """modified: as upstream sends it; a time in the future or before 1970 is not valid."""
    upstream.add("one", ONE, sdist("one", "1"))
    for served in upstream.projects["one"].values():
        served.modified = modified
    assert mirrored.run("sync") == 0
    first = times(mirrored)
    assert {source for _, source in first.values()} == {upload_times.FIRST_SEEN}
    # Were the time made anew it would be another one.
    for path in (mirrored.root / "one").glob("one-*"):
        os.utime(path, (WRITTEN, WRITTEN))

    assert mirrored.run("-I") == 0
    assert times(mirrored) == first
    upstream.touch("one")
    assert mirrored.run("-U") == 0
    assert times(mirrored) == first
    # The trash and back.
    mirrored.settings["filename_excludes"] = "*.whl"
    assert mirrored.run("sync") == 0
    assert times(mirrored).keys() == {sdist("one", "1")[0]}
    # A lost state.
    for path in (mirrored.root / ".pypimirror").glob("state*"):
        path.unlink()
    assert mirrored.run("-U") == 0
    assert times(mirrored) == {name: value for name, value in first.items() if name.endswith(".gz")}
    # A copy, and a repair.
    (mirrored.root / "one" / sdist("one", "1")[0]).write_bytes(b"damaged")
    shutil.copytree(mirrored.root, tmp_path / "copy", copy_function=shutil.copyfile)
    mirrored.settings["mirror_file_path"] = mirrored.root = tmp_path / "copy"
    assert mirrored.run("verify", "--repair") == 0
    assert times(mirrored) == {name: value for name, value in first.items() if name.endswith(".gz")}


def test_what_comes_back_from_the_trash_has_its_time(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", ONE, wheel("one", "2"))
    assert mirrored.run("sync") == 0
    before = times(mirrored)
    mirrored.settings["filename_excludes"] = ONE[0]
    assert mirrored.run("sync") == 0
    del upstream.projects["one"][ONE[0]]
    upstream.touch("one")
    mirrored.settings["filename_excludes"] = None
    assert mirrored.run("sync") == 0
    assert times(mirrored).keys() == {wheel("one", "2")[0]}
    assert mirrored.run("trash", "restore", ONE[0]) == 0
    assert times(mirrored) == before


def test_a_lost_state_without_json_pages_makes_the_same_times(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", ONE)
    mirrored.settings["index_formats"] = "html"
    assert mirrored.run("sync") == 0
    for path in (mirrored.root / ".pypimirror").glob("state*"):
        path.unlink()
    assert mirrored.run("sync") == 0
    mirrored.settings["index_formats"] = "html json"
    upstream.asked()
    assert mirrored.run("sync") == 0
    assert times(mirrored) == {ONE[0]: (THEN, upload_times.LAST_MODIFIED)}
    assert not [path for path in upstream.asked() if path.startswith("/files/")]


@pytest.mark.parametrize("later", [True, False])
def test_a_replaced_file_has_a_time_of_its_own_and_servers_tell_both_apart(
        mirrored: Mirrored, upstream: Upstream, later: bool) -> None:
    upstream.add("one", ONE)
    assert mirrored.run("sync") == 0
    path = mirrored.root / "one" / ONE[0]
    before = path.stat().st_mtime
    upstream.add("one", wheel("one", "1", body="other = 1\n"))
    upstream.projects["one"][ONE[0]].modified = WRITTEN + (60 if later else -60)
    assert mirrored.run("sync") == 0
    assert b"other" in path.read_bytes() or path.stat().st_size != len(ONE[1])
    assert path.stat().st_mtime > before
    (when, source), = times(mirrored).values()
    assert (when == "2020-02-02T00:01:00Z") is later
    assert str(when) > THEN
    assert source == (upload_times.LAST_MODIFIED if later else upload_times.FIRST_SEEN)


def test_the_time_of_a_damaged_file_that_no_page_lists_does_not_count(mirrored: Mirrored, upstream: Upstream) -> None:
    """As a power cut leaves it: the name and the time of a file, without its content, and no record."""
    upstream.add("one", ONE)
    assert mirrored.run("sync") == 0
    for path in (*(mirrored.root / ".pypimirror").glob("state*"), *(mirrored.root / "one").glob("index.*")):
        path.unlink()
    (mirrored.root / "one" / ONE[0]).write_bytes(bytes(len(ONE[1])))
    os.utime(mirrored.root / "one" / ONE[0], (WRITTEN, WRITTEN))
    assert mirrored.run("sync") == 0
    assert (mirrored.root / "one" / ONE[0]).read_bytes() == ONE[1]
    assert times(mirrored) == {ONE[0]: (THEN, upload_times.LAST_MODIFIED)}


def test_two_mirrors_of_one_upstream_are_alike(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("one", ONE, sdist("one", "1"))
    other = Mirrored(tmp_path / "other" / "mirror", upstream.url)
    other.root.parent.mkdir()
    assert mirrored.run("sync") == other.run("sync") == 0
    assert unserial(mirrored.tree()) == unserial(other.tree())


def test_a_mirror_of_the_mirror_has_the_same_times_as_its_upstreams(mirrored: Mirrored, upstream: Upstream,
                                                                    tmp_path: Path) -> None:
    upstream.add("one", ONE)
    assert mirrored.run("sync") == 0
    second = Mirrored(tmp_path / "second" / "mirror", str(mirrored.root))
    second.root.parent.mkdir()
    assert second.run("sync") == 0
    assert times(second) == {ONE[0]: (THEN, None)}


def test_min_age_judges_upstreams_times_alone(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    """Neither a site's own files nor old ones that are new to this mirror are held back, nor taken away by a later run."""
    put(tmp_path / "own", wheel("own", "1"))
    upstream.add("one", ONE)
    upstream.projects["one"][ONE[0]].modified = None
    mirrored.settings |= {"min_age": "7d", "local_packages": tmp_path / "own"}
    for verb in ("sync", "-U", "-I"):
        assert mirrored.run(verb) == 0
        assert times(mirrored)[ONE[0]][1] == times(mirrored, "own")[wheel("own", "1")[0]][1] == upload_times.FIRST_SEEN


def test_a_site_s_own_file_has_the_time_of_its_first_run_not_of_its_copy(mirrored: Mirrored, tmp_path: Path,
                                                                        ago: list[float]) -> None:
    put(tmp_path / "own", ONE)
    os.utime(tmp_path / "own" / ONE[0], (WRITTEN, WRITTEN))
    mirrored.settings |= {"local_packages": tmp_path / "own", "package_matches": None}
    ago[0] = 10 * DAY
    assert mirrored.run("sync") == 0
    first = times(mirrored)
    when, source = first[ONE[0]]
    assert source == upload_times.FIRST_SEEN
    assert abs(time.mktime(time.strptime(str(when), "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time()) < DAY
    ago[0] = 0
    put(tmp_path / "own", wheel("one", "2"))
    assert mirrored.run("sync") == 0
    assert times(mirrored)[ONE[0]] == first[ONE[0]]
    assert times(mirrored)[wheel("one", "2")[0]] > first[ONE[0]]


@pytest.mark.parametrize("kind", ["html", "own", "directory"])
def test_clients_with_a_cooldown_install(kind: str, mirrored: Mirrored, upstream: Upstream, tmp_path: Path,
                                         ago: list[float]) -> None:
    """The newest release is from today: both clients take the one before."""
    new = wheel("one", "2")
    if kind == "html":
        upstream.json = False
        upstream.add("one", ONE)
    else:
        put(tmp_path / "heap", ONE)
        os.utime(tmp_path / "heap" / ONE[0], (WRITTEN, WRITTEN))
        key = "local_packages" if kind == "own" else "index_url"
        mirrored.settings |= {key: tmp_path / "heap", "package_matches": "one"}
    ago[0] = 10 * DAY
    assert mirrored.run("sync") == 0
    ago[0] = 0
    put(tmp_path / "heap", new)
    upstream.add("one", new)
    upstream.projects["one"][new[0]].modified = int(time.time()) - 60
    assert mirrored.run("sync") == 0
    assert len(times(mirrored)) == 2
    with servers.serve(mirrored.root, tmp_path / "log") as address:
        assert clients.pip(f"{address}/", ["one"], tmp_path, "--uploaded-prior-to", "P1D") == {"one": "1"}
        assert clients.uv(f"{address}/", ["one"], tmp_path, "--exclude-newer", "1 day") == {"one": "1"}
        assert clients.uv(f"{address}/", ["one"], tmp_path / "any") == {"one": "2"} if (tmp_path / "any").mkdir() is None else 0


def test_the_mark_is_not_passed_on_as_upstreams(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", ONE, **{"_upload-time-source": "x", "upload-time": "2021-01-01T00:00:00Z"})
    assert mirrored.run("sync") == 0
    assert times(mirrored) == {ONE[0]: ("2021-01-01T00:00:00Z", None)}
    assert "_upload-time-source" not in json.dumps(mirrored.page("one"))


def test_older_json_and_pages_for_people_have_it(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", ONE)
    mirrored.settings["index_formats"] = "html json legacy-json browse"
    assert mirrored.run("sync") == 0
    legacy: dict[str, Any] = json.loads(mirrored.read("pypi/one/json"))
    assert legacy["urls"][0]["upload_time_iso_8601"] == THEN
    assert f'<time datetime="{THEN}">' in mirrored.read("one/browse.html")
