"""What a page and a record are together, and what follows from them: steps of a run that need no upstream."""

from __future__ import annotations

import sqlite3
import time
from types import SimpleNamespace
from typing import Any

import pytest

from pypimirror.engine.boundary import StepFailure
from pypimirror.errors import StorageError
from pypimirror.model import Change, File, Project, RequiredReleases, Stored
from pypimirror.selected import LeftOut, Selected, Unmet
from pypimirror.sync import changes, evaluate, external_links, failures
from pypimirror.sync.first_seen import first_seen
from pypimirror.sync.page_reading import merged, recent
from pypimirror.sync.plan import PlannedProject, as_json
from pypimirror.sync.sweep import unlinked

SINCE = 1_600_000_000.0
OLD = File("demo-1.tar.gz", "", upload_time="2001-01-01T00:00:00Z")
HERE = File("demo-2.tar.gz", "", upload_time="2001-01-02T00:00:00Z", stored=Stored("0" * 64, 1))
NEW = File("demo-3.tar.gz", "", upload_time="2030-01-01T00:00:00Z")
UNTOLD = File("demo-4.tar.gz", "")
PAGE = Project("demo", (OLD, HERE._replace(stored=None), NEW, UNTOLD), upstream="https://one.example.com/")


def names(project: Project) -> list[str]:
    return [file.filename for file in project.files]


def test_what_is_older_and_not_here_does_not_count() -> None:
    old = Project("demo", (HERE,), upstream="https://one.example.com/")
    assert names(recent(PAGE, old, SINCE)) == ["demo-2.tar.gz", "demo-3.tar.gz", "demo-4.tar.gz"]
    assert names(recent(PAGE, None, SINCE)) == ["demo-3.tar.gz", "demo-4.tar.gz"]


def test_all_counts_of_another_index_than_the_one_it_was_taken_from_before() -> None:
    old = Project("demo", (HERE,), upstream="https://two.example.com/")
    assert recent(PAGE, old, SINCE) == PAGE


# --- what a run has to do about a project

STORED = Stored("a" * 64, 5, published=True)
FILE = File("demo-1.tar.gz", "https://example.com/1", {"sha256": "a" * 64}, size=5, stored=STORED)


@pytest.mark.parametrize(("file", "expected"), [
    (FILE, True), (FILE._replace(stored=None), False), (FILE._replace(stored=STORED._replace(foreign=True)), False),
    (FILE._replace(hashes={"sha256": "b" * 64}), False), (FILE._replace(size=6), True),
    (FILE._replace(hashes={}), True), (FILE._replace(hashes={"md5": "c"}), True), (FILE._replace(hashes={}, size=6), False),
    (FILE._replace(hashes={}, size=None), True), (FILE._replace(validator="etag 1"), False),
    (FILE._replace(validator="etag 1", stored=STORED._replace(validator="etag 1")), True),
    (FILE._replace(stored=STORED._replace(validator="etag 1")), True)])
def test_which_files_are_what_upstream_offers(file: File, expected: bool) -> None:
    assert changes.is_up_to_date(file) is expected


DEMO = Project("demo", (FILE,), display="Demo", serial=1, upstream="https://one.example.com/")
ABSENT, NO_FILES = DEMO._replace(files=(), listed=False), DEMO._replace(files=())
MORE = File("demo-2.tar.gz", "", size=7)


