"""Contracts of the writers of the index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from ..model import Entry, File, Project, Totals
    from .clients import IClient


class IIndexWriter(Interface):
    """Renders pages of the index in one format; does no input or output. Named; selected by ``index_formats``."""

    root: str | None = Attribute("The path of the root page, which lists all projects, or None if the format has no root page.")
    most_files: int | None = Attribute("The root page is written for up to this number of files; None for no limit.")

    def pages(project: Project, serial: int) -> Iterator[tuple[str, bytes]]:
        """Yield the pages of a project as pairs of a path in the mirror and the content.

        project: has only published files, each with ``stored``. serial: the mirror's serial of the project.
        """

    def serial(page: bytes) -> int | None:
        """Return the mirror's serial from a page of this format, or None if it has none."""

    def projects(entries: Iterable[Entry], serial: int) -> Iterator[bytes]:
        """Yield blocks of the root page.

        entries: sorted by normalised name. serial: the serial of the whole mirror.
        """


class IWholeIndexWriter(IIndexWriter):
    """An index writer whose root page also lists the files: each entry has a ``section``."""

    def section(project: Project) -> bytes:
        """Return the section of the root page about one project.

        project: as for ``pages``. The section is cached until the project or the settings change.
        """


class IMetadataIndexWriter(IIndexWriter):
    """An index writer whose pages include core metadata."""

    def pages(project: Project, serial: int,
              metadata: Callable[[File], bytes | None] | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield the pages of a project. metadata: returns the core metadata of a file, or None if the mirror has none."""


class IStartPageWriter(IMetadataIndexWriter):
    """A metadata index writer whose root page is for people."""

    assets: Mapping[str, bytes] = Attribute("Files in the root that all its pages use, by name.")

    def projects(entries: Iterable[Entry], serial: int, totals: Totals = ...,
                 clients: Mapping[str, IClient] | None = None) -> Iterator[bytes]:
        """Yield blocks of the root page.

        totals: of the mirror. clients: the components whose configuration the page shows, by name.
        """
