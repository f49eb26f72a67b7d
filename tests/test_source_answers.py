"""Pages are asked for again by their ETag, unless that may be the one of another page."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from pypimirror.model import Head
from pypimirror.upstream import validators
from support.mirror import Mirrored
from support.upstream import JSON, Upstream, wheel

NOW = 1_700_000_000


def test_what_changes_twice_in_a_second_is_seen_though_the_web_server_gives_both_one_etag(
        mirrored: Mirrored, upstream: Upstream) -> None:
    modified = formatdate(time.time() + 3600, usegmt=True)   # never more than a second ago, however slow the test
    asked: list[str | None] = []
    respond = upstream.respond

    def like_a_web_server(path: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        status, sent, body = respond(path, {name: value for name, value in headers.items() if name != "If-None-Match"})
        if path.startswith("/simple/"):
            asked.append(headers.get("If-None-Match"))
            if asked[-1] == '"same"':
                return 304, {"Content-Length": "0"}, b""
            sent |= {"ETag": '"same"', "Last-Modified": modified}
        return status, sent, body

    upstream.serials = False
    upstream.respond = like_a_web_server  # type: ignore[method-assign]
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    upstream.add("one", wheel("one", "2"))
    upstream.add("two", wheel("two", "1"))
    assert mirrored.run("sync") == 0
    assert {path.name for path in mirrored.root.rglob("*.whl")} == {
        "one-1-py3-none-any.whl", "one-2-py3-none-any.whl", "two-1-py3-none-any.whl"}
    modified = formatdate(time.time() - 60, usegmt=True)
    for _ in range(2):
        assert mirrored.run("sync") == 0
    assert asked[-1] == '"same"'


@pytest.mark.parametrize(("headers", "etag"), [
    ({"etag": '"x"'}, '"x"'),
    ({"etag": '"x"', "date": formatdate(NOW, usegmt=True)}, '"x"'),
    ({"etag": '"x"', "date": formatdate(NOW, usegmt=True), "last-modified": formatdate(NOW - 2, usegmt=True)}, '"x"'),
    ({"etag": '"x"', "date": formatdate(NOW, usegmt=True), "last-modified": formatdate(NOW - 1, usegmt=True)}, None),
    ({"etag": '"x"', "date": formatdate(NOW, usegmt=True), "last-modified": formatdate(NOW + 5, usegmt=True)}, None),
    ({"etag": '"x"', "date": "today", "last-modified": formatdate(NOW, usegmt=True)}, '"x"'),
    ({"etag": '"x"', "date": formatdate(NOW, usegmt=True), "last-modified": "Mon, 99 Nov 99999999999 99:99:99 GMT"}, '"x"'),
    ({"last-modified": formatdate(NOW, usegmt=True)}, None)])
def test_an_etag_of_a_page_that_had_just_changed_is_none(headers: dict[str, str], etag: str | None) -> None:
    assert validators.etag(Head(200, headers, "http://index.example.com/simple/")) == etag


@pytest.mark.parametrize("path", ["/simple/", "/simple/demo/"])
@pytest.mark.parametrize("status", [206, 304])
def test_an_answer_to_another_request_is_none(mirrored: Mirrored, upstream: Upstream, path: str, status: int,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    """A broken cache may answer with a part of the page, or that it has not changed, though neither was requested."""
    upstream.add("demo", wheel("demo", "1.0"), wheel("demo", "2.0"))
    upstream.add("other", wheel("other", "1.0"))
    answer: tuple[int, dict[str, str], bytes] = (304, {}, b"")
    if status == 206:
        assert mirrored.run("sync") == 0
        upstream.touch("demo")
        page = json.loads(upstream.list_page(True) if path == "/simple/" else upstream.project_page("demo", True))
        key = "projects" if path == "/simple/" else "files"
        answer = 206, {"Content-Type": JSON}, json.dumps({**page, key: page[key][:1]}).encode()
    upstream.answers[path] = answer
    before = mirrored.paths()
    assert mirrored.run("sync") == 1
    assert f"status {status}" in capsys.readouterr().err
    assert set(before) <= set(mirrored.paths())
    upstream.answers.clear()
    assert mirrored.run("sync") == 0
    assert len(mirrored.files("demo")) == 2