@pytest.mark.parametrize(("old", "project", "files", "selected", "expected"), [
    # the record, upstream's page, what is selected of it, whether the project is, the change
    (DEMO, DEMO, (FILE,), True, {}),
    (None, DEMO, (FILE,), True, {"rewrite": True}),
    (None, DEMO, (), True, {"rewrite": True, "remove": 1}),
    (DEMO, DEMO._replace(files=(FILE, MORE)), (FILE, MORE), True, {"fetch": 1, "fetch_bytes": 7}),
    (DEMO, DEMO, (FILE, MORE._replace(size=None)), True, {"fetch": 1, "unsized": 1}),
    (DEMO, DEMO, (), True, {"remove": 1, "rewrite": True}),
    (DEMO, DEMO._replace(files=(FILE._replace(listed=False),)), (), True, {"remove": 1, "remove_upstream": 1, "rewrite": True}),
    (DEMO, DEMO._replace(files=(FILE._replace(listed=False, superseded=True),)), (), True, {"remove": 1, "rewrite": True}),
    (DEMO, DEMO._replace(files=(FILE._replace(listed=False),)), (), False, {"remove": 1, "project_removed": True}),
    (DEMO, DEMO, (), False, {"remove": 1, "project_removed": True}),
    (DEMO, ABSENT, (), True, {"project_removed": True, "removed_upstream": True}),
    (DEMO, ABSENT, (), False, {"project_removed": True}),
    (ABSENT, ABSENT, (), True, {"removed_upstream": True}),
    (ABSENT, NO_FILES, (), True, {"rewrite": True}),
    (NO_FILES, NO_FILES, (), True, {}),
    (NO_FILES, ABSENT._replace(files=(FILE._replace(listed=False),)), (FILE,), True,
     {"removed_upstream": True, "rewrite": True}),
    (DEMO, DEMO._replace(status={"status": "quarantined"}), (), True, {"remove": 1, "quarantined": True, "rewrite": True}),
    (DEMO, DEMO._replace(display="demo"), (FILE,), True, {"rewrite": True}),
    (DEMO, DEMO, (FILE._replace(yanked=True),), True, {"rewrite": True}),
    (DEMO, DEMO, (FILE._replace(requires_python=">=3"),), True, {"rewrite": True}),
    (DEMO, DEMO, (FILE._replace(external="https://other.example.com/"),), True, {"rewrite": True}),
    # Facts that no page shows.
    (DEMO, DEMO._replace(serial=2, etag="x", upstream="v", form="json", doubt="d", promised="p", pages=("a",),
                         damaged=("c",)), (FILE._replace(url="other", seen=1, listed=False, stored=STORED._replace(
                             published=False)),), True, {})])
def test_what_changes(old: Project | None, project: Project, files: tuple[File, ...], selected: bool,
                      expected: dict[str, Any]) -> None:
    assert changes.changes(old, project, Selected(files), selected) == Change("demo", **expected)


@pytest.mark.parametrize(("files", "filters", "expected"), [
    ((), ("filename-matches",), True), ((), ("filename-matches", "filename-matches"), True), ((), (), False),
    ((FILE,), ("filename-matches",), False), ((), ("filename-matches", "yanked"), False), ((), ("yanked",), False)])
def test_which_projects_filename_matches_leaves_nothing_of(
        files: tuple[File, ...], filters: tuple[str, ...], expected: bool) -> None:
    left_out = tuple(LeftOut(MORE, "why", name) for name in filters)
    assert changes.changes(DEMO, DEMO, Selected(files, left_out), True).all_filtered is expected


def test_the_message_about_pinned_and_required_releases_that_are_missing() -> None:
    missing = Selected(unmet=(Unmet("1.0"), Unmet("2.0", ("yanked", "too new")), Unmet("3.0")))
    needs = RequiredReleases({"demo": frozenset({"1.0", "2.0", "9.0"})}, {}, {}, {"demo": frozenset({"2.0", "3.0"})})
    assert evaluate.unmet(needs, "demo", missing) == (
        "pinned, but not available: 1.0 (upstream offers no file of it), 2.0 (yanked; too new); "
        "required, but not available: 3.0 (upstream offers no file of it)")
    assert evaluate.unmet(needs, "demo", Selected()) is None
    assert evaluate.unmet(needs, "other", missing) is None


def test_what_is_on_the_limit_counts_as_recent() -> None:
    exactly = NEW._replace(upload_time="2020-09-13T12:26:40Z")
    page = PAGE._replace(files=(exactly, exactly._replace(filename="demo-9.tar.gz", upload_time="2020-09-13T12:26:39Z")))
    assert names(recent(page, None, SINCE)) == [exactly.filename]


# --- what is joined with upstream's page

HERE_ALONE = FILE._replace(filename="demo-0.tar.gz")


@pytest.mark.parametrize(("old", "page", "superseded", "expected"), [
    # Files of the mirror, changes of the page, whether its index is another one; what is told of the first file.
    (HERE_ALONE, {}, False, {"listed": False, "superseded": False}),
    (HERE_ALONE, {}, True, {"listed": False, "superseded": True}),
    (HERE_ALONE._replace(superseded=True), {}, False, {"listed": False, "superseded": True}),
    (HERE_ALONE._replace(adopted=True), {}, True, {"listed": False, "superseded": False}),
    (HERE_ALONE._replace(adopted=True, stored=None), {}, False, {"listed": False, "superseded": False}),
    (HERE_ALONE._replace(stored=None), {}, False, None)])
def test_what_the_page_lacks_is_not_listed(old: File, page: dict[str, Any], superseded: bool, expected: Any) -> None:
    found = merged(DEMO._replace(files=(old,)), DEMO._replace(files=(), **page), superseded)
    assert found.files == (() if expected is None else (old._replace(**expected),))


