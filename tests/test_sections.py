"""The page of all files is put together from what is kept of each project, and stays what it would be if made anew."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

import pytest

from pypimirror.index import full
from pypimirror.state import records
from pypimirror.state.page_fragments import Sections
from pypimirror.sync import pipeline, root_pages, tasks
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

NAMES = ("one", "two", "three", "four")


@pytest.fixture
def filled(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    for name in NAMES:
        upstream.add(name, wheel(name, "1"))
    assert mirrored.run("sync") == 0
    return mirrored


def anew(mirrored: Mirrored) -> str:
    """Return the page as it is made from the records alone."""
    assert mirrored.run("--indexes-only") == 0
    return mirrored.read("full.html")


def change(mirrored: Mirrored, statement: str) -> int:
    with closing(sqlite3.connect(mirrored.root / ".pypimirror/state.sqlite")) as database:
        count = database.execute(statement).rowcount
        database.commit()
        return count


def test_a_run_makes_the_sections_alone_that_changed(
        filled: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add("two", wheel("two", "2"))
    upstream.add("five", wheel("five", "1"))
    decoded = []
    decode = records.decode

    def counted(record: bytes) -> object:
        project = decode(record)
        decoded.append(project.name)
        return project

    monkeypatch.setattr(records, "decode", counted)
    assert filled.run("sync") == 0
    assert set(decoded) == {"two"}  # the step that published the new project had its values at hand
    monkeypatch.undo()
    page = filled.read("full.html")
    assert "two-2" in page
    assert "5 packages, 6 files" in page
    assert page == anew(filled)


def test_sections_come_with_what_is_published(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        upstream.add(name, wheel(name, "1"))
    lacking: list[str] = []
    found = Sections.lacking
    monkeypatch.setattr(Sections, "lacking", lambda self, page: (lacking.extend(found(self, page)), lacking)[1])
    assert mirrored.run("sync") == 0
    assert lacking == []
    assert all(f"{name}-1-py3" in mirrored.read("full.html") for name in NAMES)


@pytest.mark.parametrize("confirm_above", ["never", "400K"], ids=["meanwhile", "after all evaluations"])
@pytest.mark.heavy
def test_a_mirror_that_grows_too_large_for_the_page_keeps_few(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, confirm_above: str) -> None:
    mirrored.settings["confirm_above"] = confirm_above
    monkeypatch.setattr(full, "MOST_FILES", 3)
    monkeypatch.setattr(pipeline, "_CHUNK", 8)
    monkeypatch.setattr(tasks, "_SOME", 1)
    for number in range(200):
        upstream.add(f"project-{number}", wheel(f"project-{number}", "1"))
    assert mirrored.run("sync") == 0
    assert not (mirrored.root / "full.html").exists()
    with closing(sqlite3.connect(mirrored.root / ".pypimirror/state.sqlite")) as database:
        kept, = database.execute("SELECT count(*) FROM sections").fetchone()
    assert 0 < kept < 200


def test_what_goes_goes_from_the_page(filled: Mirrored, upstream: Upstream) -> None:
    upstream.remove("three")
    assert filled.run("sync") == 0
    page = filled.read("full.html")
    assert "three" not in page
    assert "3 packages, 3 files" in page
    assert page == anew(filled)
    assert change(filled, "DELETE FROM sections WHERE name = 'three'") == 0


def test_other_settings_make_all_sections_anew(filled: Mirrored, upstream: Upstream) -> None:
    filled.settings["base_url"] = "https://mirror.example.com/pypi"
    assert filled.run("sync") == 0
    page = filled.read("full.html")
    assert page.count('href="https://mirror.example.com/pypi/') == len(NAMES)
    assert page == anew(filled)


@pytest.mark.parametrize("name", ["one", "four"])
def test_another_version_makes_all_sections_anew(
        filled: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert change(filled, f"UPDATE sections SET section = x'6f6c64' WHERE name = '{name}'") == 1
    upstream.add("two", wheel("two", "2"))
    assert filled.run("sync") == 0
    assert "4 packages" in filled.read("full.html")
    assert filled.read("full.html") != anew(filled)
    change(filled, f"UPDATE sections SET section = x'6f6c64' WHERE name = '{name}'")
    upstream.add("two", wheel("two", "3"))
    monkeypatch.setattr(root_pages, "__version__", "999")
    assert filled.run("sync") == 0
    assert filled.read("full.html") == anew(filled)


def test_verify_trusts_nothing_that_is_kept(
        filled: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    change(filled, "UPDATE sections SET section = x'6f6c64' WHERE name = 'one'")
    upstream.add("two", wheel("two", "2"))
    assert filled.run("sync") == 0
    capsys.readouterr()
    assert filled.run("verify") == 1
    assert "full.html: the page is not what was written" in capsys.readouterr().out
    assert filled.run("verify", "--repair") == 0
    assert filled.run("verify") == 0
    assert filled.read("full.html") == anew(filled)


def test_a_state_without_sections_gets_them(filled: Mirrored, upstream: Upstream) -> None:
    change(filled, "DELETE FROM sections")
    upstream.add("two", wheel("two", "2"))
    assert filled.run("sync") == 0
    assert filled.read("full.html") == anew(filled)
    assert change(filled, "DELETE FROM sections") == len(NAMES)


def test_settings_that_were_others_for_one_project_leave_nothing_behind(filled: Mirrored, upstream: Upstream) -> None:
    filled.settings["base_url"] = "https://other.example.com"
    upstream.add("two", wheel("two", "2"))
    assert filled.run("sync", "two") == 0
    assert filled.read("full.html").count('href="https://other.example.com/') == len(NAMES) + 1
    filled.settings["base_url"] = None
    upstream.add("three", wheel("three", "2"))
    assert filled.run("sync") == 0
    assert "https:" not in filled.read("full.html")
    assert filled.run("verify") == 0


def test_pages_about_all_projects_have_one_serial_whichever_of_them_is_missing(filled: Mirrored) -> None:
    for lost in ("full.html", "index.html"):
        (filled.root / lost).unlink()
        assert filled.run("sync", "one") == 0
        serials = re.findall(r"SERIAL (\d+)", filled.read("index.html") + filled.read("full.html"))
        assert {*serials, str(json.loads(filled.read("index.v1_json"))["meta"]["_last-serial"])} == {serials[0]}
