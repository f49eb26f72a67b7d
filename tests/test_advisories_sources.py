"""Where advisories come from: archives, directories and URLs; what is wrong with a source changes nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pypimirror.advisories import archive, importer
from pypimirror.advisories.database import AdvisoryDatabase
from pypimirror.advisories.importer import Importer, ImportResult
from pypimirror.errors import StorageError
from pypimirror.http.requests_fetcher import RequestsFetcher
from pypimirror.http.retry import RetryPolicy
from pypimirror.settings.reader import read
from pypimirror.settings.units import format_moment
from support import osv
from support.mirror import Mirrored
from support.upstream import Upstream

MANY = [osv.document(f"PYSEC-{number}", f"project-{number % 7}", introduced="0", fixed="2.0", modified="2020-01-02T00:00:00Z")
        for number in range(40)]
NEW = osv.document("PYSEC-99", "demo", introduced="0", modified=format_moment(time.time() - 3600))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[AdvisoryDatabase]:
    made = AdvisoryDatabase(str(tmp_path / "state"))
    assert made.open() is None
    yield made
    made.close()


def update(database: AdvisoryDatabase, *sources: Any, trust: bool = False, max_age: int = 0) -> ImportResult:
    mirror = Path(database.path).parent.parent / "pypimirror.cfg"
    mirror.write_text(f"[DEFAULT]\nmirror_file_path = {mirror.parent / 'mirror'}\n")
    fetcher = RequestsFetcher(read(str(mirror)))
    try:
        return Importer(database, fetcher, RetryPolicy(0), max_age, trust).update(map(str, sources))
    finally:
        fetcher.close()


def ids(database: AdvisoryDatabase, name: str) -> list[str]:
    return [each.id for each in database.of(name)]


def test_directories_and_archives_are_read_and_joined(tmp_path: Path, database: AdvisoryDatabase) -> None:
    one = osv.write_directory(tmp_path / "one", osv.document("PYSEC-1", "demo", introduced="0"))
    (one / "deep").mkdir()
    osv.write_directory(one / "deep", osv.document("PYSEC-2", "demo", introduced="0"))
    (one / "README.txt").write_text("no advisory")
    two = osv.write_archive(tmp_path / "two.zip", osv.document("MAL-3", "demo", versions=["1.0"]))
    assert update(database, one, two) == ImportResult()
    assert ids(database, "demo") == ["MAL-3", "PYSEC-1", "PYSEC-2"]
    assert database.digests()["demo"][1]
    document = database.document("PYSEC-2")
    assert document is not None and document["id"] == "PYSEC-2"
    assert database.document("PYSEC-7") is None
    # A source that is not configured any more is forgotten.
    assert update(database, one) == ImportResult()
    assert ids(database, "demo") == ["PYSEC-1", "PYSEC-2"] and not database.digests()["demo"][1]


@pytest.mark.parametrize("kind", ["directory", "archive"])
def test_only_what_changed_is_read(tmp_path: Path, database: AdvisoryDatabase, monkeypatch: pytest.MonkeyPatch,
                                   kind: str) -> None:
    def write(*documents: Any) -> Path:
        return osv.write_archive(tmp_path / "all.zip", *documents) if kind == "archive" else osv.write_directory(
            tmp_path / "all", *documents)

    source = write(*MANY)
    update(database, source)
    before, generation = database.digests(), database.generation
    taken: list[str] = []
    read_document = importer.osv.read_document

    def noted(body: bytes) -> dict[str, Any]:
        document = read_document(body)
        taken.append(document["id"])
        return document

    monkeypatch.setattr(importer.osv, "read_document", noted)
    update(database, source)
    assert database.generation == generation and not taken
    if kind == "archive":
        # Another time of the archive, and the same content.
        os.utime(source, (1, 1))
        update(database, source)
        assert database.generation == generation and not taken
    changed = {**MANY[3], "summary": "another summary"}
    if kind == "archive":
        write(*MANY[:3], changed, *MANY[4:39], NEW)
    else:
        (source / "PYSEC-3.json").write_text(importer.osv.json.dumps(changed))
        (source / "PYSEC-39.json").unlink()
        (source / "PYSEC-99.json").write_text(importer.osv.json.dumps(NEW))
    assert update(database, source) == ImportResult()
    assert sorted(taken) == ["PYSEC-3", "PYSEC-99"]
    assert {name for name, digest in database.digests().items() if before.get(name) != digest} == {
        "demo", "project-3", "project-4"}
    assert next(each for each in database.of("project-3") if each.id == "PYSEC-3").summary == "another summary"


def test_a_url_is_asked_whether_it_changed(tmp_path: Path, database: AdvisoryDatabase, upstream: Upstream) -> None:
    body = osv.write_archive(tmp_path / "all.zip", *MANY).read_bytes()
    asked: list[str | None] = []

    def answer(handler: Any) -> None:
        asked.append(handler.headers.get("If-None-Match"))
        unchanged = asked[-1] == '"1"'
        handler.send_response(304 if unchanged else 200)
        handler.send_header("ETag", '"1"')
        handler.send_header("Content-Length", "0" if unchanged else str(len(body)))
        handler.end_headers()
        handler.wfile.write(b"" if unchanged else body)

    upstream.answers["/all.zip"] = answer
    url = f"{upstream.host}/all.zip"
    assert update(database, url) == ImportResult()
    generation = database.generation
    assert update(database, url) == ImportResult()
    assert asked == [None, '"1"'] and database.generation == generation and len(database.digests()) == 7
    assert [path.name for path in Path(database.path).parent.glob("advisories.*") if "sqlite" not in path.name] == []


@pytest.mark.parametrize(("status", "body", "problem"), [
    (503, b"later", "status 503"), (404, b"", "status 404"),
    (200, b"<html>Log in</html>", "neither a directory nor an intact zip"),
    (200, b"", "neither a directory nor an intact zip")])
def test_what_a_url_gave_last_counts(tmp_path: Path, database: AdvisoryDatabase, upstream: Upstream, status: int, body: bytes,
                                     problem: str) -> None:
    url = f"{upstream.host}/all.zip"
    upstream.answers["/all.zip"] = (status, {}, body)
    (first,) = update(database, url).problems
    assert problem in first and url in first and first.endswith("none of its advisories was ever read")
    upstream.answers["/all.zip"] = (200, {}, osv.write_archive(tmp_path / "all.zip", *MANY).read_bytes())
    assert update(database, url) == ImportResult()
    generation = database.generation
    upstream.answers["/all.zip"] = (status, {}, body)
    (second,) = update(database, url).problems
    assert problem in second and second.endswith("count") and database.generation == generation


def test_a_damaged_archive_changes_nothing(tmp_path: Path, database: AdvisoryDatabase) -> None:
    source = osv.write_archive(tmp_path / "all.zip", *MANY)
    update(database, source)
    generation = database.generation
    osv.write_archive(source, *MANY, NEW)
    whole = source.read_bytes()
    place = whole.index(b"PYSEC-99.json") + 20
    source.write_bytes(whole[:place] + bytes(byte ^ 0x55 for byte in whole[place:place + 60]) + whole[place + 60:])
    (problem,) = update(database, source).problems
    assert str(source) in problem and "those of" in problem
    assert database.generation == generation and ids(database, "demo") == []
    # It is read again as soon as it is whole.
    source.write_bytes(whole)
    assert update(database, source) == ImportResult() and ids(database, "demo") == ["PYSEC-99"]


@pytest.mark.parametrize(("offset", "value"), [(0, 1), (2, 99), (2, 14)], ids=["encrypted", "unknown", "lzma"])
def test_an_archive_that_can_not_be_unpacked_changes_nothing(tmp_path: Path, database: AdvisoryDatabase, offset: int,
                                                             value: int) -> None:
    """offset: from the flags of an entry, which the compression method follows."""
    source = osv.write_archive(tmp_path / "all.zip", *MANY)
    update(database, source)
    generation = database.generation
    body = bytearray(osv.write_archive(source, *MANY, NEW).read_bytes())
    name = b"PYSEC-99.json"
    for place in (body.index(name) - 30 + 6, body.rindex(name) - 46 + 8):
        body[place + offset] = value
    source.write_bytes(body)
    (problem,) = update(database, source).problems
    assert str(source) in problem and "those of" in problem and database.generation == generation


@pytest.mark.parametrize("left", [0, 19])
def test_a_source_that_lost_half_changes_nothing(tmp_path: Path, database: AdvisoryDatabase, left: int) -> None:
    source = osv.write_archive(tmp_path / "all.zip", *MANY)
    update(database, source)
    before = database.digests()
    osv.write_archive(source, *MANY[:left])
    (problem,) = update(database, source).problems
    assert f"has {left} advisor" in problem and "had 40" in problem and "--allow-deletions" in problem
    assert database.digests() == before
    assert update(database, source, trust=True) == ImportResult()
    assert len(database.digests()) == min(left, 7)


def test_a_source_may_lose_less(tmp_path: Path, database: AdvisoryDatabase) -> None:
    source = osv.write_archive(tmp_path / "all.zip", *MANY)
    update(database, source)
    osv.write_archive(source, *MANY[:20])
    assert update(database, source) == ImportResult()


def test_a_small_directory_may_lose_more(tmp_path: Path, database: AdvisoryDatabase) -> None:
    source = osv.write_directory(tmp_path / "own", *MANY[:8])
    update(database, source)
    osv.write_directory(source, MANY[0])
    assert update(database, source) == ImportResult()


def test_an_older_archive_changes_nothing(tmp_path: Path, database: AdvisoryDatabase) -> None:
    source = osv.write_archive(tmp_path / "all.zip", *MANY, NEW)
    update(database, source)
    osv.write_archive(source, *MANY)
    (problem,) = update(database, source).problems
    assert "its newest advisory is of 2020-01-02" in problem and ids(database, "demo") == ["PYSEC-99"]


def test_an_archive_that_is_not_brought_up_to_date_is_reported(tmp_path: Path, database: AdvisoryDatabase) -> None:
    old = osv.document("PYSEC-1", "demo", introduced="0", modified="2020-01-01T00:00:00Z")
    source, own = osv.write_archive(tmp_path / "all.zip", old), osv.write_directory(tmp_path / "own", old)
    (problem,) = update(database, source, own, max_age=86400).problems
    assert str(source) in problem and "2020-01-01" in problem and "advisories_max_age" in problem
    assert ids(database, "demo") == ["PYSEC-1"]
    assert update(database, source, own, max_age=0) == ImportResult()
    osv.write_archive(source, old, NEW)
    assert update(database, source, own, max_age=86400) == ImportResult()


@pytest.mark.parametrize("table", ["facts", "sources", "documents", "packages", "projects"])
def test_a_database_that_lacks_a_table_is_refused_by_readers_and_read_again_by_a_sync(
        tmp_path: Path, database: AdvisoryDatabase, table: str) -> None:
    source = osv.write_archive(tmp_path / "all.zip", NEW)
    update(database, source)
    database._db.execute(f"DROP TABLE {table}")
    database.close()
    lacking = {"documents": "by_id, documents", "packages": "by_member, packages"}.get(table, table)
    with pytest.raises(StorageError, match=rf"advisories\.sqlite: can't be read: missing: {lacking}; the next sync"):
        database.open_to_read()
    database.close()
    told = database.open()
    assert told is not None and f"damaged (missing: {lacking}); the advisories are read again" in told
    update(database, source)
    assert ids(database, "demo") == ["PYSEC-99"]


@pytest.mark.parametrize("modified", ["9999-12-31T23:59:59Z", "2999-01-01T00:00:00+02:00", "0999-01-01T00:00:00Z"])
def test_an_advisory_of_an_odd_year_does_not_hide_that_the_others_are_old(
        tmp_path: Path, database: AdvisoryDatabase, modified: str) -> None:
    old = osv.document("PYSEC-1", "demo", introduced="0", modified="2020-01-01T00:00:00Z")
    odd = osv.document("PYSEC-2", "demo", introduced="0", modified=modified)
    source = osv.write_archive(tmp_path / "all.zip", old, odd)
    found = update(database, source, max_age=86400)
    assert any("its newest advisory is of 2020-01-01" in problem for problem in found.problems)
    assert [("dated in the future, such as PYSEC-2" in note) for note in found.notes] == [True] * (modified[0] != "0")
    assert ids(database, "demo") == ["PYSEC-1", "PYSEC-2"]
    # What an earlier version recorded as the newest keeps no archive out.
    database._db.execute("UPDATE sources SET newest = '2999-01-01T00:00:00Z'")
    osv.write_archive(source, old)
    (problem,) = update(database, source, max_age=86400).problems
    assert "its newest advisory is of 2020-01-01" in problem
    assert ids(database, "demo") == ["PYSEC-1"]


def test_an_archive_of_more_documents_than_any_source_has_is_refused(
        tmp_path: Path, database: AdvisoryDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    source = osv.write_archive(tmp_path / "all.zip", *MANY)
    monkeypatch.setattr(archive, "_MOST_UNPACKED", 1000)
    (problem,) = update(database, source).problems
    assert f"{source}: more than 0 GB of documents" in problem and ids(database, "project-1") == []


def test_entries_that_can_not_be_read_are_left_out(tmp_path: Path, database: AdvisoryDatabase,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 5000)
    source = osv.write_directory(tmp_path / "own", osv.document("PYSEC-1", "demo", introduced="0"))
    (source / "bad.json").write_text("{")
    (source / "large.json").write_text(" " * 6000)
    os.mkfifo(source / "fifo.json")
    (note,) = update(database, source).notes
    assert "2 entries can't be read" in note
    assert ids(database, "demo") == ["PYSEC-1"]


def test_too_many_documents(tmp_path: Path, database: AdvisoryDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_DOCUMENTS", 30)
    (problem,) = update(database, osv.write_archive(tmp_path / "all.zip", *MANY)).problems
    assert "more than 30 documents" in problem and not database.digests()


def test_a_missing_source(tmp_path: Path, database: AdvisoryDatabase) -> None:
    (problem,) = update(database, tmp_path / "none.zip").problems
    assert "none.zip: can't be read: No such file or directory" in problem


def test_the_newest_of_several_with_one_id_counts(tmp_path: Path, database: AdvisoryDatabase) -> None:
    old = osv.document("PYSEC-1", "demo", introduced="0", modified="2020-01-01T00:00:00Z")
    new = osv.document("PYSEC-1", "demo", introduced="0", modified="2021-01-01T00:00:00Z", withdrawn="2021-01-01T00:00:00Z")
    one, two = osv.write_directory(tmp_path / "one", old), osv.write_directory(tmp_path / "two", new)
    update(database, one)
    assert ids(database, "demo") == ["PYSEC-1"]
    update(database, one, two)
    assert ids(database, "demo") == [] and "demo" not in database.digests()


def test_a_damaged_database_is_read_again(tmp_path: Path) -> None:
    source = osv.write_directory(tmp_path / "own", *MANY)
    place = tmp_path / "state" / "advisories.sqlite"
    place.parent.mkdir()
    place.write_bytes(b"no database" * 1000)
    database = AdvisoryDatabase(str(place.parent))
    assert "damaged" in str(database.open())
    update(database, source)
    assert len(database.digests()) == 7
    database.close()


@pytest.mark.parametrize("fetcher", ["requests", "pycurl"])
def test_both_fetchers(mirrored: Mirrored, upstream: Upstream, tmp_path: Path, fetcher: str) -> None:
    if fetcher == "pycurl":
        pytest.importorskip("pycurl")
    bad = osv.document("MAL-1", "demo", versions=["1.0"], modified=format_moment(time.time() - 3600))
    upstream.answers["/all.zip"] = (200, {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"},
                                    osv.write_archive(tmp_path / "all.zip", bad).read_bytes())
    mirrored.settings |= {"fetcher": fetcher, "advisories": f"{upstream.host}/all.zip"}
    assert mirrored.run("sync") == 0
    database = AdvisoryDatabase(str(mirrored.root / ".pypimirror"))
    assert database.open_to_read() and ids(database, "demo") == ["MAL-1"]
    database.close()