@pytest.mark.parametrize(("before", "now", "hashes", "foreign"), [
    ("https://one.example.com/", "https://one.example.com/", {}, False), ("https://one.example.com/", "", {}, False),
    ("", "https://one.example.com/", {}, False), ("https://two.example.com/", "https://one.example.com/", {}, True),
    ("https://two.example.com/", "https://one.example.com/", {"md5": "0"}, True),
    ("https://two.example.com/", "https://one.example.com/", {"sha256": "0"}, False)])
def test_a_file_of_another_index_counts_with_a_hash_alone(before: str, now: str, hashes: dict[str, str], foreign: bool) -> None:
    page = DEMO._replace(upstream=now, files=(FILE._replace(stored=None, hashes=hashes),))
    [file] = merged(DEMO._replace(upstream=before), page).files
    assert file.stored == STORED._replace(foreign=foreign)
    assert file.hashes == hashes


def test_what_is_kept_of_the_record_where_the_page_lacks_it() -> None:
    old = DEMO._replace(pages=("a",))
    found = merged(old, Project("demo", (MORE, FILE._replace(stored=None)), url="u", links=("l",)))
    assert (found.display, found.pages, found.upstream, found.url, found.links) == ("Demo", ("a",), DEMO.upstream, "", ())
    assert names(found) == ["demo-1.tar.gz", "demo-2.tar.gz"]
    found = merged(old, Project("demo", display="DEMO", upstream="https://two.example.com/"))
    assert (found.display, found.upstream) == ("DEMO", "https://two.example.com/")


@pytest.mark.parametrize(("before", "now", "seen"), [
    # The file as known, or None; what is different on the page; when it counts as first seen, "now" or a number.
    (None, {}, "now"), (None, {"upload_time": "2020-01-01T00:00:00Z"}, None), ({}, {}, None), ({"seen": 1000}, {}, 1000),
    ({"seen": 1 << 40}, {}, "now"), ({"seen": 1000}, {"hashes": {"sha256": "b" * 64}}, "now"),
    ({"seen": 1000}, {"hashes": {}}, 1000), ({"seen": 1000}, {"hashes": {"sha256": "a" * 64, "md5": "0"}}, 1000),
    ({"seen": 1000, "upload_time": "1970-01-01T01:00:00Z"}, {}, 3600),
    # Times in the future.
    (None, {"upload_time": "2090-01-01T00:00:00Z"}, "now"), ({}, {"upload_time": "2090-01-01T00:00:00Z"}, "now"),
    ({"seen": 1000}, {"upload_time": "2090-01-01T00:00:00Z"}, 1000),
    ({"seen": 1000, "upload_time": "2090-01-01T00:00:00Z"}, {}, 1000),
    ({"seen": 1000, "upload_time": "2090-01-01T00:00:00Z"}, {"upload_time": "2020-01-01T00:00:00Z"}, 1000)])
def test_when_files_without_upload_time_were_first_seen(before: dict[str, Any] | None, now: dict[str, Any], seen: Any) -> None:
    mirror = SimpleNamespace(own=SimpleNamespace(upstream="https://own.example.com/"))
    old = None if before is None else DEMO._replace(files=(FILE._replace(**before),))
    begun = int(time.time())
    [file] = first_seen(mirror, old, DEMO._replace(files=(FILE._replace(**now),))).files
    assert begun <= file.seen <= time.time() if seen == "now" else file.seen == seen
    own = DEMO._replace(upstream="https://own.example.com/", files=(FILE._replace(**now),))
    assert first_seen(mirror, old, own) == own


# --- what is swept


@pytest.mark.parametrize(("here", "ignores_case", "gone"), [
    # What is in the folder, whether its file system ignores case, what no page links to.
    (["demo-1.tar.gz", "demo-1.tar.gz.metadata", "demo-1.tar.gz.provenance", "demo-1.tar.gz.asc"], False, []),
    (["index.html", "index.v1_json", "notes.txt", "demo-2.tar.gz"], False, ["demo-2.tar.gz"]),
    (["demo-2.tar.gz", "demo-2.tar.gz.metadata"], False, ["demo-2.tar.gz"]),  # the metadata are moved along
    (["demo-3.tar.gz.metadata", "demo-4.tar.gz.asc"], False, ["demo-3.tar.gz.metadata", "demo-4.tar.gz.asc"]),
    (["Demo-1.tar.gz", "Demo-1.tar.gz.metadata"], True, []), (["Demo-1.tar.gz"], False, ["Demo-1.tar.gz"]),
    (["demo-5.tar.gz"], False, ["demo-5.tar.gz"]), (["demo-6.tar.gz"], False, ["demo-6.tar.gz"]),
    (["demo-7.tar.gz", "demo-7.tar.gz.metadata"], False, ["demo-7.tar.gz.metadata"]), ([], False, [])])
