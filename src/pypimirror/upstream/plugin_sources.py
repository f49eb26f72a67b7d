"""Checks the results of sources and parsers of plugins, so that a mistake fails one project and is named.

A name or URL that upstream may have sent leaves out one entry; any other wrong value is a mistake of the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

from zope.interface import implementer

from ..interfaces import IListReader, IParser, ISource
from ..model import File, ListedProject, Project, ProjectList
from ..names import is_distribution, is_project, normalize


@implementer(ISource)
class CheckedSource:
    """A source of a plugin."""

    def __init__(self, source: ISource):
        self._source = source

    def listing(self, wanted: Callable[[str], bool], etag: str | None = None, written: str | None = None) -> ProjectList:
        return _list(self._source, "listing", self._source.listing(wanted, etag, written))

    def project(self, name: str, etag: str | None = None, since: float | None = None) -> tuple[Project | None, tuple[str, ...]]:
        page, problems = _pair(self._source, self._source.project(name, etag, since))
        return (page, problems) if page is None else _page(self._source, name, page, problems)


@implementer(IParser)
class CheckedParser:
    """A parser of a plugin."""

    def __init__(self, parser: IParser):
        self._parser = parser
        self.quality = parser.quality

    def listing(self, wanted: Callable[[str], bool], written: str | None = None) -> IListReader:
        reader = self._parser.listing(wanted, written)
        if not (hasattr(reader, "write") and hasattr(reader, "finish")):
            _refuse(self._parser, f"listing returned {reader!r}, not an IListReader")
        return _CheckedReader(self._parser, reader)

    def project(self, body: bytes, name: str, url: str) -> tuple[Project, tuple[str, ...]]:
        page, problems = _pair(self._parser, self._parser.project(body, name, url))
        if page is None:
            _refuse(self._parser, "project returned None, not a Project")
        return _page(self._parser, name, page, problems)


@implementer(IListReader)
class _CheckedReader:
    """A reader of a plugin's parser."""

    def __init__(self, parser: IParser, reader: IListReader):
        self._parser = parser
        self._reader = reader
        self.write = reader.write

    def finish(self) -> ProjectList:
        return _list(self._parser, "finish", self._reader.finish())


def _list(component: Any, method: str, found: Any) -> ProjectList:
    """Return a list without the projects that can't be mirrored, each of which is a problem."""
    if not isinstance(found, ProjectList) or not isinstance(found.projects, Mapping):
        _refuse(component, f"{method} returned {found!r}, not a ProjectList with projects by name")
    wrong = [name for name in found.projects if not (isinstance(name, str) and is_project(name) and normalize(name) == name)]
    for listed in found.projects.values():
        if not isinstance(listed, ListedProject):
            _refuse(component, f"{method} returned {listed!r} as a project, not a ListedProject")
    if not wrong:
        return found
    return found._replace(
        projects={name: listed for name, listed in found.projects.items() if name not in wrong},
        problems=(*found.problems, *(f"{name!r}: not the normalised name of a project" for name in wrong)))


def _pair(component: Any, found: Any) -> tuple[Project | None, tuple[str, ...]]:
    if not isinstance(found, tuple) or isinstance(found, Project) or len(found) != 2:
        _refuse(component, f"project returned {found!r}, not a pair of a Project and a tuple of problems")
    page, problems = found
    if page is not None and not isinstance(page, Project):
        _refuse(component, f"project returned {page!r}, not a Project")
    if isinstance(problems, str) or not isinstance(problems, Iterable):
        _refuse(component, f"project returned {problems!r} as problems, not a tuple of lines")
    return page, tuple(map(str, problems))


def _page(component: Any, name: str, page: Project, problems: tuple[str, ...]) -> tuple[Project, tuple[str, ...]]:
    """Return a page without the files that can't be mirrored, each of which is a problem."""
    if page.name != name:
        _refuse(component, f"project returned the project {page.name!r} in place of {name!r}")
    files, wrong = [], []
    for file in page.files:
        if not isinstance(file, File) or not isinstance(file.filename, str) or not isinstance(file.hashes, Mapping):
            _refuse(component, f"project returned {file!r} among the files; they must be Files, with hashes by algorithm")
        if not is_distribution(file.filename):
            wrong.append(f"{file.filename!r}: not the name of a distribution file")
        elif not isinstance(file.url, str) or not urlsplit(file.url).scheme:
            wrong.append(f"{file.filename}: {file.url!r} is not an absolute URL")
        else:
            files.append(file)
    return page._replace(files=tuple(files)), (*problems, *wrong)


def _refuse(component: Any, what: str) -> NoReturn:
    """Raise TypeError. The first argument is named as the component that failed."""
    raise TypeError(what)
