"""The product's own components keep the contracts that authors of plugins test with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pypimirror.interfaces import (
    IClient,
    IEngine,
    IFetcher,
    IFilter,
    IIndexWriter,
    INameFilter,
    IObserver,
    IParser,
    IWebServer,
)
from pypimirror.names import PAGES, normalize
from pypimirror.testing.clients import ClientContract, WebServerContract
from pypimirror.testing.engines import EngineContract
from pypimirror.testing.fetchers import FetcherContract
from pypimirror.testing.filters import FilterContract, NameFilterContract
from pypimirror.testing.index import LoopbackIndex
from pypimirror.testing.index_writers import IndexWriterContract
from pypimirror.testing.mirror import LocalMirror
from pypimirror.testing.observers import ObserverContract
from pypimirror.testing.sources import CONTENT, ParserContract, SourceContract
from pypimirror.zcml import builtin, registry
from pypimirror.zcml.plugins import read

#: The keys that enable the filters.
FILTERS: dict[str, dict[str, str]] = {
    "malicious": {"advisories": "osv"},
    "deny": {"decisions": "decisions.toml"},
    "allow": {"decisions": "decisions.toml"},
    "filename-matches": {"filename_matches": "*.whl *-1.*"},
    "filename-excludes": {"filename_excludes": "zope*"},
    "package-types": {"package_types": "wheel"},
    "max-file-size": {"max_file_size": "3k"},
    "compatibility": {"python_versions": "3.11", "platforms": "manylinux_2_28_x86_64"},
    "specifiers": {"specifiers": "zope.interface >=7"},
    "prereleases": {"prereleases": "False"},
    "yanked": {"yanked": "hide"},
    "uploaded-before": {"uploaded_before": "2024-02-15"},
    "min-age": {"min_age": "7d"},
    "vulnerable": {"advisories": "osv", "vulnerable": "hide"},
    "publishers": {"publishers": "hold"},
    "metadata-matches": {"metadata_matches": "License: ZPL*"},
    "metadata-excludes": {"metadata_excludes": "License: ZPL*"},
    "sdists": {"sdists": "none"},
    "latest-releases": {"latest_releases": "1"},
}
_DECISIONS = ('[[deny]]\nrelease = "zope.interface<7"\nwhy = "test"\n'
              '[[allow]]\nrelease = "zope.interface>=7"\nwhy = "test"\n')
NAME_FILTERS = {"package-matches": {"package_matches": "plone zope-*"}, "package-excludes": {"package_excludes": "plone*"}}
_OWN = builtin.load_builtin()


def own(interface: Any) -> tuple[str, ...]:
    """Return the names of the product's components of a kind."""
    return registry.names(_OWN, interface)


class Mirrors:
    """Creates the product's components out of configurations."""

    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path) -> Iterator[None]:
        self.folder = tmp_path
        self.made: list[Any] = []
        self.read: list[Any] = []
        yield
        for mirror in self.made:
            mirror.close()

    def mirror(self, **keys: Any) -> Any:
        self.made.append(LocalMirror(self.folder, **{"base_url": "https://pypi.example.com", **keys}).components())
        return self.made[-1]

    def component(self, interface: Any, name: str, **keys: Any) -> Any:
        return registry.chosen(_OWN, (self.settings(**keys),), interface, name, "test")

    def settings(self, **keys: Any) -> Any:
        if not self.read:
            self.read.append(read(LocalMirror(self.folder, base_url="https://pypi.example.com", **keys).write()))
        return self.read[0]


def test_every_filter_is_tested() -> None:
    assert FILTERS.keys() == set(own(IFilter))


@pytest.mark.parametrize("name", FILTERS)
class TestFilters(Mirrors, FilterContract):
    @pytest.fixture(autouse=True)
    def named(self, name: str) -> None:
        self.name = name

    def make(self) -> Any:
        (self.folder / "decisions.toml").write_text(_DECISIONS)
        return self.component(IFilter, self.name, **FILTERS[self.name])


@pytest.mark.parametrize("name", NAME_FILTERS)
class TestNameFilters(Mirrors, NameFilterContract):
    @pytest.fixture(autouse=True)
    def named(self, name: str) -> None:
        self.name = name

    def make(self) -> Any:
        return self.component(INameFilter, self.name, **NAME_FILTERS[self.name])


@pytest.mark.parametrize("name", own(IIndexWriter))
class TestIndexWriters(Mirrors, IndexWriterContract):
    @pytest.fixture(autouse=True)
    def named(self, name: str) -> None:
        self.name = name

    def make(self) -> Any:
        return self.component(IIndexWriter, self.name)


@pytest.mark.parametrize("name", own(IObserver))
class TestObservers(Mirrors, ObserverContract):
    @pytest.fixture(autouse=True)
    def named(self, name: str) -> None:
        self.name = name

    def make(self) -> Any:
        return self.component(IObserver, self.name, report_filename="r.json", metrics_filename="m.prom")