def test_what_no_page_links_to_is_swept(here: list[str], ignores_case: bool, gone: list[str]) -> None:
    all_beside = STORED._replace(metadata="b", provenance="c", signature="d")
    project = DEMO._replace(files=(
        FILE._replace(stored=all_beside), FILE._replace(filename="demo-5.tar.gz", stored=STORED._replace(published=False)),
        FILE._replace(filename="demo-6.tar.gz", stored=None), FILE._replace(filename="demo-7.tar.gz")))
    assert unlinked(project, here, ignores_case) == gone


# --- what a plan has


def test_the_totals_of_a_plan() -> None:
    told = as_json([
        PlannedProject("demo", (MORE, MORE._replace(filename="x", size=None)), (("demo-1.tar.gz", "why"),),
                       (LeftOut(FILE, "yanked", "yanked"),), rewrite=True, display="Demo", not_understood=("bad", "worse")),
        PlannedProject("gone", vanish=True), PlannedProject("bad", problem="404", display="Bad"),
        PlannedProject("", problem="p"),
    ], 99)
    assert told["totals"] == {"fetch_files": 2, "fetch_bytes": 7, "fetch_unsized": 1, "remove_files": 1, "rewrite_projects": 1,
                              "left_out_files": 1, "free_bytes": 99}
    assert told["fetch"] == [{"project": "demo", "filename": "demo-2.tar.gz", "size": 7},
                             {"project": "demo", "filename": "x", "size": None}]
    assert told["remove"] == [{"project": "demo", "filename": "demo-1.tar.gz", "why": "why"}]
    assert told["left_out"] == [
        {"project": "demo", "filename": "demo-1.tar.gz", "size": 5, "filter": "yanked", "reason": "yanked"}]
    assert (told["rewrite"], told["vanish"]) == (["demo"], ["gone"])
    assert told["not_understood"] == [{"project": "demo", "problem": "bad"}, {"project": "demo", "problem": "worse"}]
    assert told["problems"] == [{"project": "bad", "display": "Bad", "problem": "404"},
                                {"project": "", "display": "", "problem": "p"}]


def test_files_of_other_hosts_go_because_of_the_configuration_and_not_of_upstream() -> None:
    mirror = SimpleNamespace(settings={"external_links": False})
    external = FILE._replace(external="https://other.example.com/")
    old = DEMO._replace(files=(external, external._replace(filename="demo-2.tar.gz"), HERE_ALONE,
                               external._replace(filename="demo-3.tar.gz", stored=None)))
    page = DEMO._replace(files=(MORE,))
    found, told = external_links.joined(mirror, page, old, lambda project: project.files)
    assert (found.files, told) == ((MORE, external), ())
    assert external_links.joined(mirror, page, None, lambda project: project.files) == (page, ())
    linked = page._replace(files=(MORE, external))
    assert external_links.joined(mirror, linked, None, lambda project: project.files) == (linked, (
        "1 files on other hosts that upstream gives no hash of are left out; external_links = True fetches them",))
    assert external_links.allowed(mirror, linked.files) == (MORE,)
    assert not external_links.is_restless(mirror, linked)
    following = SimpleNamespace(settings={"external_links": True})
    assert external_links.allowed(following, linked.files) == linked.files
    assert external_links.is_restless(following, linked)
    assert not external_links.is_restless(following, page)


# --- what fails with one project


@pytest.mark.parametrize(("error", "alone"), [
    (ValueError("x"), True), (sqlite3.InterfaceError("x"), True), (sqlite3.ProgrammingError("x"), True),
    (sqlite3.OperationalError("x"), False), (sqlite3.DatabaseError("x"), False), (StorageError("x"), False)])
def test_which_errors_while_recording_fail_one_project_alone(error: Exception, alone: bool) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.failures: list[StepFailure] = []

        def failed(self, failure: StepFailure) -> None:
            self.failures.append(failure)

        @failures.alone
        def published(self, result: Project) -> str:
            if result.name == "demo":
                raise error
            return "done"

    recorder = Recorder()
    assert recorder.published(Project("other")) == "done"
    if not alone:
        with pytest.raises(type(error)):
            recorder.published(DEMO)
        assert not recorder.failures
        return
    assert recorder.published(DEMO) is False
    [failure] = recorder.failures
    assert (failure.step, failure.project) == ("published", "demo")
    assert "x" in failure.error
