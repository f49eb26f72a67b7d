"""trash: what was taken down is listed, put back without a download, and deleted."""

from __future__ import annotations

import json
import re

import pytest

from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

pytestmark = pytest.mark.storages

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def emptied(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> Mirrored:
    """A mirror whose upstream took away the project ``Gone.Project`` and one of two files of ``two``."""
    upstream.add("Gone.Project", wheel("Gone.Project", "1"), sdist("Gone.Project", "1"),
                 requires_python=">=3.8", yanked="it <breaks>", upload_time="2024-01-01T00:00:00Z")
    upstream.add("two", wheel("two", "1"), wheel("two", "2"))
    assert mirrored.run("sync") == 0
    upstream.remove("Gone.Project")
    upstream.remove("two", "two-1-py3-none-any.whl")
    assert mirrored.run("sync") == 0
    assert not (mirrored.root / "gone-project").exists()
    assert mirrored.files("two") == ["two-2-py3-none-any.whl"]
    upstream.asked()
    capsys.readouterr()
    return mirrored


def listed(mirrored: Mirrored, capsys: Captured) -> list[str]:
    """Return the names of the files in the trash."""
    capsys.readouterr()
    assert mirrored.run("trash", "list", "--json") == 0
    return [one["file"] for one in json.loads(capsys.readouterr().out)]


def test_the_list_is_a_table_of_date_project_file_and_size(emptied: Mirrored, capsys: Captured) -> None:
    assert emptied.run("trash", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"date +project +file +size", lines[0])
    assert [line.split()[1:3] for line in lines[1:]] == [
        ["gone-project", "gone_project-1-py3-none-any.whl"], ["gone-project", "gone_project-1.tar.gz"],
        ["two", "two-1-py3-none-any.whl"]]
    assert all(re.match(r"\d{4}-\d\d-\d\d ", line) and re.search(r" \d+ bytes$", line) for line in lines[1:])


def test_the_list_as_json_adds_up_to_what_status_says(emptied: Mirrored, capsys: Captured) -> None:
    assert emptied.run("trash", "list", "--json") == 0
    waiting = json.loads(capsys.readouterr().out)
    assert [set(one) for one in waiting] == [{"date", "project", "file", "bytes", "malicious", "refused"}] * 3
    assert emptied.run("status", "--json") == 0
    trash = json.loads(capsys.readouterr().out)["trash"]
    assert trash == {"files": 3, "bytes": sum(one["bytes"] for one in waiting)}


def test_an_empty_trash_says_so(mirrored: Mirrored, capsys: Captured) -> None:
    assert mirrored.run("trash", "list") == 0
    assert capsys.readouterr().out == "the trash is empty\n"
    assert mirrored.run("trash", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []
    assert not mirrored.root.exists()


@pytest.mark.bucket
@pytest.mark.parametrize("name", ["Gone.Project", "gone_project"])
def test_a_project_comes_back_with_its_facts_and_without_a_download(
        emptied: Mirrored, upstream: Upstream, capsys: Captured, name: str) -> None:
    assert emptied.run("trash", "restore", name) == 0
    assert capsys.readouterr().out.splitlines() == [
        "gone-project/gone_project-1-py3-none-any.whl restored", "gone-project/gone_project-1.tar.gz restored"]
    assert upstream.asked() == []
    assert not emptied.untrue()
    files = emptied.page("gone-project")["files"]
    assert [(f["requires-python"], f["yanked"], f["upload-time"]) for f in files] == [
        (">=3.8", "it <breaks>", "2024-01-01T00:00:00Z")] * 2
    assert files[0]["core-metadata"]["sha256"]
    assert 'href="gone-project/">Gone.Project</a>' in emptied.read("index.html")
    assert listed(emptied, capsys) == ["two-1-py3-none-any.whl"]
    assert emptied.run("verify") == 0


@pytest.mark.parametrize("option", ["-U", "-I"])
def test_what_was_put_back_stays_although_upstream_does_not_list_it(
        emptied: Mirrored, upstream: Upstream, capsys: Captured, option: str) -> None:
    assert emptied.run("trash", "restore", "gone-project") == 0
    assert emptied.run("trash", "restore", "two-1-py3-none-any.whl") == 0
    before = emptied.tree()
    for _ in range(2):
        upstream.touch("two")
        assert emptied.run(option) == 0
        assert emptied.tree().keys() == before.keys()
        assert len(emptied.files("two")) == len(emptied.files("gone-project")) == 2
    assert listed(emptied, capsys) == []


def test_what_upstream_lists_again_is_upstreams_again(emptied: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    assert emptied.run("trash", "restore", "two") == 0
    upstream.add("two", wheel("two", "1"))
    assert emptied.run("-U") == 0
    upstream.remove("two", "two-1-py3-none-any.whl")
    assert emptied.run("-U") == 0
    assert emptied.files("two") == ["two-2-py3-none-any.whl"]


def test_the_configuration_has_the_last_word(emptied: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    before = emptied.tree()
    emptied.settings["package_excludes"] = "gone-*"
    emptied.settings["filename_excludes"] = "two-1-*"
    for name in ("gone-project", "two"):
        assert emptied.run("trash", "restore", name) == 1
        out, err = capsys.readouterr()
        assert out == "" and "not restored: it is left out by the configuration (" in err
    assert emptied.tree() == before
    assert len(listed(emptied, capsys)) == 3
    emptied.settings["package_excludes"] = emptied.settings["filename_excludes"] = None
    assert emptied.run("trash", "restore", "gone-project") == 0
    emptied.settings["package_excludes"] = "gone-*"
    assert emptied.run("-U") == 0
    assert not (emptied.root / "gone-project").exists()


def test_what_is_quarantined_is_not_put_back(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    upstream.statuses["one"] = {"status": "quarantined"}
    upstream.touch("one")
    assert mirrored.run("sync") == 0
    assert mirrored.run("trash", "restore", "one") == 1
    assert "one/one-1-py3-none-any.whl: not restored: it is quarantined upstream\n" in capsys.readouterr().err
    assert mirrored.files("one") == []


def test_a_file_that_was_damaged_in_the_trash_is_not_put_back(emptied: Mirrored, capsys: Captured) -> None:
    path = next((emptied.root / ".pypimirror/trash").rglob("two-1-py3-none-any.whl"))
    path.write_bytes(path.read_bytes() + b"x")
    assert emptied.run("trash", "restore", "two") == 1
    assert "two/two-1-py3-none-any.whl: not restored: it is damaged" in capsys.readouterr().err
    assert listed(emptied, capsys)[-1] == "two-1-py3-none-any.whl"


def test_without_facts_core_metadata_tell_what_python_is_required(emptied: Mirrored, upstream: Upstream) -> None:
    for path in (emptied.root / ".pypimirror/trash").rglob("*.facts"):
        path.unlink()
    metadata = next((emptied.root / ".pypimirror/trash").rglob("two-1-*.metadata"))
    metadata.write_text("Metadata-Version: 2.1\nName: two\nRequires-Python: >=3.9\n\nRequires-Python: >=9\n")
    assert emptied.run("trash", "restore", "two") == 0
    assert emptied.page("two")["files"][0]["requires-python"] == ">=3.9"
    assert emptied.run("verify") == 0


def test_what_was_restored_is_no_problem_of_a_plan(emptied: Mirrored, capsys: Captured) -> None:
    assert emptied.run("trash", "restore", "Gone.Project") == 0
    for option in ("-U", "-I"):
        assert emptied.run("plan", option) == 0, capsys.readouterr()
        assert emptied.run("sync", option) == 0


def test_a_restoration_that_was_cut_off_is_finished_by_the_next_run(
        emptied: Mirrored, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    from pypimirror.sync.run import Run

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Run, "publish_offline", killed)
        assert emptied.run("trash", "restore", "gone-project") not in (0, 1)
    assert not (emptied.root / "gone-project").exists()
    assert emptied.run("-U") == 0
    assert len(emptied.files("gone-project")) == 2
    assert not emptied.untrue()


def test_what_was_put_back_and_is_lost_is_told_once(emptied: Mirrored, capsys: Captured) -> None:
    assert emptied.run("trash", "restore", "two") == 0
    (emptied.root / "two/two-1-py3-none-any.whl").unlink()
    assert emptied.run("verify", "--repair") == 1
    assert "its URL at upstream is not known" in capsys.readouterr().err
    assert emptied.files("two") == ["two-2-py3-none-any.whl"]
    assert emptied.run("-U") == 1
    assert emptied.run("-U") == 0
    assert emptied.run("verify") == 0


def test_what_is_in_the_mirror_is_said_to_be(emptied: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    assert emptied.run("trash", "restore", "two") == 0
    place = emptied.root / ".pypimirror/trash/2020-02-02/two/two-1-py3-none-any.whl"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"of another day")
    assert emptied.run("trash", "restore", "two") == 1
    assert "two-1-py3-none-any.whl: not restored: it is in the mirror\n" in capsys.readouterr().err
    assert not emptied.untrue()


@pytest.mark.parametrize("name", ["nothing", "../etc", "two-3-py3-none-any.whl", "index.html", "\x1b[31m", ""])
def test_a_name_that_is_not_in_the_trash_is_one_line(emptied: Mirrored, capsys: Captured, name: str) -> None:
    before = emptied.tree()
    assert emptied.run("trash", "restore", name) == 1
    assert capsys.readouterr().err == f"pypimirror: {name!r}: no project and no file of that name is in the trash\n"
    assert emptied.tree() == before


@pytest.mark.parametrize(("words", "hint"), [
    ((), ""), (("restore",), ""), (("list", "two"), ""), (("restore", "two", "one"), ""),
    (("emtpy",), "; did you mean 'empty'?")])
def test_wrong_words_end_with_2(emptied: Mirrored, capsys: Captured, words: tuple[str, ...], hint: str) -> None:
    assert emptied.run("trash", *words) == 2
    assert capsys.readouterr().err == f"pypimirror: trash takes one of: list, restore NAME, empty{hint}\n"
    assert len(listed(emptied, capsys)) == 3


@pytest.mark.bucket
@pytest.mark.heavy
def test_empty_deletes_all_that_waits_and_nothing_else(emptied: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    before = emptied.tree()
    assert emptied.run("trash", "empty") == 0
    assert re.fullmatch(r"3 files deleted, .* k?B(ytes)?\n", capsys.readouterr().out, re.IGNORECASE)
    assert not list((emptied.root / ".pypimirror").rglob("*.whl*"))
    assert not (emptied.root / ".pypimirror/trash").exists()
    assert emptied.tree() == before
    assert emptied.run("trash", "empty", "-q") == 0
    assert capsys.readouterr().out == ""
    assert emptied.run("-U") == 0


@pytest.mark.directory
def test_what_has_waited_long_enough_goes_with_the_next_run(emptied: Mirrored, capsys: Captured) -> None:
    trash = emptied.root / ".pypimirror/trash"
    today = next(iter(trash.iterdir()))
    today.rename(trash / "2020-02-02")
    assert emptied.run("-U") == 0
    assert listed(emptied, capsys) == []
    assert not trash.exists()


def test_a_second_run_ends_with_3(emptied: Mirrored) -> None:
    import zc.lockfile

    lock = zc.lockfile.LockFile(str(emptied.root / ".pypimirror/lock"))
    try:
        assert emptied.run("trash", "empty") == emptied.run("trash", "restore", "two") == 3
    finally:
        lock.close()
