"""A project whose folder is taken by something else fails alone, is reported by each run and by ``verify``, and heals."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]


def linked(folder: Path, elsewhere: Path) -> None:
    """Move a folder away, as to another disk, and leave a link behind."""
    elsewhere.mkdir()
    if folder.exists():
        shutil.move(folder, elsewhere / folder.name)
    else:
        (elsewhere / folder.name).mkdir()
    folder.symlink_to(elsewhere / folder.name)


def a_file(folder: Path, elsewhere: Path) -> None:
    """Put a file in the place of a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("not a folder")


def dangling(folder: Path, elsewhere: Path) -> None:
    """Put a link that leads nowhere in the place of a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.symlink_to(elsewhere / "nothing")


def cleared(folder: Path) -> None:
    folder.unlink()


@pytest.fixture
def mirror(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror of one project, and upstream has three more by now."""
    upstream.add("old", wheel("old", "1"))
    assert mirrored.run("sync") == 0
    for name in ("bad", "good", "Zope.Demo"):
        upstream.add(name, wheel(name, "1"), sdist(name, "1"))
    return mirrored


def roots(mirrored: Mirrored) -> list[str]:
    """Return the names on the pages about all projects, which must agree."""
    names = [project["name"] for project in json.loads(mirrored.read("index.v1_json"))["projects"]]
    assert all(f">{name}</a>" in mirrored.read("index.html") for name in names)
    return names


def failed(mirrored: Mirrored, capsys: Captured, *arguments: str) -> list[str]:
    capsys.readouterr()
    assert mirrored.run(*arguments) == 1
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return (printed.err + printed.out).splitlines()


@pytest.mark.parametrize("obstruct", [linked, a_file, dangling])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("changes", [True, False])
def test_an_obstructed_project_fails_alone_and_is_reported_until_it_is_cleared(
        mirror: Mirrored, upstream: Upstream, capsys: Captured, tmp_path: Path, obstruct: Callable[[Path, Path], None],
        before: bool, changes: bool) -> None:
    if not before:
        assert mirror.run("sync") == 0
    obstruct(mirror.root / "bad", tmp_path / "elsewhere")
    upstream.add("new", wheel("new", "1"))
    if changes or before:
        upstream.add("bad", wheel("bad", "2"))
        for _ in range(2):
            (line,) = failed(mirror, capsys, "-U")
            assert line.startswith("pypimirror: bad: ")
            assert f"{mirror.root}/bad" in line
            assert {"Zope.Demo", "good", "new"} <= set(roots(mirror))
            assert len(mirror.files("good")) == 2
    else:
        assert mirror.run("-U") == 0
        assert "new" in roots(mirror)
    (line,) = failed(mirror, capsys, "verify")[-1:]
    assert line.startswith("bad")
    cleared(mirror.root / "bad")
    assert mirror.run("-I") == 0
    assert roots(mirror) == ["bad", "good", "new", "old", "Zope.Demo"]
    assert mirror.untrue() == []
    assert mirror.run("verify") == 0


def test_nothing_is_written_through_the_link(mirror: Mirrored, tmp_path: Path) -> None:
    linked(mirror.root / "bad", tmp_path / "elsewhere")
    assert mirror.run("sync") == 1
    assert list((tmp_path / "elsewhere/bad").iterdir()) == []


def test_an_obstructed_folder_of_a_name_as_registered_is_no_matter_of_others(mirror: Mirrored, capsys: Captured) -> None:
    (mirror.root / "Zope.Demo").write_text("mine")
    (line,) = failed(mirror, capsys, "sync")
    assert line.startswith("pypimirror: zope-demo: ")
    assert roots(mirror) == ["bad", "good", "old"]
    cleared(mirror.root / "Zope.Demo")
    assert mirror.run("-U") == 0
    assert roots(mirror) == ["bad", "good", "old", "Zope.Demo"]


def test_an_obstructed_project_that_goes_keeps_no_other_from_going(mirror: Mirrored, upstream: Upstream, capsys: Captured,
                                                                   tmp_path: Path) -> None:
    assert mirror.run("sync") == 0
    linked(mirror.root / "bad", tmp_path / "elsewhere")
    mirror.settings["package_excludes"] = "bad good"
    assert mirror.run("-U") in (0, 1)
    assert roots(mirror) == ["old", "Zope.Demo"]
    assert not (mirror.root / "good").exists()
    assert (tmp_path / "elsewhere/bad/index.html").exists()  # what lies behind the link is none of ours


def test_a_mirror_may_lie_on_another_disk_behind_a_link(mirror: Mirrored, tmp_path: Path) -> None:
    shutil.move(mirror.root, tmp_path / "disk")
    mirror.root.symlink_to(tmp_path / "disk")
    assert mirror.run("sync") == 0
    assert (tmp_path / "disk/index.html").exists()
    assert mirror.run("verify") == 0


