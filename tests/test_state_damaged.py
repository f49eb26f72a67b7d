"""What can't be read in the state is rebuilt and said in one line; no verb ends with a traceback on its account."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pypimirror.errors import StorageError
from pypimirror.model import File, Project, Stored
from pypimirror.state import records
from support import sampling
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]
Damage = Callable[[sqlite3.Connection], object]

FACTS = ["serial", "last_run", "last_good_run", "last_status", "last_problems", "root_due", "pinning", "list_etag",
         "files_settings", "pages_settings", "own_settings", "last_pinned", "retained", "follow_at", "needed", "pin_files",
         "roots", "sections_made_by", "verifying", "fresh", "told_cleanup"]
ODD = {"a word": "nonsense", "a NUL": "\0", "nothing": "", "NaN": "nan", "an endless number": "1e999",
       "many digits": "9" * 5000, "a negative one": "-5", "deep": "[" * 100_000, "a list": "[1, {}]",
       "a mapping": '{"a": {"b": 7}}',
       "bytes": b"\xff\xfe",
       "paths": "../../x /etc/passwd", "digits of another script": "٣"}
TEXTS = ["display", "list_serial", "page_serial", "error", "unmet", "advised"]
NUMBERS = ["pending", "serial", "files", "bytes", "yanked", "since", "due", "barren", "hidden", "untimed"]


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mirrored, Upstream, Path]]:
    """A mirror of three projects, its upstream, and a copy of the mirror as the first sync left it."""
    folder = tmp_path_factory.mktemp("damaged")
    with Upstream() as upstream:
        for name in ("one", "two", "three"):
            upstream.add(name, wheel(name, "1"), sdist(name, "1"))
        mirrored = Mirrored(folder / "mirror", upstream.url)
        (folder / "pins.cfg").write_text("[versions]\none = 1\n")
        mirrored.settings |= {"versions": "pins.cfg", "build_requirements": False}
        assert mirrored.run("sync") == 0
        shutil.copytree(mirrored.root, folder / "kept")
        yield mirrored, upstream, folder / "kept"


@pytest.fixture
def filled(synced: tuple[Mirrored, Upstream, Path]) -> Mirrored:
    """That mirror, whole."""
    mirrored, _, kept = synced
    shutil.rmtree(mirrored.root)
    shutil.copytree(kept, mirrored.root)
    return mirrored


@pytest.fixture
def upstream(synced: tuple[Mirrored, Upstream, Path]) -> Upstream:
    """Its upstream, which no test changes."""
    return synced[1]


def damage(mirrored: Mirrored, work: Damage) -> None:
    with closing(sqlite3.connect(mirrored.root / ".pypimirror/state.sqlite")) as opened:
        opened.execute("PRAGMA writable_schema = ON")
        work(opened)
        opened.commit()


def fact(name: str, value: object) -> Damage:
    return lambda opened: opened.execute("REPLACE INTO facts VALUES (?, ?)", (name, value))


def quiet(mirrored: Mirrored, capsys: Captured, *arguments: str) -> int:
    """Run; give the status. Nothing is printed that is more than a line, and no traceback."""
    capsys.readouterr()
    status = mirrored.run(*arguments)
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    assert "failed: " not in printed.err
    assert printed.err.count("\n") <= 1, printed.err
    return status


def healed(mirrored: Mirrored, upstream: Upstream, capsys: Captured, before: dict[str, bytes]) -> None:
    """Check that readers survive, that one run rebuilds what was lost, fetches nothing again, and that all is well then."""
    quiet(mirrored, capsys, "status", "--json")
    quiet(mirrored, capsys, "plan")
    upstream.asked()
    assert quiet(mirrored, capsys, "-U") == 0
    assert [path for path in upstream.asked() if path.startswith("/files/")] == []
    assert sorted(mirrored.tree()) == sorted(before)
    assert mirrored.untrue() == []
    assert quiet(mirrored, capsys, "verify") == 0
    assert mirrored.run("status", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["projects"], told["files"], told["errors"]) == (3, 6, [])


@pytest.mark.parametrize(("name", "value"), sampling.pairs(FACTS, tuple(ODD), 4))
def test_a_fact_that_cant_be_read_is_rebuilt(filled: Mirrored, upstream: Upstream, capsys: Captured, name: str,
                                             value: str) -> None:
    before = filled.tree()
    damage(filled, fact(name, ODD[value]))
    healed(filled, upstream, capsys, before)


def test_what_is_rebuilt_is_said(filled: Mirrored) -> None:
    damage(filled, fact("serial", "many"))
    damage(filled, lambda opened: opened.execute("UPDATE projects SET files = 'many' WHERE name = 'one'"))
    assert filled.run("-U") == 0
    log = (filled.root / ".pypimirror/pypimirror.log").read_text()
    assert ("state.sqlite: can't be read in part (fact 'serial' = 'many'; 1 projects); that part is rebuilt") in log


@pytest.mark.parametrize(("column", "value"), [
    *((column, b"\x00\xff") for column in (*TEXTS, *NUMBERS)),
    *sampling.pairs(NUMBERS, ("text", 1e300, float("inf"), 1 << 62), 2)])
def test_a_row_with_other_types_is_rebuilt(filled: Mirrored, upstream: Upstream, capsys: Captured, column: str,
                                           value: object) -> None:
    before = filled.tree()
    damage(filled, lambda opened: opened.execute(f"UPDATE projects SET {column} = ? WHERE name = 'two'", (value,)))
    healed(filled, upstream, capsys, before)


@pytest.mark.parametrize("statement", [
    *(f"DROP TABLE {name}" for name in ("facts", "projects", "records", "checked", "sections")),
    *(f"ALTER TABLE {name} RENAME TO other" for name in ("facts", "projects", "records", "checked", "sections")),
    *(f"DROP TRIGGER sections_after_{event}" for event in ("insert", "update", "delete")),
    # SQLite's messages quote the names and the value.
    "UPDATE facts SET value = CAST(X'66756C6CFF' AS TEXT) WHERE name = 'roots'",
    "UPDATE sqlite_master SET name = CAST(X'D9D9' AS TEXT), sql = 'CREATE TABLE ' WHERE name = 'checked'",
    "UPDATE sqlite_master SET name = CAST(X'D9D9' AS TEXT) WHERE name = 'unfinished'",
    "DROP INDEX unfinished", "DROP INDEX timed", "ALTER TABLE projects RENAME COLUMN pending TO left_over",
    "PRAGMA user_version = 0", "PRAGMA user_version = 1", "PRAGMA user_version = -7",
    "UPDATE facts SET value = CAST(X'FF80' AS TEXT) WHERE name = 'serial'",
    "UPDATE records SET name = CAST(X'FF80' AS TEXT) WHERE name = 'one'",
    "INSERT INTO projects SELECT X'00FF', display, list_serial, page_serial, pending, serial, files, bytes, yanked, error, "
    "since, due, barren, unmet, hidden, untimed, advised FROM projects WHERE name = 'one'",
    "UPDATE projects SET name = X'6F6E65' WHERE name = 'one'",
    *(f"UPDATE projects SET name = {name} WHERE name = 'one'" for name in (
        "printf('%.65000c', 'y')", "'../../one'", "''", "'-one'", "'ıne'")),
    "UPDATE projects SET display = printf('%.65000c', 'y') WHERE name = 'one'"])
def test_what_is_missing_or_no_text_is_rebuilt(filled: Mirrored, upstream: Upstream, capsys: Captured, statement: str) -> None:
    before = filled.tree()
    damage(filled, lambda opened: opened.execute(statement))
    healed(filled, upstream, capsys, before)


@pytest.mark.parametrize("statement", [
    "UPDATE projects SET display = CAST(X'FF80' AS TEXT) WHERE name = 'one'", "DELETE FROM records WHERE name = 'one'",
    "DELETE FROM projects WHERE name = 'one'", "UPDATE projects SET display = 'Evil' WHERE name = 'one'",
    "UPDATE projects SET name = 'o/ne' WHERE name = 'one'", "UPDATE projects SET name = 'one-' WHERE name = 'one'",
    "UPDATE sections SET page = CAST(X'66756C6CFF' AS TEXT) WHERE name = 'one'"])
def test_what_no_run_needs_is_found_by_a_verification(filled: Mirrored, upstream: Upstream, capsys: Captured,
                                                      statement: str) -> None:
    before = filled.tree()
    damage(filled, lambda opened: opened.execute(statement))
    assert quiet(filled, capsys, "verify") == 1
    assert quiet(filled, capsys, "verify", "--repair") == 0
    healed(filled, upstream, capsys, before)


def packed(text: str) -> bytes:
    return zlib.compress(text.encode())


def test_a_page_about_all_projects_names_none_that_is_not_one(filled: Mirrored) -> None:
    damage(filled, lambda opened: opened.execute("UPDATE projects SET display = 'Evil', name = 'o ne' WHERE name = 'one'"))
    damage(filled, lambda opened: opened.execute("UPDATE projects SET display = 'Evil' WHERE name = 'two'"))
    damage(filled, fact("root_due", "1"))
    filled.run("-U")
    for page in ("index.html", "index.v1_json", "full.html"):
        assert "Evil" not in filled.read(page) and "o ne" not in filled.read(page)
    assert filled.untrue() == []


def test_lines_about_damaged_texts_are_short(filled: Mirrored, capsys: Captured) -> None:
    long = "y" * 65_000
    damage(filled, fact("last_problems", json.dumps([long])))
    damage(filled, lambda opened: opened.execute("UPDATE projects SET display = ?, error = ?, unmet = ?", (long, long, long)))
    for verb in (["status"], ["status", "--json"], ["plan"], ["verify"]):
        filled.run(*verb)
        printed = capsys.readouterr()
        assert max(map(len, (printed.out + printed.err).splitlines()), default=0) < 3000, verb


RECORDS: dict[str, object] = {
    "no bytes": "text", "a number": 7, "empty": b"", "no archive": b"\xff\xfe", "no JSON": packed("x"),
    "deep": packed("[" * 100_000),
    "deep within": packed('{"name":"two","files":[["a",' + "[" * 100_000), "NaN": packed("NaN"),
    "many digits": packed('{"name":"two","files":[],"serial":' + "9" * 5000 + "}"), "a list": packed("[]"),
    "no files": packed('{"name":"two"}'), "files of numbers": packed('{"name":"two","files":[1]}'),
    "another key": packed('{"name":"two","files":[],"colour":1}'), "a cut one": records.encode(Project("two"))[:-3],
    "types of files": packed('{"name":"two","files":[[7,8]]}'),
    "types of hashes": packed('{"name":"two","files":[["two-1.tar.gz","",{"sha256":7}]]}'),
    "types of what is stored": packed('{"name":"two","files":[["two-1.tar.gz","",{},null,null,null,false,false,null,null,{},'
                                      'true,["x","y"]]]}'),
    "no Unicode in a file": packed('{"name":"two","files":[["two-1.tar.gz","",{},null,"\\udc80"]]}'),
    "no Unicode in the project": packed('{"name":"two","files":[],"display":"Two\\ud800"}'),
    "types of the project": packed('{"name":"two","files":[],"status":7,"pages":[1]}')}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_that_cant_be_read_is_rebuilt(filled: Mirrored, upstream: Upstream, capsys: Captured, record: object) -> None:
    before = filled.tree()
    damage(filled, lambda opened: opened.execute("UPDATE records SET record = ? WHERE name = 'two'", (record,)))
    damage(filled, lambda opened: opened.execute("UPDATE projects SET pending = 1 WHERE name = 'two'"))
    healed(filled, upstream, capsys, before)


def test_a_database_that_cant_store_a_rebuilt_record_is_rebuilt(filled: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    before = filled.tree()
    damage(filled, lambda opened: opened.execute("UPDATE records SET record = X'FF' WHERE name = 'two'"))
    damage(filled, lambda opened: opened.execute("UPDATE projects SET pending = 1 WHERE name = 'two'"))
    damage(filled, lambda opened: opened.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'FROM sections', 'FROM sektions') WHERE name LIKE 'sections_after_%'"))
    healed(filled, upstream, capsys, before)


def test_records_as_they_are_written_pass_the_check() -> None:
    file = File("a-1.tar.gz", "http://x.example.com/a", {"sha256": "0"}, 1, "2020", ">=3", "reason", {"sha256": "1"}, True, "p",
                {"more": [1]}, False, Stored("0", 1, "m", True, "v", "p", "s"), "e", "v", True, True)
    project = Project("a", (file, File("b", "")), "A", "7", "etag", {"status": "active"}, {"x": 1}, {"y": 2}, False, ("a/i",),
                      damaged=("broken",), upstream="http://x.example.com/")
    assert records.decode(records.encode(project)) == project
    odd = project._replace(files=(file._replace(extra={"\ud800": "\udc80"}),), extra={"x": "\ud800"}, meta={"\ud800": 1},
                           display="í")
    assert records.decode(records.encode(odd)) == odd  # as upstream's own keys may be
    with pytest.raises(StorageError):
        records.decode(records.encode(project._replace(files=(file._replace(size="1"),))))
