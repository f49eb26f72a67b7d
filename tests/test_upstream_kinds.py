"""Every kind of upstream, a real one each: mirrored in full, kept up to date, left alone while nothing changes.

``-rP`` prints the versions of other index servers. PYPIMIRROR_INDEXES chooses these, see tests/support/wheelhouse.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pypimirror.names import normalize
from support import index_servers
from support.credentials import in_netrc
from support.index_servers import Files, Index
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

#: Makes an upstream in a folder.
Kind = Callable[[Path], AbstractContextManager[Index]]

KINDS: list[Kind] = [
    index_servers.our_server, index_servers.our_directory, index_servers.our_tree_served_by_python,
    index_servers.bandersnatch_directory, index_servers.bandersnatch_served_by_python,
    index_servers.bandersnatch_served_by_apache, index_servers.folders_listed_by_apache,
    index_servers.folders_listed_by_python, index_servers.heap, index_servers.pypiserver, index_servers.devpi]

FIRST: Files = {
    "Zope.One": [wheel("Zope.One", "1.0"), sdist("Zope.One", "0.5", "Zope.One")],
    "two": [wheel("two", "1.0+site.1"), wheel("two", "0.9")],
    "three": [sdist("three", "3")],
}
SECOND: Files = {
    "Zope.One": [wheel("Zope.One", "1.0"), wheel("Zope.One", "1.1")],
    "two": FIRST["two"],
    "four": [sdist("four", "4")],
}


def held(mirrored: Mirrored) -> dict[str, bytes]:
    """Give the distributions of the mirror by path."""
    return {path: body for path, body in mirrored.tree().items() if path.endswith((".whl", ".gz"))}


def expected(files: Files) -> dict[str, bytes]:
    """Give the same of what upstream has."""
    return {f"{normalize(project)}/{name}": body for project, given in files.items() for name, body in given}


@pytest.mark.parametrize("matches", ["*", "zope.one two three four"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_full_sync_and_updates(kind: Kind, matches: str, tmp_path: Path, mirrored: Mirrored) -> None:
    mirrored.settings["package_matches"] = matches
    status = 0 if matches == "*" else 1  # at each time one of the names is missing
    with kind(tmp_path) as index:
        print(index.version or kind.__name__)
        index.hold(FIRST)
        mirrored.settings["index_url"] = index.url
        assert mirrored.run("sync") == status
        assert held(mirrored) == expected(FIRST)
        assert not mirrored.untrue()
        before = mirrored.tree()
        assert mirrored.run("-U") == status
        assert mirrored.tree() == before
        index.hold(SECOND)
        assert mirrored.run("-U") == status
        if matches != "*":  # without a list, a second run has to confirm that a project is gone
            assert "three/" in mirrored.read("index.html")
            assert mirrored.run("-U") == status
        assert held(mirrored) == expected(SECOND)
        assert not mirrored.untrue()
        assert "zope-one/" in mirrored.read("index.html") and "three/" not in mirrored.read("index.html")
        assert mirrored.run("-I") == status
        assert held(mirrored) == expected(SECOND)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_counts_before_an_index_that_comes_after_it(
        kind: Kind, tmp_path: Path, mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("two", wheel("two", "99"))
    upstream.add("public", wheel("public", "1"))
    with kind(tmp_path) as index:
        index.hold(FIRST)
        mirrored.settings["index_url"] = f"{index.url} {upstream.url}"
        for verb in ("-I", "-U", "-U"):
            assert mirrored.run(verb) == 0
            assert held(mirrored) == expected({**FIRST, "public": [wheel("public", "1")]})
        index.hold({**FIRST, "public": [wheel("public", "0.1")]})
        assert mirrored.run("-U") == 0
        assert mirrored.files("public") == ["public-0.1-py3-none-any.whl"]


@pytest.mark.parametrize("place", ["url", "netrc"])
def test_a_pypiserver_with_a_password(
        tmp_path: Path, mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    with index_servers.guarded_pypiserver(tmp_path, "s3cret/word") as index:
        index.hold(FIRST)
        mirrored.settings["index_url"] = index.url
        assert mirrored.run("sync") == 1
        if place == "url":
            mirrored.settings["index_url"] = index.url.replace("://", "://site:s3cret%2Fword@")
        else:
            in_netrc(tmp_path, monkeypatch, "site", "s3cret/word")
        assert mirrored.run("sync") == 0
        assert held(mirrored) == expected(FIRST)
        index.hold(SECOND)
        assert mirrored.run("-U") == 0
        assert held(mirrored) == expected(SECOND)


@pytest.mark.parametrize("links", [
    "../../files/one/{file}", "/files/one/{file}", "{host}/files/one/{file}", "//{netloc}/files/one/{file}",
    "{file}"])
@pytest.mark.parametrize("base", ["", "{host}/files/one/", "/files/one/", "../../files/one/"])
def test_links_of_pages_are_relative_absolute_or_start_from_a_base(
        mirrored: Mirrored, upstream: Upstream, links: str, base: str) -> None:
    name, body = wheel("one", "1.0+local")
    upstream.add("one", (name, body))
    parts = {"host": upstream.host, "netloc": upstream.host.partition("://")[2], "file": name.replace("+", "%2B")}
    upstream.answers[f"/files/one/{parts['file']}"] = (200, {}, body)
    if not base:
        upstream.answers[f"/simple/one/{parts['file']}"] = (200, {}, body)
    element = f'<base href="{base.format(**parts)}">' if base else ""
    page = f'<!DOCTYPE html><html><head>{element}</head><body><a href="{links.format(**parts)}">x</a></body></html>'
    upstream.answers["/simple/one/"] = (200, {"Content-Type": "text/html"}, page.encode())
    assert mirrored.run("sync") == 0
    assert held(mirrored) == {f"one/{name}": body}