@pytest.mark.parametrize("obstruct", [linked, a_file, dangling])
def test_an_obstructed_folder_of_pin_files_holds_up_no_pin_and_is_reported_until_it_is_cleared(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, tmp_path: Path,
        obstruct: Callable[[Path, Path], None]) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    versions = tmp_path / "versions.cfg"
    versions.write_text("[versions]\none = 1\n")
    mirrored.settings |= {"versions": versions, "python_versions": "3.11", "package_matches": ""}
    assert mirrored.run("sync") == 0
    (name,) = [path.name for path in (mirrored.root / "pins").glob("*.cfg")]
    obstruct(mirrored.root / "pins", tmp_path / "elsewhere")
    versions.write_text("[versions]\none = 2\n")
    (line,) = failed(mirrored, capsys, "sync")
    assert f"pins/{name}" in line and line.endswith(f"the flattened file of {versions} can't be written, and its pins count")
    assert (mirrored.root / "one" / "one-2-py3-none-any.whl").exists()
    for verb in (("verify",), ("verify", "--repair")):
        (line,) = failed(mirrored, capsys, *verb)
        assert line.startswith(f"pins/{name}: ")
    cleared(mirrored.root / "pins")
    (line,) = failed(mirrored, capsys, "verify")
    assert line == f"pins/{name}: missing or obstructed; the next sync writes it, or reports why it can't"
    assert mirrored.run("sync") == 0 and mirrored.run("verify") == 0
    assert "one = 2\n" in mirrored.read(f"pins/{name}")


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("path", ["good/index.html", "good/index.v1_json", "good/good-1-py3-none-any.whl",
                                  "Zope.Demo/index.html", "index.html", "index.v1_json", "full.html"])
def test_a_folder_in_place_of_a_file_is_reported_until_a_repair_moves_it_away(
        mirror: Mirrored, upstream: Upstream, capsys: Captured, path: str, empty: bool) -> None:
    assert mirror.run("-U") == 0
    (mirror.root / path).unlink()
    (mirror.root / path).mkdir()
    if not empty:
        (mirror.root / path / "notes.txt").write_text("kept")
    for name in ("good", "Zope.Demo", "new"):
        upstream.add(name, wheel(name, "2"))
    for _ in range(2):
        (line,) = failed(mirror, capsys, "-U")
        assert line.endswith(f"{path}: Is a directory")
    assert (mirror.root / "new" / wheel("new", "2")[0]).is_file()
    assert any(line.startswith(f"{path}/: ") for line in failed(mirror, capsys, "verify"))
    assert mirror.run("verify", "--repair") == 0
    assert f"{path}/: repaired" in capsys.readouterr().out
    assert mirror.run("-U") == 0
    assert mirror.untrue() == []
    assert len(mirror.files("good")) == 3
    assert bool(list((mirror.root / ".pypimirror/trash").rglob("notes.txt"))) is not empty


@pytest.mark.parametrize("obstruct", [linked, a_file, dangling])
def test_an_obstructed_folder_of_a_second_page_is_reported_by_verify(
        mirror: Mirrored, upstream: Upstream, capsys: Captured, tmp_path: Path, obstruct: Callable[[Path, Path], None]) -> None:
    assert mirror.run("-U") == 0
    obstruct(mirror.root / "Zope.Demo", tmp_path / "elsewhere")
    upstream.add("Zope.Demo", wheel("Zope.Demo", "2"))
    assert len(failed(mirror, capsys, "-U")) == 1
    (line,) = failed(mirror, capsys, "verify")
    assert line.startswith("zope-demo: ")
    assert line.endswith("a file or a link in place of the folder")
    cleared(mirror.root / "Zope.Demo")
    assert mirror.run("-U") == 0
    assert mirror.run("verify") == 0
    assert mirror.untrue() == []


@pytest.mark.parametrize("obstruct", [a_file, dangling])
def test_without_a_usable_trash_new_files_are_mirrored_and_removals_wait(
        mirror: Mirrored, upstream: Upstream, capsys: Captured, tmp_path: Path, obstruct: Callable[[Path, Path], None]) -> None:
    trash = mirror.root / ".pypimirror/trash"
    obstruct(trash, tmp_path / "elsewhere")
    assert any("in place of the folder" in line for line in failed(mirror, capsys, "-U"))
    assert len(mirror.files("good")) == 2
    assert mirror.untrue() == []
    upstream.remove("old", wheel("old", "1")[0])
    failed(mirror, capsys, "-U", "--allow-deletions")
    assert mirror.files("old") == []
    assert (mirror.root / "old" / wheel("old", "1")[0]).is_file()
    cleared(trash)
    assert mirror.run("-U") == 0
    assert not (mirror.root / "old" / wheel("old", "1")[0]).exists()


def test_a_socket_in_place_of_a_page_is_replaced(
        mirror: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mirror.run("-U") == 0
    page = mirror.root / "good/index.html"
    page.unlink()
    monkeypatch.chdir(page.parent)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(page.name)
    upstream.add("good", wheel("good", "2"))
    assert mirror.run("-U") == 0
    assert len(mirror.files("good")) == 3
