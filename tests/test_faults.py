"""Faults of network, servers and proxies that a run gets over, and those that it leaves to the next."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from pypimirror.errors import FetchError
from pypimirror.http import retry
from pypimirror.http.retry import RetryPolicy
from pypimirror.sync import run
from support import http_faults, sampling
from support.mirror import Mirrored
from support.upstream import JSON, Served, Upstream, sdist, wheel

WHEEL = wheel("one", "1")[0]
#: Not what is in the wheel, so that it has to be asked for.
MENDED = b"Metadata-Version: 2.1\nName: one\nVersion: 1\nKeywords: mended\n"
PATHS = {"list": "/simple/", "page": "/simple/one/", "file": f"/files/one/{WHEEL}", "metadata": f"/files/one/{WHEEL}.metadata"}
FAULTS: dict[str, Callable[[Upstream], http_faults.Answer]] = {
    **{f"status {code}": lambda upstream, code=code: http_faults.status(code) for code in (408, 429, 500, 502, 503, 504)},
    "429 with seconds": lambda upstream: http_faults.status(429, Retry_After="1"),
    "503 with a date": lambda upstream: http_faults.status(503, Retry_After=http_faults.in_seconds(1)),
    "503 with nonsense": lambda upstream: http_faults.status(503, Retry_After="soon"),
    "no answer": lambda upstream: http_faults.refused,
    "reset": lambda upstream: http_faults.reset,
    "no HTTP": lambda upstream: http_faults.garbage,
    "truncated": http_faults.truncated,
    "reset inside": http_faults.reset_inside,
    "truncated, length untold": http_faults.truncated_untold,
    "Content-Length too short": http_faults.too_short,
    "Content-Length too long": http_faults.too_long,
}

pytestmark = pytest.mark.usefixtures("each_fetcher")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_LONGEST_BACKOFF", 0.02)
    monkeypatch.setattr(retry, "_JITTER", 0.02)
    monkeypatch.setattr(run, "LAG", 0.01)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds between attempts, which are noted and not waited for."""
    found: list[float] = []
    monkeypatch.setattr(retry, "sleep", found.append)
    return found


