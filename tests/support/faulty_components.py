"""Components that raise an exception for one project: a plugin of each kind, and a step. ``FAULTS`` says which do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zope.interface import implementer

from pypimirror import interfaces
from pypimirror.index.html import HtmlIndex
from pypimirror.storage.filesystem import FileSystem
from pypimirror.upstream.http import HttpSource
from pypimirror.upstream.json_page import JsonParser
from pypimirror.zcml.builtin import KINDS, NAMESPACE

try:
    from pypimirror.http.pycurl_fetcher import CurlFetcher as _Fetcher
except ImportError:
    from pypimirror.http.requests_fetcher import RequestsFetcher as _Fetcher  # type: ignore[assignment]

#: By kind of component: the exception that it raises as soon as it has to do with the project ``bad``.
FAULTS: dict[str, BaseException] = {}


def fail(kind: str, about: object) -> None:
    """Raise what is set for a kind of component, if this is about the project that fails."""
    if kind in FAULTS and "bad" in str(about):
        raise FAULTS[kind]


class Source(HttpSource):
    def project(self, name: str, *more: Any, **options: Any) -> Any:
        fail("source", name)
        return super().project(name, *more, **options)


class Parser(JsonParser):
    def project(self, body: bytes, name: str, url: str) -> Any:
        fail("parser", name)
        return super().project(body, name, url)


class Fetcher(_Fetcher):
    def fetch(self, url: str, *more: Any, **options: Any) -> Any:
        fail("fetcher", url)
        return super().fetch(url, *more, **options)


class Storage(FileSystem):
    def place(self, name: str, path: str) -> None:
        fail("storage", path)
        super().place(name, path)


class Writer(HtmlIndex):
    def pages(self, project: Any, *more: Any, **options: Any) -> Any:
        fail("indexWriter", project.name)
        yield from super().pages(project, *more, **options)


@implementer(interfaces.INameFilter)
class NameFilter:
    active, applies_to_pins, exact = True, True, None

    def __init__(self, settings: Any):
        pass

    def __call__(self, name: str) -> bool:
        fail("nameFilter", name)
        return True


@implementer(interfaces.IFilter)
class Filter:
    active, applies_to_pins, reason = True, True, "faulty"

    def __init__(self, settings: Any):
        pass

    def select(self, project: Any) -> Any:
        fail("filter", project.name)
        return project.files


@implementer(interfaces.IFilter)
class Nothing(Filter):
    """A filter that forgot to return something."""

    def select(self, project: Any) -> Any:
        return None if project.name == "bad" else project.files


@implementer(interfaces.IObserver)
class Observer:
    def __init__(self, settings: Any):
        pass

    def notify(self, event: Any) -> None:
        if "observer" in FAULTS:
            raise FAULTS["observer"]


#: By kind: the name under which the component takes the place of ours, and its class.
COMPONENTS = {
    "source": ("http", Source), "parser": ("application/vnd.pypi.simple.v1+json", Parser), "fetcher": (
        "pycurl" if _Fetcher.__name__ == "CurlFetcher" else "requests", Fetcher),
    "storage": ("file", Storage), "indexWriter": ("html", Writer), "nameFilter": ("team-names", NameFilter),
    "filter": ("team-approved", Filter), "observer": ("aaa", Observer)}
assert COMPONENTS.keys() < KINDS.keys()


def zcml(folder: Path, *kinds: str, factory: str = "") -> Path:
    """Write a file that registers the components of these kinds, each on a line of its own from line 2 on."""
    factories = {kind: factory or COMPONENTS[kind][1].__name__ for kind in kinds}
    lines = (f'<pypimirror:{kind} name="{COMPONENTS[kind][0]}" factory="{__name__}.{factories[kind]}" />' for kind in kinds)
    path = folder / "faulty.zcml"
    path.write_text(f'<configure xmlns="http://namespaces.zope.org/zope" xmlns:pypimirror="{NAMESPACE}">\n'
                    + "\n".join(lines) + "\n</configure>\n")
    return path
