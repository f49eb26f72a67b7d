"""An entry of upstream's page that can't be read does not remove the file that it is about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pypimirror.http import ssrf
from support.mirror import Mirrored
from support.upstream import JSON, Upstream, wheel

PAGE = "/simple/demo/"
FILES = [wheel("demo", version)[0] for version in ("1.0", "2.0", "3.0")]


@pytest.fixture
def demo(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    upstream.add("other", wheel("other", "1.0"))
    upstream.add("demo", wheel("demo", "1.0"), wheel("demo", "2.0"))
    assert mirrored.run("sync") == 0
    upstream.add("demo", wheel("demo", "3.0"))
    return mirrored


def answer(upstream: Upstream, **facts: Any) -> None:
    """Have the page give other facts for the second file."""
    page = json.loads(upstream.project_page("demo", True))
    page["files"] = [{**file, **(facts if file["filename"] == FILES[1] else {})} for file in page["files"]]
    upstream.answers[PAGE] = (200, {"Content-Type": JSON}, json.dumps(page).encode())


@pytest.mark.parametrize("url", [None, "javascript:1", "https://user:pw@files.example.com/demo-2.0-py3-none-any.whl",
                                 f"/files/demo/{FILES[1]}#sha256={'1' * 64}", "http://[/demo-2.0-py3-none-any.whl"])
def test_a_mirrored_file_stays_while_its_entry_is_invalid(demo: Mirrored, upstream: Upstream, url: str | None) -> None:
    answer(upstream, url=url)
    for _ in range(4):
        assert demo.run("-U") == 0
        assert demo.files("demo") == FILES
        assert not demo.untrue()
    assert f"{FILES[1]}: " in (demo.root / ".pypimirror/pypimirror.log").read_text()
    upstream.answers.clear()
    upstream.remove("demo", FILES[1])
    assert demo.run("-U") == 0
    assert demo.files("demo") == [FILES[0], FILES[2]]


def test_a_mirrored_file_stays_while_its_link_is_invalid(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.json = False
    upstream.add("demo", *(wheel("demo", version) for version in ("1.0", "2.0")))
    assert mirrored.run("sync") == 0
    upstream.add("demo", wheel("demo", "3.0"))
    body = upstream.project_page("demo", False).decode()
    upstream.answers[PAGE] = (200, {"Content-Type": "text/html"}, body.replace(
        f'href="{upstream.host}/files/demo/{FILES[1]}', f'href="ftp://files.example.com/{FILES[1]}').encode())
    for _ in range(4):
        assert mirrored.run("-U") == 0
        assert mirrored.files("demo") == FILES


def test_a_mirrored_file_stays_while_its_host_seems_to_be_private(
        demo: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a network answers all names with its login page."""
    monkeypatch.setattr(ssrf, "check", refuse)
    answer(upstream, url=f"http://files.example.com/{FILES[1]}")
    assert demo.run("-U") == 0
    assert demo.files("demo") == FILES


def refuse(source: str, target: str) -> None:
    if "files.example.com" in target:
        raise ssrf.FetchError(target, "refused: public host leads to a private address")


def test_a_file_that_is_not_here_is_not_taken_from_an_invalid_entry(demo: Mirrored, upstream: Upstream) -> None:
    page = json.loads(upstream.project_page("demo", True))
    for file in page["files"]:
        file["url"] = None
    upstream.answers[PAGE] = (200, {"Content-Type": JSON}, json.dumps(page).encode())
    assert demo.run("-U") == 0
    assert demo.files("demo") == FILES[:2]