@pytest.fixture
def small(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror, not yet synced, of an upstream of two projects; what fails is asked for twice more."""
    upstream._server.handle_error = lambda request, address: None
    upstream.add("one", wheel("one", "1"))
    upstream.projects["one"][WHEEL].metadata = MENDED
    upstream.add("two", wheel("two", "1"), sdist("two", "1"))
    mirrored.settings["retries"] = 2
    return mirrored


# The form makes a difference to the list and to pages alone.
@pytest.mark.parametrize(("fault", "each_fetcher", "form", "where"), [
    (fault, *more) for fault, more in sampling.pairs(tuple(FAULTS), [
        *(("pycurl", "json", where) for where in PATHS), *(("requests", "json", where) for where in PATHS),
        ("pycurl", "html", "list"), ("pycurl", "html", "page")], 4)], indirect=["each_fetcher"])
def test_a_run_gets_over_it(
        small: Mirrored, upstream: Upstream, fault: str, where: str, form: str, pauses: list[float]) -> None:
    upstream.json = form == "json"
    times = 2 if fault.startswith("status") else 1
    upstream.answers[PATHS[where]] = http_faults.first(times, FAULTS[fault](upstream), upstream)
    assert small.run("sync") == 0
    assert fault != "429 with seconds" or max(pauses) >= 1
    assert small.files("one") == [WHEEL]
    assert len(small.files("two")) == 2
    assert small.untrue() == []
    assert small.page("one")["files"][0]["core-metadata"]
    upstream.asked()
    assert small.run("-U") == 0
    assert not [path for path in upstream.asked() if path.startswith("/files/")]


@pytest.mark.parametrize(("fault", "each_fetcher", "where"), [
    (fault, *more) for fault, more in sampling.pairs(tuple(FAULTS), [
        ("pycurl", "page"), ("pycurl", "file"), ("pycurl", "metadata"), ("requests", "page"), ("requests", "file")], 3)],
    indirect=["each_fetcher"])
def test_what_does_not_pass_is_left_to_the_next_run_and_holds_up_nobody(
        small: Mirrored, upstream: Upstream, fault: str, where: str, capsys: pytest.CaptureFixture[str],
        pauses: list[float]) -> None:
    small.settings["retries"] = 1
    upstream.answers[PATHS[where]] = FAULTS[fault](upstream)
    assert small.run("sync") == 1
    assert f"{upstream.host}{PATHS[where]}" in capsys.readouterr().err
    assert len(small.files("two")) == 2
    assert small.untrue() == []
    assert not list((small.root / ".pypimirror/tmp").iterdir())
    del upstream.answers[PATHS[where]]
    assert small.run("-U") == 0
    assert small.files("one") == [WHEEL]


@pytest.mark.parametrize("wait", ["3600", http_faults.in_seconds(3600)], ids=["seconds", "date"])
def test_a_server_that_wants_to_be_left_alone_for_long_is_asked_by_the_next_run(
        small: Mirrored, upstream: Upstream, wait: str) -> None:
    upstream.answers[PATHS["file"]] = http_faults.status(503, Retry_After=wait)
    assert small.run("sync") == 1
    assert upstream.asked().count(PATHS["file"]) == 1


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("where", PATHS)
@pytest.mark.heavy
def test_a_transfer_that_only_drips_is_ended_and_tried_again(
        small: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, where: str, head: bool,
        each_fetcher: str) -> None:
    # libcurl has a clock of its own, which waits for all of it; what a busy machine holds up that long is tried again, too.
    small.settings |= {"timeout": 1, "retries": 20} if each_fetcher == "pycurl" else {"timeout": 20}
    upstream.add("one", wheel("one", "1", body="# long\n" * 1000))
    upstream.projects["one"][WHEEL].metadata = MENDED
    slow = http_faults.Slow(upstream, 0.01, head)
    http_faults.minutes_pass(monkeypatch, lambda: slow.sent > 0)
    upstream.answers[PATHS[where]] = http_faults.first(1, slow, upstream)
    try:
        assert small.run("sync") == 0
    finally:
        slow.over.set()
    assert slow.sent > 0 and not slow.complete
    assert small.files("one") == [WHEEL]
    assert "slower than" not in (small.root / ".pypimirror/pypimirror.log").read_text()


@pytest.mark.heavy
def test_a_host_that_says_nothing_is_given_up_after_the_timeout(small: Mirrored, upstream: Upstream) -> None:
    over = threading.Event()
    small.settings["timeout"] = 1
    upstream.answers[PATHS["file"]] = http_faults.first(1, lambda handler: over.wait(60), upstream)
    try:
        assert small.run("sync") == 0
    finally:
        over.set()


# --- bodies that go on where they ended

BODY = random.Random(1).randbytes(5 << 20)


@pytest.fixture
def large(small: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror of an upstream with a file of 5 MB."""
    upstream.projects["one"] = {}
    upstream.projects["one"]["one-1.tar.gz"] = Served("one-1.tar.gz", BODY)
    upstream.touch("one")
    small.settings["retries"] = 4
    return small


LARGE = "/files/one/one-1.tar.gz"


@pytest.mark.parametrize("headers", [{"ETag": '"a"'}, {"Last-Modified": "Sat, 01 Feb 2020 00:00:00 GMT"}])
def test_a_large_body_goes_on_where_it_was_cut_off(large: Mirrored, upstream: Upstream, headers: dict[str, str]) -> None:
    upstream.answers[LARGE] = ranges = http_faults.Ranges(BODY, 2 << 20, headers)
    assert large.run("sync") == 0
    assert large.untrue() == []
    assert ranges.asked == [(None, None), *((f"bytes={n << 20}-", next(iter(headers.values()))) for n in (2, 4))]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"a"'}, {"ETag": '"a"', "Accept-Ranges": "none"}])
def test_without_a_validator_or_ranges_it_begins_again(large: Mirrored, upstream: Upstream, headers: dict[str, str]) -> None:
    ranges = http_faults.Ranges(BODY, 2 << 20, headers)
    upstream.answers[LARGE] = http_faults.first(2, ranges, upstream)
    assert large.run("sync") == 0
    assert large.untrue() == []
    assert {wanted for wanted, _ in ranges.asked} == {None}


def test_a_body_that_became_another_one_meanwhile_is_begun_again(large: Mirrored, upstream: Upstream) -> None:
    old = http_faults.Ranges(BODY[::-1], 2 << 20, {"ETag": '"a"'})
    new = http_faults.Ranges(BODY, len(BODY), {"ETag": '"b"'})
    upstream.answers[LARGE] = lambda handler: (old if not old.asked else new)(handler)
    assert large.run("sync") == 0
    assert large.untrue() == []
    assert new.asked == [(f"bytes={2 << 20}-", '"a"')]


@pytest.mark.parametrize("lie", ["another body under the same ETag", "another range than was asked for", "416"])
def test_a_server_whose_ranges_cant_be_trusted_costs_a_whole_download(large: Mirrored, upstream: Upstream, lie: str) -> None:
    begun = http_faults.Ranges(BODY[::-1] if "body" in lie else BODY, 2 << 20, {"ETag": '"a"'})
    other = http_faults.Ranges(BODY, len(BODY), {"ETag": '"a"'}, honest="range" not in lie)
    count = 0

    def answer(handler: Any) -> None:
        nonlocal count
        count += 1
        if count == 2 and lie == "416":
            http_faults.status(416)(handler)
        else:
            (begun if count == 1 else other)(handler)

    upstream.answers[LARGE] = answer
    assert large.run("sync") == 0
    assert large.untrue() == []
    assert count == 3
    assert other.asked[-1] == (None, None)


def test_a_part_that_nobody_asked_for_is_no_file(large: Mirrored, upstream: Upstream) -> None:
    upstream.answers[LARGE] = (206, {"Content-Range": "bytes 0-9/10"}, BODY[:10])
    assert large.run("sync") == 1
    assert large.files("one") == []


def test_a_wrong_file_is_asked_for_once_more_and_then_told(large: Mirrored, upstream: Upstream,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    upstream.answers[LARGE] = (200, {}, BODY[::-1])
    assert large.run("sync") == 1
    assert upstream.asked().count(LARGE) == 2
    assert f"its sha256 is {hashlib.sha256(BODY[::-1]).hexdigest()}" in capsys.readouterr().err


@pytest.mark.parametrize("algorithm", ["sha512", "blake2b", "md5"])
@pytest.mark.parametrize("wrong", [True, False])
def test_each_hash_that_upstream_gives_has_to_be_right(
        mirrored: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], algorithm: str, wrong: bool) -> None:
    """The mirror's page repeats them all."""
    name, body = wheel("one", "1")
    right = {each: hashlib.new(each, body).hexdigest() for each in ("sha256", algorithm)}
    told = right | ({algorithm: "0" * len(right[algorithm])} if wrong else {})
    upstream.add("one", (name, body), hashes=told)
    assert mirrored.run("sync") == int(wrong)
    assert mirrored.files("one") == ([] if wrong else [name])
    if wrong:
        assert f"its {algorithm} is {right[algorithm]}, upstream's page has 000" in capsys.readouterr().err
    else:
        assert mirrored.page("one")["files"][0]["hashes"] == told


# --- pages older than the list

def stale(upstream: Upstream, name: str, times: int) -> http_faults.Answer:
    """Answer with the page as it is now, so many times; what is added later is seen after that."""
    old = upstream.project_page(name, True)
    return http_faults.first(times, lambda handler: handler.reply(200, {"Content-Type": JSON}, old), upstream)


def test_a_page_older_than_the_list_is_read_again_in_the_same_run(small: Mirrored, upstream: Upstream) -> None:
    assert small.run("sync") == 0
    upstream.answers[PATHS["page"]] = stale(upstream, "one", 2)
    upstream.add("one", wheel("one", "2"))
    upstream.add("two", wheel("two", "2"))
    upstream.asked()
    assert small.run("-U") == 0
    asked = upstream.asked()
    assert asked.count(PATHS["page"]) == 3
    # Others did not wait for it.
    assert asked.index("/files/two/two-2-py3-none-any.whl") < len(asked) - 1 - asked[::-1].index(PATHS["page"])
    assert len(small.files("one")) == 2
    assert small.untrue() == []


def test_a_page_that_stays_older_is_kept_for_the_next_run(small: Mirrored, upstream: Upstream) -> None:
    assert small.run("sync") == 0
    upstream.answers[PATHS["page"]] = stale(upstream, "one", 3)
    upstream.add("one", wheel("one", "2"))
    assert small.run("-U") == 0
    assert len(small.files("one")) == 1
    assert small.run("-U") == 0
    assert len(small.files("one")) == 2


def test_what_a_second_look_would_remove_is_held_back_like_the_rest(small: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", *(wheel("one", f"1.{number}") for number in range(30)))
    assert small.run("sync") == 0
    upstream.answers[PATHS["page"]] = stale(upstream, "one", 1)
    upstream.remove("one", *(wheel("one", f"1.{number}")[0] for number in range(30)))
    assert small.run("-U") == 4
    assert len(small.files("one")) == 31


# --- time

def test_one_projects_failures_take_a_bounded_time(
        small: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PATIENCE", 0.0)
    small.settings |= {"retries": 3, "workers": 1}
    upstream.add("one", *(wheel("one", f"1.{number}") for number in range(20)))
    for number in range(20):
        upstream.answers[f"/files/one/one-1.{number}-py3-none-any.whl"] = http_faults.status(500)
    assert small.run("sync") == 1
    assert len([path for path in upstream.asked() if path.startswith("/files/one/one-1.") and path.endswith(".whl")]) < 4
    assert len(small.files("two")) == 2
    assert "this run sends no more requests for this project" in (small.root / ".pypimirror/pypimirror.log").read_text()


def test_failures_that_cant_pass_cost_no_patience() -> None:
    bounded = RetryPolicy(0, patience=0.001)

    def absent() -> None:
        time.sleep(0.002)
        raise FetchError("http://x.example.com/", "status 404", code=404)

    for _ in range(3):
        with pytest.raises(FetchError, match=r"status 404$"):
            bounded(absent)


def test_a_project_that_failed_is_asked_for_again_though_the_list_has_not_changed(
        mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    upstream.add("two", wheel("two", "1"))
    assert mirrored.run("sync") == 0
    upstream.add("two", wheel("two", "2"))
    upstream.answers["/simple/two/"] = (500, {}, b"")
    for _ in range(2):
        upstream.asked()
        assert mirrored.run("sync") == 1
        assert upstream.asked() == ["/simple/", "/simple/two/"]
    del upstream.answers["/simple/two/"]
    assert mirrored.run("sync") == 0
    assert len(mirrored.files("two")) == 2


def test_a_run_that_could_not_go_on_is_told_by_status(
        mirrored: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    upstream.answers["/simple/"] = (500, {}, b"")
    assert mirrored.run("sync") == 1
    capsys.readouterr()
    assert mirrored.run("status", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status["last_status"] == 1
    assert len(status["problems"]) == 1 and "status 500" in status["problems"][0]
    assert status["last_good_run"] is not None
