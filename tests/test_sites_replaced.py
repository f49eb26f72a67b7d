"""How long caches may keep files: for ever only where upstream never replaces one; real pip after one was replaced."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from zc.buildout.easy_install import default_index_url

from pypimirror.http.content_types import FINAL_FILE_CACHE, PAGE_CACHE, REVALIDATED, cache_control
from pypimirror.settings.index_settings import has_final_files
from support import clients, servers
from support.mirror import Mirrored
from support.servers import ask
from support.upstream import Upstream, wheel

SERVERS = ("serve", "apache", "nginx")
NAME = wheel("one", "1")[0]


@pytest.fixture
def public(upstream: Upstream) -> Iterator[Mirrored]:
    """A mirror in a place that the web servers' own users may enter."""
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        Path(folder).chmod(0o755)
        yield Mirrored(Path(folder, "mirror"), upstream.url)


def install(site: str, folder: Path, target: str) -> str:
    """Install with pip, which keeps what it fetches; return the module's text."""
    clients.run([sys.executable, "-m", "pip", "install", "--cache-dir", folder / "cache", "--target", folder / target,
                 "--index-url", f"{site}/simple/", "--trusted-host", site.removeprefix("http://"), "one"],
                folder, clients.environment(folder / "home"))
    return (folder / target / "one" / "__init__.py").read_text()


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.heavy
def test_pip_installs_a_file_that_was_replaced_whatever_its_cache_holds(
        server: str, public: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("one", wheel("one", "1"))
    assert public.run("sync") == 0
    log = tmp_path / "server" / "log"
    log.parent.mkdir()
    with getattr(servers, server)(public.root, log, index_url=(upstream.url,)) as site:
        assert install(site, tmp_path, "before") == "__version__ = '1'\n"
        assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        upstream.add("one", wheel("one", "1", body="replaced = True\n"))
        assert public.run("sync") == 0
        assert install(site, tmp_path, "after") == "replaced = True\n"


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(("settings", "cache"), [
    ({"index_url": ("https://index.example.com/simple",)}, REVALIDATED), ({"local_packages": "/srv/own"}, REVALIDATED),
    ({}, FINAL_FILE_CACHE)])
def test_a_file_has_an_etag_and_the_life_that_its_upstream_allows(
        server: str, settings: dict[str, Any], cache: str, public: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("one", wheel("one", "1"))
    assert public.run("sync") == 0
    with getattr(servers, server)(public.root, tmp_path / "log", **settings) as site:
        for path in (f"/one/{NAME}", f"/simple/one/{NAME}.metadata"):
            reply = ask(site, path)
            assert (reply.status, reply.headers.get_all("Cache-Control")) == (200, [cache])
            assert ask(site, path, If_None_Match=reply.headers["ETag"]).status == 304
        assert ask(site, "/one/").headers.get_all("Cache-Control") == [PAGE_CACHE if cache == FINAL_FILE_CACHE else REVALIDATED]


def settings(**others: Any) -> dict[str, Any]:
    return {"index_url": (), "local_packages": None, "external_links": False, **others}


@pytest.mark.parametrize(("given", "final"), [
    ({}, True), ({"index_url": (default_index_url,)}, True), ({"index_url": (f"{default_index_url.rstrip('/')}/",)}, True),
    ({"index_url": ("https://index.example.com/simple/",)}, False), ({"index_url": ("/srv/heap",)}, False),
    ({"index_url": (default_index_url, "https://index.example.com/simple/")}, False),
    ({"index_url": (default_index_url.replace("://", "://user:secret@"),)}, False), ({"local_packages": "/srv/own"}, False),
    ({"external_links": True}, False)])
def test_files_are_final_in_a_mirror_of_pypi_alone(given: dict[str, Any], final: bool) -> None:
    assert has_final_files(settings(**given)) is final


def test_pages_have_a_short_life_and_files_too_unless_they_are_final() -> None:
    for name in ("index.html", "one/index.v1_json", "pins/versions.cfg", "pypi/one/json",
                 "one/one-1.0-variants.json"):
        assert cache_control(name, final=True) == "public, max-age=600"
        assert cache_control(name, final=False) == "public, max-age=0, must-revalidate"
    for name in ("one/one-1.tar.gz", "one/one-1-py3-none-any.whl.metadata"):
        assert cache_control(name, final=True) == "public, max-age=31536000, immutable"
        assert cache_control(name, final=False) == "public, max-age=0, must-revalidate"
