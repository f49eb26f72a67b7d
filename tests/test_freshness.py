"""Answers of upstream that are older or poorer than what is known take nothing away, and are asked for again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mirrored import Mirrored
from pypimirror.sync import run
from upstream import JSON, Upstream, wheel

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
    for _ in range(5):
        assert demo.run("-U") == 0
        assert demo.files("demo") == [FIRST, SECOND]
    reaches_upstream(demo, upstream)


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
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]


@pytest.mark.parametrize("serials", [True, False])
def test_a_listed_project_that_is_not_found_once_stays(
        demo: Mirrored, upstream: Upstream, serials: bool, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.serials = serials
    upstream.touch("demo")
    upstream.answers[PAGE] = (404, {}, b"")
    assert demo.run("-U") == 1
    assert "demo: upstream lists the project, and its page is not found" in capsys.readouterr().err
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
