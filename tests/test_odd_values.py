"""Values out of any range, honest or hostile: each is refused or bounded where it comes in, and no run ends on it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from pypimirror.errors import FetchError
from pypimirror.http.dates import seconds
from pypimirror.http.retry import check
from pypimirror.metadata.filenames import parse, release
from pypimirror.model import Head
from pypimirror.upstream import validation
from support import sampling
from support.mirror import Mirrored
from support.upstream import JSON, Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("date", [
    "Fri, 31 Dec 99999 23:59:59 GMT", "Fri, 31 Dec 2020 23:59:59 +99999999999", "Fri, 31 Dec -5 23:59:59 GMT",
    f"Fri, {'9' * 5000} Dec 2020 1:1:1 GMT", "9" * 5000, "", "\udc80", "- - - - -", ",,,,", "Mon, 01 Jan 0001 00:00:00 +2359"])
def test_a_date_that_is_none_is_not_read(date: str) -> None:
    found = seconds(date)
    assert found is None or math.isfinite(found)


@pytest.mark.parametrize(("value", "least"), [
    ("Fri, 31 Dec 99999 23:59:59 GMT", None), ("9" * 5000, 1e9), ("9" * 400, 1e9), ("-5", None), ("٣", 3), ("nan", None),
    ("1e400", None), ("", None), ("Mon, 01 Jan 0001 00:00:00 +2359", 0), ("120", 120)])
def test_a_server_may_ask_to_wait_for_anything(value: str, least: float | None) -> None:
    with pytest.raises(FetchError) as error:
        check(Head(503, {"retry-after": value}, "http://x.example.com/"), "http://x.example.com/")
    found = error.value.retry_after
    assert found is None if least is None else found is None or found >= least


@pytest.mark.parametrize("version", ["9" * 5000, f"1!{'9' * 4301}", "1." * 3000 + "1", "\udc80", "", "٣.١"])
def test_any_text_may_stand_for_a_version(version: str) -> None:
    assert release(version) == release(version)
    parse(f"demo-{version}.tar.gz", "demo")


@pytest.mark.parametrize("value", ["\udc80", "x\udcff", "a\0b", "x\x1b[31m", "x" * 101, "", 10 ** 4000, -(10 ** 200), 1.5, True,
                                   float("nan"), [], {}])
def test_a_serial_that_cant_be_kept_is_none(value: Any) -> None:
    assert validation.serial(value) is None


@pytest.mark.parametrize("value", [0, -1, 12345678901, "12", "abc-7"])
def test_a_serial_is_kept_as_it_is(value: int | str) -> None:
    assert validation.serial(value) == value


@pytest.mark.parametrize("url", [
    "http://x.example.com/\udc80", "http://\udc80/a", "http://x.example.com:99999/a", "http://x.example.com:abc/a",
    "http://x.example.com:-1/a", "http://[x", "http://x.example.com/\0",
    "http://x.example.com/\x7f", "//:80/a", 7, None,
    "http://x.example.com/" + "a" * 10_000, "javascript:alert(1)"])
def test_a_url_that_is_none_is_refused(url: Any) -> None:
    with pytest.raises(validation.InvalidEntry) as refused:
        validation.file_url(url, "http://p.example.com/simple/demo/")
    assert str(refused.value).isprintable()


# --- in a whole run


@pytest.fixture
def mirror(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    for name in ("bad", "good"):
        upstream.add(name, wheel(name, "1"), sdist(name, "1"))
    return mirrored


def answer(upstream: Upstream, path: str, page: str) -> None:
    upstream.answers[path] = (200, {"Content-Type": JSON}, page.encode())


def page(upstream: Upstream, **more: Any) -> dict[str, Any]:
    """Return the page of ``bad`` as upstream has it, its first file with other facts."""
    found = json.loads(upstream.respond("/simple/bad/", {"Accept": JSON})[2])
    found["files"][0].update(more)
    return found


def names(mirrored: Mirrored) -> list[str]:
    assert mirrored.untrue() == []
    return [project["name"] for project in json.loads(mirrored.read("index.v1_json"))["projects"]]


def survives(mirrored: Mirrored, capsys: Captured) -> int:
    """Run; return the status. The other project is published, and what is printed are lines without a traceback."""
    capsys.readouterr()
    status = mirrored.run("sync")
    printed = capsys.readouterr()
    assert status in (0, 1)
    assert "Traceback" not in printed.err + printed.out
    assert all(line.isprintable() and len(line) < 1200 for line in printed.err.splitlines())
    assert "good" in names(mirrored)
    assert mirrored.run("status") == 0
    assert mirrored.run("verify") == 0
    return status


HUGE = int("9" * 4000)


ODD_FACTS: list[dict[str, Any]] = [
    {"size": HUGE}, {"size": float("inf")}, {"size": -1}, {"size": "7"}, {"size": 1e300}, {"size": True},
    {"upload-time": "99999-01-01T00:00:00Z"}, {"upload-time": "0001-01-01T00:00:00+23:59"}, {"upload-time": "x" * 10_000},
    {"upload-time": "2020-02-30T00:00:00Z"}, {"upload-time": 7},
    {"requires-python": ">=" + "9" * 5000}, {"requires-python": ">=3." + "9" * 1900}, {"requires-python": "\udc80"},
    {"requires-python": ">=3,<" + "1." * 900}, {"requires-python": ">=" + "3" * 1000 + "!1"},
    {"yanked": "\udc80\x1b[31m"}, {"yanked": HUGE}, {"yanked": {}}, {"hashes": {"sha256": "\udc80"}}, {"hashes": []},
    {"hashes": {"\udc80": "0" * 64}}, {"core-metadata": {"sha256": HUGE}}, {"core-metadata": HUGE}, {"provenance": "http://[x"},
    {"provenance": "http://x.example.com:99999/"}, {"filename": "x" * 10_000 + ".tar.gz"}, {"filename": "bad-\udc80.tar.gz"},
    {"filename": "bad-1\0.tar.gz"}, {"filename": f"bad-{'9' * 220}.tar.gz"}, {"filename": 7},
    {"filename": "bad-1!" + "9" * 200 + ".zip"},
    {"url": "http://x.example.com:99999/bad-1.tar.gz"}, {"url": "\udc80"}, {"more": HUGE}, {"more": [[[[[[[[[[[]]]]]]]]]]]},
    {"\udc80": "\udc80"}, {"more": {"\udc80": 1}}, {"more": "\udc80"}, {"gpg-sig": HUGE}, {"dist-info-metadata": [HUGE]}]


@pytest.mark.parametrize(("facts", "filters"), sampling.pairs(ODD_FACTS, [False, True], 1), ids=lambda value: ascii(value)[:60])
def test_odd_facts_of_a_file(mirror: Mirrored, upstream: Upstream, capsys: Captured, facts: dict[str, Any],
                             filters: bool) -> None:
    if filters:
        mirror.settings |= {"min_age": "1d", "latest_releases": 3, "python_versions": "3.11",
                            "platforms": "manylinux_2_28_x86_64",
                            "max_file_size": "1G", "specifiers": "bad >=0", "uploaded_before": "2030-01-01"}
    answer(upstream, "/simple/bad/", json.dumps(page(upstream, **facts)))
    survives(mirror, capsys)
    upstream.answers.clear()
    upstream.add("bad", wheel("bad", "2"))
    assert survives(mirror, capsys) == 0
    assert names(mirror) == ["bad", "good"]


@pytest.mark.parametrize("text", [
    DEEP, '{"meta":{"api-version":"1.0"},"name":"bad","files":' + DEEP + "}", '{"meta":' + DEEP,
    '{"meta":{"api-version":"1.0","_last-serial":' + "9" * 5000 + '},"name":"bad","files":[]}',
    '{"meta":{"api-version":"1.0","_last-serial":"\\udc80"},"name":"bad","files":[]}',
    '{"meta":{"api-version":"1.0"},"name":"bad","files":[NaN]}', '{"meta":{"api-version":"1.0"},"name":"bad","files":NaN}',
    '{"meta":{"api-version":1e999},"name":"bad","files":[]}',
    '{"meta":{"api-version":"1.' + "9" * 5000 + '"},"name":"b","files":[]}',
    '{"meta":{"api-version":"1.0"},"name":"bad","files":[],"project-status":{"status":"\\udc80","reason":"\\udc80"}}',
    '{"meta":{"api-version":"1.0"},"name":"bad","files":[],"versions":["' + "9" * 5000 + '"],"more":1e400}',
    '{"meta":{"api-version":"1.0"},"name":"bad","files":[],"project-status":7}', "", "\x00", "7", "null", '"\\udc80"'],
    ids=lambda text: ascii(text)[:50] or "empty")
def test_odd_pages(mirror: Mirrored, upstream: Upstream, capsys: Captured, text: str) -> None:
    answer(upstream, "/simple/bad/", text)
    survives(mirror, capsys)
    upstream.answers.clear()
    upstream.add("bad", wheel("bad", "2"))
    assert survives(mirror, capsys) == 0
    assert names(mirror) == ["bad", "good"]


@pytest.mark.parametrize("entry", [
    {"name": "odd", "_last-serial": "\udc80"}, {"name": "odd", "_last-serial": HUGE}, {"name": "odd", "_last-serial": 1e300},
    {"name": "odd", "_last-serial": []}, {"name": "\udc80"}, {"name": "x" * 10_000}, {"name": "o\0d"}, {"name": "../odd"},
    {"name": "x" * 200}, {"name": ""}, {"name": "con"}, {"name": "odd", "\udc80": "\udc80"}],
    ids=lambda entry: ascii(entry)[:50])
def test_odd_entries_of_the_list(mirror: Mirrored, upstream: Upstream, capsys: Captured, entry: dict[str, Any]) -> None:
    found = json.loads(upstream.respond("/simple/", {"Accept": JSON})[2])
    found["projects"].insert(1, entry)
    answer(upstream, "/simple/", json.dumps(found))
    survives(mirror, capsys)
    assert {"bad", "good"} <= set(names(mirror))


# --- in the configuration


@pytest.mark.parametrize(("key", "value"), [
    *(("index_url", f"http://pypi.example.com{port}/simple/") for port in (":99999", ":abc", ":-1", ":٣x")),
    ("index_url", "http:///simple/"), ("index_url", "http://[x/simple/"),
    ("index_url", "http://user:secret@pypi.example.com:abc/"),
    ("index_url", "https://pypi.example.com:99999/simple/ https://pypi.example.com/"),
    ("proxy", "http://proxy.example.com:99999"), ("base_url", "http://pypi.example.com:abc")])
@pytest.mark.parametrize("verb", ["sync", "plan", "status", "config"])
def test_an_address_that_is_none_is_refused_in_one_line(mirrored: Mirrored, capsys: Captured, key: str, value: str,
                                                        verb: str) -> None:
    mirrored.settings[key] = value
    status = mirrored.run(verb)
    printed = capsys.readouterr()
    assert "secret" not in printed.out + printed.err
    if verb == "status" and key == "index_url":
        return  # which asks no index
    assert status == 2
    assert printed.err.count("\n") == 1
    assert f"{key} = " in printed.err
    assert not mirrored.root.exists()