@pytest.mark.parametrize("name", own(IClient))
class TestClients(Mirrors, ClientContract):
    @pytest.fixture(autouse=True)
    def named(self, name: str) -> None:
        self.name = name

    def make(self) -> Any:
        return self.component(IClient, self.name)


@pytest.mark.parametrize("name", own(IWebServer))
class TestWebServers(Mirrors, WebServerContract):
    @pytest.fixture(autouse=True)
    def named(self, name: str) -> None:
        self.name = name

    def make(self) -> Any:
        return self.component(IWebServer, self.name)


@pytest.mark.parametrize("name", [name for name in own(IEngine) if name != "dask"])
class TestEngines(Mirrors, EngineContract):
    @pytest.fixture(autouse=True)
    def named(self, name: str) -> None:
        self.name = name

    def make(self) -> Any:
        return self.mirror(engine=self.name, fetcher="requests").engine


@pytest.mark.parametrize("name", ["requests", "pycurl"])
class TestFetchers(Mirrors, FetcherContract):
    @pytest.fixture(autouse=True)
    def named(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        if name == "pycurl":
            pytest.importorskip("pycurl", reason="pycurl is not installed: the extra [fast]")
        self.name = name

    def make(self) -> Any:
        return self.component(IFetcher, self.name)


@pytest.mark.parametrize("name", ["http", "file", "local"])
class TestSources(Mirrors, SourceContract):
    @pytest.fixture(autouse=True)
    def upstream(self, name: str) -> Iterator[None]:
        self.name = name
        with LoopbackIndex() as index:
            for project, files in CONTENT.items():
                index.add(project, *files.items())
            self.url = index.url
            yield

    def make(self) -> Any:
        if self.name != "http":
            self.url = str(self.folder / "upstream")
            for project, files in CONTENT.items():
                folder = self.folder / "upstream" / (normalize(project) if self.name == "file" else "")
                folder.mkdir(parents=True, exist_ok=True)
                for filename, body in files.items():
                    (folder / filename).write_bytes(body)
                if self.name == "file":
                    (folder / "index.html").write_bytes(html_page(project, ""))
            if self.name == "file":
                (self.folder / "upstream" / "index.html").write_bytes(html_list())
        return self.mirror(index_url=self.url).source


def html_list() -> bytes:
    return "".join(f'<a href="{normalize(name)}/">{name}</a>\n' for name in CONTENT).join(
        ("<!DOCTYPE html><html><body>\n", "</body></html>\n")).encode()


def html_page(name: str, base: str = "../../files/") -> bytes:
    return "".join(f'<a href="{base}{quote(file)}#sha256={hashlib.sha256(body).hexdigest()}">{file}</a>\n'
                   for file, body in CONTENT[name].items()).join(("<!DOCTYPE html><html><body>\n", "</body></html>\n")).encode()


class ParserOf(ParserContract):
    """A parser by its media type."""

    media_type = ""

    def make(self) -> Any:
        return _OWN.getUtility(IParser, self.media_type)


def test_every_parser_is_tested() -> None:
    tested = [cls.media_type for cls in (TestHtmlParser, TestPlainHtmlParser, TestJsonParser, TestPlainJsonParser)]
    assert sorted(tested) == sorted(name for name, _ in _OWN.getUtilitiesFor(IParser))


class TestHtmlParser(ParserOf):
    media_type = PAGES["index.html"]

    def list_page(self) -> bytes:
        return html_list()

    def project_page(self, name: str) -> bytes:
        return html_page(name)


class TestPlainHtmlParser(TestHtmlParser):
    media_type = "text/html"


class TestJsonParser(ParserOf):
    media_type = PAGES["index.v1_json"]
    invalid = (b"", b"<html></html>", b"[]", b'{"files": []')

    def list_page(self) -> bytes:
        return json.dumps({"meta": {"api-version": "1.0"}, "projects": [{"name": name} for name in CONTENT]}).encode()

    def project_page(self, name: str) -> bytes:
        return json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": [
            {"filename": file, "url": f"../../files/{file}", "hashes": {"sha256": hashlib.sha256(body).hexdigest()}}
            for file, body in CONTENT[name].items()]}).encode()


class TestPlainJsonParser(TestJsonParser):
    media_type = "application/json"


def test_a_plugin_is_tried_on_a_mirror_of_the_loopback_index(tmp_path: Path) -> None:
    with LoopbackIndex() as index:
        for project, files in CONTENT.items():
            index.add(project, *files.items())
        mirror = LocalMirror(tmp_path, index.url, prereleases="False")
        assert mirror.run("sync") == 0
        assert mirror.files("zope-demo") == ["zope_demo-1.0-py3-none-any.whl", "zope_demo-1.0.tar.gz"]
        assert mirror.report()["statistics"]["stored"] == 4
        index.requests.clear()
        assert mirror.run("sync") == 0
        assert index.requests == ["/simple/"]
        index.remove("Zope.Demo", "zope_demo-1.0.tar.gz")
        index.add("new", *CONTENT["other"].items(), yanked="broken")
        assert mirror.run("sync") == 0
        assert mirror.files("zope-demo") == ["zope_demo-1.0-py3-none-any.whl"]
