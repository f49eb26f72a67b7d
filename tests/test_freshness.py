"""Answers of upstream that are older or poorer than what is known take nothing away, and are asked for again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pypimirror.model import File, Project
from pypimirror.sync import freshness, run
from pypimirror.sync.freshness import Doubt
from pypimirror.upstream.multi_index import short
from support.mirror import Mirrored
from support.upstream import JSON, Upstream, wheel

PAGE = "/simple/demo/"
FIRST, SECOND, THIRD = (wheel("demo", version)[0] for version in ("1.0", "2.0", "3.0"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LAG", 0.01)


@pytest.fixture
def demo(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror with two releases of one project, and another project."""
    upstream.add("demo", wheel("demo", "1.0"))
    upstream.add("other", wheel("other", "1.0"))
    upstream.old = page(upstream)
    upstream.add("demo", wheel("demo", "2.0"))
    assert mirrored.run("sync") == 0
    assert mirrored.files("demo") == [FIRST, SECOND]
    return mirrored


def page(upstream: Upstream, serial: Any = 0, as_json: bool = True) -> tuple[int, dict[str, str], bytes]:
    """Return the page as it is now. serial: another one, or None for a page without."""
    body = upstream.project_page("demo", as_json)
    if not as_json:
        return 200, {"Content-Type": "text/html"}, body
    told = json.loads(body)
    if serial is None:
        del told["meta"]["_last-serial"]
    elif serial:
        told["meta"]["_last-serial"] = serial
    return 200, {"Content-Type": JSON}, json.dumps(told).encode()


