"""A state that an older version wrote is brought up to date, one that a newer version wrote is refused and left alone."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pypimirror.state import damage, schema
from pypimirror.state.database import Row, State
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

#: Layout 1, as it was written.
FIRST = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE projects (
    name TEXT PRIMARY KEY, display TEXT NOT NULL, list_serial TEXT, page_serial TEXT, pending INTEGER NOT NULL,
    serial INTEGER NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL, yanked INTEGER NOT NULL, error TEXT, since REAL
) WITHOUT ROWID;
CREATE TABLE records (name TEXT PRIMARY KEY, record BLOB NOT NULL);
CREATE INDEX unfinished ON projects (name) WHERE pending > 0;
PRAGMA user_version = 1;
"""


def database(mirrored: Mirrored) -> Path:
    return mirrored.root / ".pypimirror/state.sqlite"


def content(path: Path) -> list[Any]:
    """Give the names of all columns and indexes, and all rows."""
    with closing(sqlite3.connect(path)) as opened:
        tables = sorted(name for name, in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
        return [opened.execute("PRAGMA user_version").fetchone(),
                sorted(name for name, in opened.execute("SELECT name FROM sqlite_master WHERE type = 'index'")),
                [(name, [row[1:4] for row in opened.execute(f"PRAGMA table_info({name})")]) for name in tables],
                {name: opened.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in tables}]


def make_old(path: Path) -> None:
    """Replace a database by what the first layout would have held."""
    rows = content(path)[3]
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA journal_mode = DELETE")
    path.unlink()
    with closing(sqlite3.connect(path)) as old:
        old.executescript(FIRST)
        old.executemany("INSERT INTO facts VALUES (?, ?)", rows["facts"])
        old.executemany("INSERT INTO projects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [row[:11] for row in rows["projects"]])
        old.executemany("INSERT INTO records VALUES (?, ?)", rows["records"])
        old.commit()


@pytest.fixture
def filled(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror of which one release is held back until some day."""
    upstream.add("one", wheel("one", "1"), upload_time="2020-01-01T00:00:00Z")
    upstream.add("one", wheel("one", "2"), upload_time="2099-01-01T00:00:00Z")
    upstream.add("two", wheel("two", "1"), sdist("two", "1"))
    mirrored.settings["min_age"] = "7d"
    assert mirrored.run("sync") == 0
    return mirrored


def test_one_of_an_older_version_is_brought_up_to_date_and_nothing_of_it_is_lost(
        filled: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    now, tree = content(database(filled)), filled.tree()
    make_old(database(filled))
    upstream.asked()
    assert filled.run("sync") == 0
    assert upstream.asked() == ["/simple/"]
    then = content(database(filled))
    assert then[:3] == now[:3]
    assert then[3]["projects"] == now[3]["projects"]  # what was not remembered before, too
    assert then[3]["records"] == now[3]["records"]
    assert filled.tree() == tree
    upstream.add("two", wheel("two", "3"))
    upstream.asked()
    assert filled.run("sync") == 0
    assert [path for path in upstream.asked() if path.endswith(".whl")] == ["/files/two/two-3-py3-none-any.whl"]
    assert filled.run("verify") == 0
    assert "damaged" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("arguments", [("status",), ("plan",)])
def test_one_of_an_older_version_can_be_read_before_it_is_brought_up(
        filled: Mirrored, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    capsys.readouterr()
    assert filled.run(*arguments) == 0
    told = capsys.readouterr().out
    make_old(database(filled))
    before = database(filled).read_bytes()
    assert filled.run(*arguments) == 0
    if arguments == ("plan",):
        assert capsys.readouterr().out == told
    else:
        assert "projects       2" in capsys.readouterr().out
    assert database(filled).read_bytes() == before


@pytest.mark.parametrize("arguments", [("sync",), ("-I",), ("-i",), ("plan",), ("status",), ("verify",), ("verify", "--repair"),
                                       ("trash", "empty")])
def test_one_of_a_newer_version_is_refused_with_one_line_and_left_alone(
        filled: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(database(filled))) as opened:
        opened.execute("PRAGMA journal_mode = DELETE")
        opened.execute(f"PRAGMA user_version = {schema.LAYOUT + 1}")
        opened.execute("ALTER TABLE projects RENAME COLUMN display TO shown")
    before, tree = database(filled).read_bytes(), filled.tree()
    upstream.add("two", wheel("two", "3"))
    capsys.readouterr()
    assert filled.run(*arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{database(filled)}: written by a newer version of this program" in error
    assert database(filled).read_bytes() == before
    assert filled.tree() == tree
    assert not list(database(filled).parent.glob("*.damaged"))


def test_what_it_says_to_do_helps(filled: Mirrored, upstream: Upstream) -> None:
    with closing(sqlite3.connect(database(filled))) as opened:
        opened.execute(f"PRAGMA user_version = {schema.LAYOUT + 1}")
    assert filled.run("sync") == 2
    database(filled).unlink()
    upstream.asked()
    assert filled.run("sync") == 0
    assert not [path for path in upstream.asked() if path.startswith("/files/")]


def test_a_step_that_fails_leaves_all_as_it_was(filled: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    make_old(database(filled))
    before = content(database(filled))

    def broken(database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE half (name TEXT)")
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(schema, "_STEPS", (*schema._STEPS, broken))
    monkeypatch.setattr(schema, "LAYOUT", schema.LAYOUT + 1)
    assert filled.run("sync") == 1
    assert content(database(filled)) == before
    monkeypatch.undo()
    assert filled.run("sync") == 0


def test_one_that_lacks_something_is_set_aside_as_damaged(filled: Mirrored, upstream: Upstream) -> None:
    with closing(sqlite3.connect(database(filled))) as opened:
        opened.execute("DROP INDEX wrong")  # has all columns in its condition
        opened.execute("DROP INDEX failed")
        opened.execute("ALTER TABLE projects DROP COLUMN unmet")
    upstream.asked()
    assert filled.run("sync") == 0
    assert database(filled).with_suffix(".sqlite.damaged").exists()
    assert not [path for path in upstream.asked() if path.startswith("/files/")]


@pytest.mark.parametrize("query", [
    f"SELECT count(*) FROM projects INDEXED BY wrong WHERE {damage.WRONG_ROW}",
    f"SELECT name FROM projects WHERE {schema.FAILED}",
    f"SELECT total(barren) FROM projects WHERE {schema.BARREN}",
])
def test_no_run_reads_all_rows_for_the_few_that_matter(tmp_path: Path, query: str) -> None:
    state = State(str(tmp_path))
    state.open()
    state.close()
    with closing(sqlite3.connect(tmp_path / "state.sqlite")) as opened:
        [plan] = opened.execute(f"EXPLAIN QUERY PLAN {query}")
    assert re.search("USING (COVERING )?INDEX (wrong|failed|barren)", plan[-1])


def test_totals_follow_each_change(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    state.open()
    row = Row("a", "a", None, None, 0, 5, 2, 100, 0)
    state.save(row, b"")
    assert state.totals()[:3] == (1, 2, 100)
    state.save(row._replace(files=3), None)
    state.save(row._replace(name="b"), b"")
    assert state.totals()[:3] == (2, 5, 200)
    state.forget("a")
    assert state.totals()[:3] == (1, 2, 100)
    state.close()
    state.open()
    assert state.totals()[:3] == (1, 2, 100)
    state.close()


def test_a_new_one_is_that_of_an_empty_mirror(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    assert state.open() is None
    assert state.fresh
    state.close()
    assert content(tmp_path / "state.sqlite")[0] == (schema.LAYOUT,)


def test_a_fact_that_was_not_committed_is_written_again(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    state.open()
    state.begin()
    state.set_fact("root_due", "1")
    state.set_fact("root_due", "1")
    state.close()
    state.open()
    assert state.fact("root_due") is None
    state.set_fact("root_due", "1")
    assert state.fact("root_due") == "1"
    state.set_fact("root_due", None)
    assert state.fact("root_due") is None
    state.set_fact("root_due", "1")
    assert state.fact("root_due") == "1"
    state.close()
