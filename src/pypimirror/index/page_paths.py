"""Checks the paths of pages that index writers of plugins render, before any page is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from ..errors import ConfigurationError
from ..interfaces import IIndexWriter
from ..model import Project
from ..names import LONGEST_FILE, OURS, PAGES, distribution, is_distribution, normalize
from ..zcml.builtin import is_own


class ProjectPaths:
    """The paths of one project's pages, and the writers that render them."""

    def __init__(self, project: Project):
        """project: its files are to be published."""
        self._project = project
        self._writers: dict[str, IIndexWriter] = {}
        self._rendered: set[str] = set()

    def checked(self, writer: IIndexWriter, pages: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        """Yield the pages of a writer. Raises ValueError for a path that is not for its pages."""
        own = is_own(writer)
        if not own and not isinstance(pages, Iterable):
            _refuse(writer, f"pages returned {pages!r}, not pairs of a path and a content")
        for item in pages:
            if not own:
                _check(writer, item, self._project.name)
            path, page = item
            other = self._writers.setdefault(path, writer)
            if other is writer and path in self._rendered:
                _refuse_path(writer, path, "it renders this page twice")
            self._rendered.add(path)
            if other is not writer:
                _refuse_path(writer if own is is_own(other) or not own else other, path, "another index writer renders it, too")
            yield path, page


def check_roots(writers: Iterable[tuple[str, IIndexWriter]]) -> None:
    """Raise ConfigurationError if the page about all projects of a writer has a path that is not for it.

    writers: each with a description for messages.
    """
    found: dict[str, str] = {}
    for label, writer in writers:
        root = writer.root
        if root is None:
            continue
        if not is_own(writer) and (not isinstance(root, str) or not _is_plain(root) or "/" in root
                                    or is_distribution(distribution(root))
                                    or root in OURS.difference(PAGES, ("full.html",))):
            raise ConfigurationError(f"{label}: root = {root!r}: must be the name of a page in the mirror's root")
        if found.setdefault(root, label) != label:
            raise ConfigurationError(f"{label}: root = {root!r}: is also the page of {found[root]}")


def checked_blocks(writer: IIndexWriter, rendered: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks of a page about all projects. Raises TypeError for anything but bytes."""
    if isinstance(rendered, (str, bytes)) or not isinstance(rendered, Iterable):
        raise TypeError(f"projects returned {rendered!r}, not an iterable of bytes")
    for block in rendered:
        if not isinstance(block, bytes):
            raise TypeError(f"projects returned {block!r} among the blocks of the page; they must be bytes")
        yield block


def _check(writer: IIndexWriter, item: Any, project: str) -> None:
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        _refuse(writer, f"pages returned {item!r}, not a pair of a path and a content")
    path, page = item
    if not isinstance(path, str) or not isinstance(page, bytes):
        _refuse_path(writer, path, "pages are pairs of a path (str) and a content (bytes)")
    folders = path.split("/")
    if not _is_plain(path):
        _refuse_path(writer, path, "it is not a relative path inside the mirror")
    if is_distribution(distribution(folders[-1])):
        _refuse_path(writer, path, "it is the path of a distribution file or of a file about one")
    if len(folders) == 2 and normalize(folders[0]) == project:
        return
    # Files of projects are never that deep, so that these paths can't be those of another project.
    if len(folders) < 3 or project not in folders[1:-1] or folders[0] in OURS:
        _refuse_path(writer, path, f"it is neither in the folder {project}/ nor in one such as NAME/{project}/")


def _is_plain(path: str) -> bool:
    """Return whether a path is relative and normalised, and has no hidden folder or file."""
    return bool(path) and path.isprintable() and "\\" not in path and all(
        name and not name.startswith(".") and name == name.strip() and len(name.encode()) <= LONGEST_FILE
        for name in path.split("/"))


def _refuse_path(writer: IIndexWriter, path: Any, why: str) -> NoReturn:
    _refuse(writer, f"renders {path!r}: {why}")


def _refuse(writer: IIndexWriter, what: str) -> NoReturn:
    """Raise ValueError. The first argument is named as the component that failed."""
    raise ValueError(what)