def without_serial(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
    told = json.loads(answer[2])
    del told["meta"]["_last-serial"]
    return answer[0], answer[1], json.dumps(told).encode()


def html(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
    links = "".join(f'<a href="{file["url"]}#sha256={file["hashes"]["sha256"]}">{file["filename"]}</a>\n'
                    for file in json.loads(answer[2])["files"])
    return 200, {"Content-Type": "text/html"}, f"<!DOCTYPE html><html><body>{links}</body></html>".encode()


OLD: dict[str, Callable[[Any], Any]] = {
    "serial": lambda old: old, "no serial": without_serial, "html": html,
    "empty html": lambda old: (200, {"Content-Type": "text/html"}, b"<title>Links for demo</title>")}


def reaches_upstream(mirrored: Mirrored, upstream: Upstream) -> None:
    """Show that with a sane upstream one update is enough, and that the next one asks for nothing."""
    upstream.answers.clear()
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert PAGE in upstream.asked()
    assert mirrored.files("demo") == sorted(upstream.projects["demo"])
    assert mirrored.untrue() == []
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == (["/simple/"] if mirrored.settings["package_matches"] == "*" else [PAGE])


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("kind", OLD)
@pytest.mark.parametrize("verb", ["-U", "-I"])
def test_an_older_page_takes_nothing_down(demo: Mirrored, upstream: Upstream, kind: str, exact: bool, verb: str) -> None:
    if exact:
        demo.settings["package_matches"] = "demo"
        assert demo.run("-U") == 0
    upstream.add("demo", wheel("demo", "3.0"))
    upstream.answers[PAGE] = OLD[kind](upstream.old)
    for _ in range(2):
        upstream.asked()
        assert demo.run(verb) == 0
        assert PAGE in upstream.asked()
        assert demo.files("demo") == [FIRST, SECOND]
        assert demo.untrue() == []
    reaches_upstream(demo, upstream)


def test_a_page_older_than_the_list_that_was_promised_before_is_still_older(demo: Mirrored, upstream: Upstream) -> None:
    """The list has not changed since, so that its promise is that of the run before."""
    stale = page(upstream)
    upstream.add("demo", wheel("demo", "3.0"))
    upstream.answers[PAGE] = stale
    report = demo.root.parent / "report.json"
    for _ in range(5):
        assert demo.run("-U", "--report", str(report)) == 0
        assert demo.files("demo") == [FIRST, SECOND]
        (notice,) = json.loads(report.read_text())["notices"]
        assert notice == "upstream's page is older than its list, and read again by the next run: demo"
    reaches_upstream(demo, upstream)


@pytest.mark.parametrize("status", [304, 200])
def test_pages_that_stay_older_than_the_list_are_named(
        mirrored: Mirrored, upstream: Upstream, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are read again in the run, from a cache that is stuck."""
    monkeypatch.setattr(run, "_MOST_LATE", 6)
    names = [f"late{number}" for number in range(7)]
    for name in (*names, "other"):
        upstream.add(name, wheel(name, "1.0"))
    assert mirrored.run("sync") == 0
    for name in names:
        upstream.answers[f"/simple/{name}/"] = (
            (304, {}, b"") if status == 304 else (200, {"Content-Type": JSON}, upstream.project_page(name, True)))
        upstream.add(name, wheel(name, "2.0"))
    report = mirrored.root.parent / "report.json"
    assert mirrored.run("-U", "--report", str(report)) == 0
    (notice,) = json.loads(report.read_text())["notices"]
    assert notice == ("upstream's pages are older than its list, and read again by the next run: "
                      "late0, late1, late2, late3, late4 and 2 more")


def test_an_unchanged_page_that_the_list_contradicts_is_requested_without_condition(demo: Mirrored, upstream: Upstream) -> None:
    """A cache may answer for ever that the page has not changed."""

    def cached(handler: Any) -> None:
        if handler.headers.get("If-None-Match"):
            handler.reply(304, {}, b"")
        else:
            handler.reply(*page(upstream))

    upstream.answers[PAGE] = cached
    upstream.add("demo", wheel("demo", "3.0"))
    assert demo.run("-U") == 0
    assert len(demo.files("demo")) == 3


@pytest.mark.parametrize(("number", "told"), [
    (1, "upstream's page is older than its list, and read again by the next run: p0"),
    (5, "upstream's pages are older than its list, and read again by the next run: p0, p1, p2, p3, p4"),
    (6, "upstream's pages are older than its list, and read again by the next run: p0, p1, p2, p3, p4 and 1 more")])
def test_how_pages_are_named_that_stay_older(number: int, told: str) -> None:
    assert freshness.late_pages({f"p{each}" for each in range(number)}) == told


def test_a_page_that_failed_does_not_make_the_promise_of_the_list_forgotten(demo: Mirrored, upstream: Upstream) -> None:
    stale = page(upstream)
    upstream.add("demo", wheel("demo", "3.0"))
    upstream.answers[PAGE] = (503, {}, b"")
    assert demo.run("-U") == 1
    upstream.answers[PAGE] = stale
    assert demo.run("-U") == 0
    reaches_upstream(demo, upstream)


def test_a_new_project_that_failed_is_held_against_the_list_when_it_is_read(demo: Mirrored, upstream: Upstream) -> None:
    upstream.add("new", wheel("new", "1.0"))
    old = upstream.project_page("new", True)
    upstream.add("new", wheel("new", "2.0"))
    upstream.answers["/simple/new/"] = (503, {}, b"")
    assert demo.run("-U") == 1
    upstream.answers["/simple/new/"] = (200, {"Content-Type": JSON}, old)
    assert demo.run("-U") == 0
    upstream.answers.clear()
    assert demo.run("-U") == 0
    assert len(demo.files("new")) == 2


def test_an_older_page_tells_nothing_of_known_files(demo: Mirrored, upstream: Upstream) -> None:
    """A yank that is missing there, another hash, a quarantine that is over."""
    upstream.statuses["demo"] = {"status": "quarantined"}
    upstream.add("demo", wheel("demo", "1.0", body="other = 1\n"))
    stale = page(upstream)
    del upstream.statuses["demo"]
    upstream.add("demo", wheel("demo", "1.0"), wheel("demo", "2.0"), yanked="bad")
    assert demo.run("-U") == 0
    upstream.touch("demo")
    upstream.answers[PAGE] = stale
    before = demo.tree()
    assert demo.run("-U") == 0
    assert demo.tree() == before
    reaches_upstream(demo, upstream)


@pytest.mark.parametrize("kind", ["no serial", "html"])
def test_a_page_without_serial_is_read_until_it_is_as_new_as_the_list(
        demo: Mirrored, upstream: Upstream, kind: str) -> None:
    """However many runs get the old one from a cache: the list does not change when the cache lets go of it."""
    stale = OLD[kind](page(upstream))
    upstream.answers[PAGE] = stale
    upstream.touch("demo")
    assert demo.run("-U") == 0
    upstream.add("demo", wheel("demo", "3.0"))
    upstream.remove("demo", FIRST)
    for _ in range(5):
        upstream.asked()
        assert demo.run("-U") == 0
        assert PAGE in upstream.asked()
        assert demo.files("demo") == [FIRST, SECOND]
    reaches_upstream(demo, upstream)


def test_after_a_day_a_page_that_never_shows_how_new_it_is_counts(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add("demo", wheel("demo", "1.0"))
    upstream.add("other", wheel("other", "1.0"))
    upstream.answers[PAGE] = lambda handler: handler.reply(*page(upstream, None))
    assert mirrored.run("sync") == 0
    now = time.time()
    for hours in (0, 1, 23, 25):
        monkeypatch.setattr(freshness, "time", SimpleNamespace(time=lambda hours=hours: now + hours * 3600))
        upstream.asked()
        assert mirrored.run("-U") == 0
        assert upstream.asked() == ["/simple/", PAGE] if hours else ["/simple/"]
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]


def test_an_index_in_html_is_followed_at_once_after_the_state_was_lost(mirrored: Mirrored, upstream: Upstream) -> None:
    """The record that is rebuilt from the mirror has sizes, and the index never had any."""
    upstream.json = False
    mirrored.settings["package_matches"] = "demo"
    upstream.add("demo", wheel("demo", "1.0"))
    assert mirrored.run("sync") == 0
    for path in (mirrored.root / ".pypimirror").glob("state.sqlite*"):
        path.unlink()
    assert mirrored.run("-U") == 0
    upstream.add("demo", wheel("demo", "2.0"))
    assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [FIRST, SECOND]


def test_a_list_in_json_with_pages_in_html_lets_nothing_young_in(mirrored: Mirrored, upstream: Upstream) -> None:
    """What was known of upload times is kept, whatever doubts about the pages there are besides."""
    mirrored.settings |= {"min_age": "7d"}
    upstream.add("demo", wheel("demo", "1.0"), upload_time=OLDER)
    upstream.add("demo", wheel("demo", "2.0"), upload_time=YOUNG)
    assert mirrored.run("sync") == 0
    upstream.answers[PAGE] = lambda handler: handler.reply(*page(upstream, 0, False))
    for version in ("3.0", "4.0"):
        upstream.add("demo", wheel("demo", version))
        for _ in range(4):
            assert mirrored.run("-U") == 0
        assert mirrored.files("demo") == [FIRST, *(wheel("demo", each)[0] for each in ("3.0", "4.0") if each <= version)]


def test_a_quarantine_is_believed_of_any_page_that_is_not_older(demo: Mirrored, upstream: Upstream) -> None:
    upstream.statuses["demo"] = {"status": "quarantined"}
    upstream.touch("demo")
    upstream.answers[PAGE] = page(upstream, None)
    assert demo.run("-U") == 0
    assert demo.files("demo") == []
    del upstream.statuses["demo"]
    upstream.touch("demo")
    upstream.answers[PAGE] = page(upstream, None)
    assert demo.run("-U") == 0
    assert demo.files("demo") == []
    reaches_upstream(demo, upstream)


@pytest.mark.parametrize("exact", [False, True])
def test_an_index_that_was_rebuilt_with_lower_serials_is_followed(demo: Mirrored, upstream: Upstream, exact: bool) -> None:
    if exact:
        demo.settings["package_matches"] = "demo"
        assert demo.run("-U") == 0
    upstream.serial = 10
    for name in upstream.projects:
        upstream.touch(name)
    upstream.remove("demo", FIRST)
    upstream.add("demo", wheel("demo", "3.0"))
    for _ in range(3):
        assert demo.run("-U") == 0
    assert demo.files("demo") == [SECOND, THIRD]
    upstream.add("demo", wheel("demo", "4.0"))
    assert demo.run("-U") == 0
    assert len(demo.files("demo")) == 3
    upstream.asked()
    assert demo.run("-U") == 0
    assert upstream.asked() == ([PAGE] if exact else ["/simple/"])


def test_pages_that_never_tell_a_serial_are_followed(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("other", wheel("other", "1.0"))
    upstream.add("demo", wheel("demo", "1.0"), wheel("demo", "2.0"))
    upstream.answers[PAGE] = lambda handler: handler.reply(*page(upstream, None))
    assert mirrored.run("sync") == 0
    upstream.add("demo", wheel("demo", "3.0"))
    assert mirrored.run("-U") == 0
    assert len(mirrored.files("demo")) == 3
    upstream.remove("demo", FIRST)
    for _ in range(3):
        assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [SECOND, THIRD]


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("serials", [True, False])
def test_a_listed_project_that_is_not_found_once_stays(
        demo: Mirrored, upstream: Upstream, serials: bool, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.serials = serials
    upstream.touch("demo")
    upstream.add("new", wheel("new", "1.0"))
    upstream.answers |= {PAGE: (status, {}, b""), "/simple/new/": (status, {}, b"")}
    assert demo.run("-U") == 1
    told = capsys.readouterr().err
    assert f"demo: upstream lists the project, and its page is not found ({status}): kept, read again" in told
    assert f"new: upstream lists the project, and its page is not found ({status}): read again" in told
    assert demo.files("demo") == [FIRST, SECOND]
    assert demo.run("status") == 0
    assert "demo: upstream lists the project" in capsys.readouterr().out
    upstream.answers.clear()
    upstream.asked()
    assert demo.run("-U") == 0
    assert PAGE in upstream.asked()
    assert demo.files("demo") == [FIRST, SECOND]


@pytest.mark.parametrize("delisted", [True, False])
def test_it_goes_when_the_next_run_confirms_it(demo: Mirrored, upstream: Upstream, delisted: bool) -> None:
    upstream.touch("demo")
    upstream.answers[PAGE] = (404, {}, b"")
    assert demo.run("-U") == 1
    if delisted:
        upstream.remove("demo")
    assert demo.run("-U") == 0
    assert not (demo.root / "demo").exists()
    assert demo.untrue() == []


@pytest.mark.parametrize("etags", [True, False])
@pytest.mark.parametrize("form", ["json", "html"])
@pytest.mark.parametrize("was_here", [True, False])
def test_a_project_that_is_listed_without_a_page_is_reported_once(
        demo: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], etags: bool, form: str, was_here: bool) -> None:
    upstream.etags, upstream.json = etags, form == "json"
    if not was_here:
        upstream.add("ghost", wheel("ghost", "1.0"))
    upstream.answers["/simple/ghost/" if not was_here else PAGE] = (404, {}, b"")
    upstream.touch("ghost" if not was_here else "demo")
    assert demo.run("-U") == 1
    for number in range(4):
        upstream.add("other", wheel("other", f"2.{number}"))
        assert demo.run("-U") == 0
    upstream.answers.clear()  # and the list is unchanged
    assert demo.run("-U") == 0
    assert demo.files("demo" if was_here else "ghost")
    assert demo.untrue() == []
    upstream.answers[PAGE] = (404, {}, b"")
    upstream.remove("demo")
    assert demo.run("-U") == 0
    assert "demo" not in demo.read("index.html")


def test_a_list_from_before_a_project_was_there_does_not_confirm_that_it_is_not_found(
        demo: Mirrored, upstream: Upstream) -> None:
    old = upstream.list_page(True)
    upstream.add("new", wheel("new", "1.0"))
    assert demo.run("-U") == 0
    upstream.answers |= {"/simple/": (200, {"Content-Type": JSON}, old), "/simple/new/": (404, {}, b"")}
    assert demo.run("-U") == 1
    assert len(demo.files("new")) == 1
    upstream.answers.clear()
    assert demo.run("-U") == 0
    assert len(demo.files("new")) == 1
    upstream.remove("new")
    assert demo.run("-U") == 0
    assert not (demo.root / "new").exists()


def test_what_the_list_does_not_have_goes_at_once_though_it_failed_before(demo: Mirrored, upstream: Upstream) -> None:
    upstream.remove("demo")
    upstream.answers[PAGE] = (503, {}, b"")
    assert demo.run("-U") == 1
    upstream.answers.clear()
    assert demo.run("-U") == 0
    assert not (demo.root / "demo").exists()


def test_a_cached_page_of_a_removed_project_is_checked_against_the_list_until_it_is_gone(
        demo: Mirrored, upstream: Upstream) -> None:
    """Also where the cache answers that the page has not changed (304)."""
    old = page(upstream)

    def cached(handler: Any) -> None:
        has_etag = handler.headers.get("If-None-Match") == '"old"'
        handler.reply(304 if has_etag else 200, {**old[1], "ETag": '"old"'}, b"" if has_etag else old[2])

    upstream.answers[PAGE] = cached
    upstream.touch("demo")
    assert demo.run("-U") == 0
    upstream.remove("demo")
    for _ in range(3):
        assert demo.run("-U") == 0
        assert demo.files("demo") == [FIRST, SECOND]
    upstream.answers.clear()
    assert demo.run("-U") == 0
    assert not (demo.root / "demo").exists()


@pytest.mark.parametrize("etags", [True, False])
@pytest.mark.parametrize("of_pages", [True, False])
@pytest.mark.parametrize("serials", [{"demo": 0, "other": 8, "third": 9}, {"demo": "-1", "other": -1, "third": 9}])
def test_serials_that_are_not_positive_prove_nothing(
        mirrored: Mirrored, upstream: Upstream, etags: bool, of_pages: bool, serials: dict[str, Any]) -> None:
    """As lists are that a proxy joins from indexes with serials and without."""
    upstream.etags = etags
    respond = upstream.list_page

    def listed(as_json: bool) -> bytes:
        told = json.loads(respond(as_json))
        for project in told["projects"]:
            project["_last-serial"] = serials[project["name"]]
        return json.dumps(told).encode()

    upstream.list_page = listed  # type: ignore[method-assign]
    if not of_pages:
        upstream.answers[PAGE] = lambda handler: handler.reply(*page(upstream, None))
    for name in serials:
        upstream.add(name, wheel(name, "1.0"))
    assert mirrored.run("sync") == 0
    upstream.add("demo", wheel("demo", "2.0"))
    assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [FIRST, SECOND]
    upstream.remove("demo", FIRST)
    for _ in range(3):  # a page without serial is doubted
        assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [SECOND]


@pytest.mark.parametrize("other", [{}, {"_last-serial": 5}, {"_last-serial": "x"}])
@pytest.mark.parametrize("is_last", [True, False])
def test_serials_of_a_project_that_is_listed_twice_count_only_if_they_agree(
        mirrored: Mirrored, upstream: Upstream, other: dict[str, object], is_last: bool) -> None:
    """As lists are that a proxy joins from several indexes: one entry may never change."""
    respond = upstream.list_page

    def doubled(as_json: bool) -> bytes:
        told = json.loads(respond(as_json))
        told["projects"].insert(len(told["projects"]) if is_last else 0, {"name": "DEMO", **other})
        return json.dumps(told).encode()

    upstream.list_page = doubled  # type: ignore[method-assign]
    upstream.add("other", wheel("other", "1.0"))
    for version in ("1.0", "2.0", "3.0"):
        upstream.add("demo", wheel("demo", version))
        assert mirrored.run("sync") == 0
        assert f"demo-{version}-py3-none-any.whl" in mirrored.files("demo")


@pytest.mark.parametrize("etags", [True, False])
@pytest.mark.parametrize("matches", ["*", "dem*"])
@pytest.mark.parametrize("of_pages", [True, False])
def test_serials_that_are_all_alike_count_as_none(
        mirrored: Mirrored, upstream: Upstream, etags: bool, matches: str, of_pages: bool) -> None:
    upstream.etags = etags
    upstream._serial = lambda serial: {"_last-serial": 7}  # type: ignore[method-assign]
    mirrored.settings["package_matches"] = matches
    if not of_pages:
        upstream.answers[PAGE] = lambda handler: handler.reply(*page(upstream, None))
    upstream.add("demo", wheel("demo", "1.0"))
    upstream.add("other", wheel("other", "1.0"))
    assert mirrored.run("sync") == 0
    upstream.add("demo", wheel("demo", "2.0"))
    assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [FIRST, SECOND]
    upstream.remove("demo", FIRST)
    assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [SECOND]


@pytest.mark.parametrize("etags", [True, False])
@pytest.mark.parametrize("serial", [7, "7", 0])
def test_the_serial_of_a_single_project_may_be_a_constant(
        mirrored: Mirrored, upstream: Upstream, etags: bool, serial: Any) -> None:
    upstream.etags = etags
    upstream._serial = lambda _: {"_last-serial": serial}  # type: ignore[method-assign]
    upstream.add("demo", wheel("demo", "1.0"))
    assert mirrored.run("sync") == 0
    upstream.add("demo", wheel("demo", "2.0"))
    assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [FIRST, SECOND]
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/", PAGE]


def test_a_page_older_than_a_list_of_one_project_is_still_older(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("demo", wheel("demo", "1.0"), wheel("demo", "2.0"))
    assert mirrored.run("sync") == 0
    stale = page(upstream)
    upstream.add("demo", wheel("demo", "3.0"))
    upstream.remove("demo", FIRST)
    upstream.answers[PAGE] = stale
    assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [FIRST, SECOND]
    upstream.answers.clear()
    assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [SECOND, THIRD]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("serial", [10**18, 2**63, 5000])
@pytest.mark.parametrize("first", [False, True])
def test_a_page_with_a_serial_that_is_too_high_hides_no_later_release(
        mirrored: Mirrored, upstream: Upstream, serial: int, first: bool, exact: bool) -> None:
    """Where upstream's list is read, or the serial is absurd; else nothing distinguishes it from one of a newer page."""
    upstream.add("demo", wheel("demo", "1.0"))
    upstream.add("other", wheel("other", "1.0"))
    mirrored.settings["package_matches"] = "demo" if exact else "*"
    if not first:
        assert mirrored.run("sync") == 0
        upstream.add("demo", wheel("demo", "1.0"), wheel("demo", "2.0"))
    upstream.answers[PAGE] = page(upstream, serial)
    assert mirrored.run("sync") == 0
    assert mirrored.files("demo") == sorted(upstream.projects["demo"])
    upstream.answers.clear()
    upstream.add("demo", wheel("demo", "3.0"))
    upstream.remove("demo", FIRST)
    assert mirrored.run("-U") == 0
    assert (THIRD in mirrored.files("demo")) is not (exact and serial == 5000)
    for _ in range(2 if exact else 1):
        assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == sorted(upstream.projects["demo"])
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == [PAGE if exact else "/simple/"]


def test_an_index_that_counts_its_pages_in_another_way_than_its_list_is_followed(
        mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("demo", wheel("demo", "1.0"))
    upstream.add("other", wheel("other", "1.0"))
    upstream.answers[PAGE] = lambda handler: handler.reply(*page(upstream, 10**18 + upstream.serial))
    for _ in range(3):
        assert mirrored.run("sync") == 0
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]
    upstream.add("demo", wheel("demo", "2.0"))
    upstream.remove("demo", FIRST)
    assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [SECOND]
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]


YOUNG, OLDER = "2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z"


@pytest.mark.parametrize("form", ["html", "json"])
@pytest.mark.parametrize("known", [True, False])
def test_a_page_without_upload_times_lets_nothing_new_in(
        mirrored: Mirrored, upstream: Upstream, form: str, known: bool) -> None:
    mirrored.settings |= {"min_age": "7d", "package_matches": "demo"}
    upstream.add("demo", wheel("demo", "1.0"), upload_time=OLDER)
    if known:
        upstream.add("demo", wheel("demo", "2.0"), upload_time=YOUNG)
    assert mirrored.run("sync") == 0
    upstream.add("demo", wheel("demo", "2.0"), upload_time=YOUNG)
    full = upstream.projects["demo"]
    upstream.projects["demo"] = {name: type(served)(name, served.body, {}, served.metadata) for name, served in full.items()}
    upstream.answers[PAGE] = page(upstream, 0, form == "json")
    upstream.projects["demo"] = full
    for _ in range(2):
        assert mirrored.run("-U") == 0
        assert mirrored.files("demo") == [FIRST]
        assert mirrored.page("demo")["files"][0]["upload-time"] == OLDER
    upstream.answers.clear()
    upstream.add("demo", wheel("demo", "3.0"), upload_time=OLDER)
    assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [FIRST, THIRD]


def test_a_file_that_is_replaced_by_one_without_upload_time_does_not_hold_new_releases_back(
        mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("demo", wheel("demo", "1.0"), upload_time=OLDER)
    assert mirrored.run("sync") == 0
    upstream.add("demo", wheel("demo", "1.0", body="other = 1\n"))
    upstream.add("demo", wheel("demo", "3.0"))
    assert mirrored.run("sync") == 0
    assert mirrored.files("demo") == [FIRST, THIRD]


def test_pages_that_lack_facts_count_after_three_runs_though_each_is_another_one(
        mirrored: Mirrored, upstream: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    upstream.add("demo", wheel("demo", "1.0"), upload_time=OLDER)
    assert mirrored.run("sync") == 0
    upstream.projects["demo"][FIRST].facts.pop("upload-time")
    for version, known in (("2.0", 1), ("3.0", 1), ("4.0", 4)):
        upstream.add("demo", wheel("demo", version))
        caplog.clear()
        assert mirrored.run("sync") == 0
        assert len(mirrored.files("demo")) == known
        assert ("nothing is taken from it" in caplog.text) is (known == 1)


def test_an_index_that_is_html_from_now_on_is_followed_and_known_times_are_kept(mirrored: Mirrored, upstream: Upstream) -> None:
    mirrored.settings |= {"min_age": "7d"}
    upstream.add("demo", wheel("demo", "1.0"), upload_time=OLDER)
    upstream.add("demo", wheel("demo", "2.0"), upload_time=YOUNG)
    assert mirrored.run("sync") == 0
    upstream.json = False
    upstream.add("demo", wheel("demo", "3.0"))
    for _ in range(3):
        assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [FIRST, THIRD]
    upstream.add("demo", wheel("demo", "4.0"))
    upstream.remove("demo", FIRST)
    assert mirrored.run("-U") == 0
    assert mirrored.files("demo") == [THIRD, wheel("demo", "4.0")[0]]


def test_what_is_doubted_stays_doubted_when_pins_or_filters_change(demo: Mirrored, upstream: Upstream) -> None:
    upstream.add("demo", wheel("demo", "3.0"))
    upstream.answers[PAGE] = upstream.old
    assert demo.run("-U") == 0
    demo.settings["filename_excludes"] = "nothing-*"
    assert demo.run("-U") == 0
    assert demo.files("demo") == [FIRST, SECOND]
    reaches_upstream(demo, upstream)


def test_with_cleanup_off_an_older_page_changes_nothing_either(demo: Mirrored, upstream: Upstream) -> None:
    demo.settings["cleanup"] = "False"
    upstream.add("demo", wheel("demo", "3.0"))
    upstream.answers[PAGE] = upstream.old
    assert demo.run("-U") == 0
    assert demo.files("demo") == [FIRST, SECOND]
    reaches_upstream(demo, upstream)


@pytest.mark.parametrize(("serial", "promised", "behind"), [
    ("1@a", "2@a", True), ("2@a", "2@a", False), ("3@a", "2@a", False), ("1@a", "2@b", False), ("9@a", "10@a", True),
    ("x@a", "2@a", False), ("1@a", "x@a", False), (None, "2@a", False), ("1@a", None, False), (None, None, False)])
def test_serials_have_an_order_within_one_upstream(serial: str | None, promised: str | None, behind: bool) -> None:
    assert freshness.is_behind(serial, promised) is behind


@pytest.mark.parametrize(("old", "listed", "told"), [
    (None, True, None), (Project("x"), False, None), (Project("x", listed=False), True, None),
    (Project("x", listed=False), None, None), (Project("x"), True, "upstream lists the project, and its page is not found"),
    (Project("x"), None, "not found upstream, which had it before")])
def test_which_absences_are_doubted(old: Project | None, listed: bool | None, told: str | None) -> None:
    """Of a directory, that has no HTTP status."""
    doubt = freshness.doubt_absence(old, listed, None)
    if told is None:
        assert doubt is None
    else:
        assert doubt is not None
        assert doubt.reason.startswith(told)
        assert doubt.runs == 2


URL = "https://a.example.com/"
FILE = File("x-1.zip", "", {"sha256": "a" * 64}, size=5, upload_time="2020-01-01T00:00:00Z")
NOW = Project("x", (FILE,), serial=5, upstream=URL, form="json")


@pytest.mark.parametrize(("old", "changes", "promised", "told", "facts"), [
    # old, what is different on the page, the list's serial, the reason, (runs, adds, lasts, accepts, quarantines)
    (NOW, {}, 5, None, None),
    (NOW, {"serial": 6}, 6, None, None),
    (NOW, {"serial": 7}, 6, None, None),
    (None, {}, None, None, None),
    (NOW, {"serial": 4}, 5, "older than the one read before", (3, False, True, False, False)),
    (NOW, {"serial": 4}, 4, "older than the one read before", (2, False, False, False, False)),
    (NOW, {"serial": 4}, None, "older than the one read before", (3, False, False, False, False)),
    (NOW, {"serial": 6}, 7, "older than its list", (3, True, True, False, True)),
    (NOW, {"form": ""}, 5, "lacks facts", (3, False, False, True, True)),
    (NOW, {"form": ""}, 6, "lacks facts", (3, False, True, True, True)),
    (NOW._replace(doubt=freshness.ACCEPTED), {"form": ""}, 5, None, None),
    (NOW._replace(upstream="https://b.example.com/"), {"form": "", "serial": 1}, 1, None, None),
    (NOW, {"files": (FILE._replace(upload_time=None),)}, 5, "lacks facts", (3, False, False, True, True)),
    (NOW, {"files": (FILE._replace(size=None),)}, 5, "lacks facts", (3, False, False, True, True)),
    (NOW, {"files": ()}, 5, None, None),
    (NOW, {"serial": None}, 6, "nothing shows that upstream's page is as new as its list", (2, True, False, False, True)),
    (NOW, {"serial": None}, None, "nothing shows that upstream's page is as new as its list", (2, True, False, False, True)),
    (NOW, {"serial": None, "files": ()}, 6, "nothing shows", (3, True, False, False, True)),
    (NOW, {"serial": None, "files": (FILE._replace(yanked=True),)}, 6, "nothing shows", (3, True, False, False, True)),
    (NOW, {"serial": None, "files": (FILE._replace(hashes={}),)}, 6, "nothing shows", (3, True, False, False, True)),
    (NOW._replace(status={"status": "quarantined"}), {"serial": None}, 6, "nothing shows", (3, True, False, False, True)),
    (NOW._replace(serial=None), {"serial": None}, None, None, None),
    (NOW._replace(serial="a"), {"serial": "b"}, 6, "nothing shows", (2, True, False, False, True)),
    (NOW._replace(serial="a"), {"serial": "b"}, "b", None, None)])
def test_which_pages_are_doubted_and_how_long(
        old: Project | None, changes: dict[str, Any], promised: Any, told: str | None, facts: tuple[Any, ...] | None) -> None:
    page = NOW._replace(status={}, doubt="")._replace(**changes)
    doubt = freshness.doubt_page(old, page, None if promised is None else f"{promised}@{short(URL)}")
    if told is None or facts is None:
        assert doubt is None
    else:
        assert doubt is not None
        assert told in doubt.reason
        assert doubt[1:6] == facts
        # What does not show that it is as new as the list.
        is_open = promised is not None and changes.get("serial", 5) != promised and "older" not in told
        assert doubt.promised == (f"{promised}@{short(URL)}" if is_open else "")


def test_a_page_that_has_not_changed_is_judged_by_the_record() -> None:
    promise = f"6@{short(URL)}"
    behind = freshness.doubt_page(NOW, None, promise)
    assert behind is not None
    assert behind.reason == "upstream's page is older than its list"
    assert freshness.doubt_page(NOW, None, f"5@{short(URL)}") is None


@pytest.mark.parametrize(("runs", "again", "expected"), [
    (2, (False, False), [(False, 1), (True, None)]), (3, (False, False, False), [(False, 1), (False, 2), (True, None)]),
    (2, (False, True, True), [(False, 1), (False, 1), (False, 1)]), (1, (False,), [(True, None)])])
def test_an_answer_counts_when_it_came_in_several_runs(
        runs: int, again: tuple[bool, ...], expected: list[tuple[bool, int | None]]) -> None:
    old, found = NOW, []
    for each in again:
        verdict = freshness.weigh(Doubt("why", runs), old, NOW, each)
        found.append((verdict.counts, int(verdict.remember.partition(" ")[0]) if verdict.remember else None))
        old = old._replace(doubt=verdict.remember)
    assert found == expected


def test_what_is_remembered_of_a_doubt() -> None:
    lasting, accepting = Doubt("why", 1, lasts=True), Doubt("why", 1, accepts=True)
    counts, remember = freshness.weigh(lasting, NOW, NOW, False)
    assert (counts, remember.partition(" ")[0]) == (True, "1")
    assert freshness.weigh(accepting, NOW, NOW, False) == (True, freshness.ACCEPTED)
    # Another answer begins anew; so does an absence after a page, and a page that has not changed.
    doubt = Doubt("why", 3)
    once = NOW._replace(doubt=freshness.weigh(doubt, NOW, NOW, False).remember)
    others = [NOW._replace(serial=6), NOW._replace(files=()), NOW._replace(status={"status": "archived"}),
              NOW._replace(files=(FILE._replace(yanked="why"),)), NOW._replace(files=(FILE._replace(hashes={}),)), None]
    told = [freshness.weigh(doubt, once, page, False).remember for page in others]
    told.append(freshness.weigh(doubt, once, None, False, absent=True).remember)
    assert all(text.startswith("1 ") for text in told)
    assert len({*told, once.doubt}) == len(told) + 1
    assert freshness.weigh(doubt, None, NOW, False).remember == once.doubt
    assert freshness.is_unsettled(once)
    assert not freshness.is_unsettled(NOW)
    assert not freshness.is_unsettled(NOW._replace(doubt=freshness.ACCEPTED))


def test_times_and_sizes_are_kept_of_the_same_file_alone() -> None:
    poor = FILE._replace(upload_time=None, size=None)

    def known(before: File, now: File) -> tuple[Any, Any]:
        [file] = freshness.completed(NOW._replace(files=(before,)), NOW._replace(files=(now,))).files
        return file.upload_time, file.size

    both = FILE.upload_time, FILE.size
    assert known(FILE, poor) == both
    assert known(FILE, poor._replace(size=7, upload_time="2021-01-01T00:00:00Z")) == ("2021-01-01T00:00:00Z", 7)
    assert known(FILE, poor._replace(hashes={"sha256": "b" * 64})) == (None, None)
    assert known(FILE, poor._replace(hashes={"sha256": "a" * 64, "md5": "c" * 32})) == both
    assert known(FILE._replace(hashes={"md5": "d" * 32, **FILE.hashes}), poor._replace(
        hashes={"sha256": "a" * 64, "md5": "c" * 32})) == (None, None)
    assert known(FILE, poor._replace(hashes={})) == (None, None)
    assert known(FILE, poor._replace(filename="x-2.zip")) == (None, None)
    assert known(FILE._replace(listed=False), poor) == (None, None)


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_the_body_of_an_error_is_no_page(demo: Mirrored, upstream: Upstream, status: int) -> None:
    _, headers, body = page(upstream, 99)
    empty = json.dumps({**json.loads(body), "files": []}).encode()
    upstream.answers[PAGE] = status, headers, empty
    assert demo.run("-I") == 1
    assert demo.files("demo") == [FIRST, SECOND]
    reaches_upstream(demo, upstream)
