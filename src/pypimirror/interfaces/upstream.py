"""Contracts of upstream indexes and of the parsers of their pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from ..model import Project, ProjectList


class IParser(Interface):
    """Reads lists and project pages in one format. A utility named by its media type."""

    quality: float = Attribute(
        "The ``q`` value for the Accept header; 1.0 for the most complete format, 0 for one that is not requested.")

    def listing(wanted: Callable[[str], bool], written: str | None = None) -> IListReader:
        """Return a reader for one list of projects.

        wanted: returns whether the project with a normalised name is selected. written: a regular expression that matches all
        selected names (``IWrittenNames.written``), or None; a reader may use it to skip other names quickly.
        """

    def project(body: bytes, name: str, url: str) -> tuple[Project, tuple[str, ...]]:
        """Parse a project's page.

        name: the normalised name. url: the URL of the page, the base of relative links.
        Returns the project and one line for each entry that was dropped as malformed or untrustworthy.
        Raises InvalidPage.
        """


class IListReader(Interface):
    """Parses one list of projects incrementally."""

    def write(block: bytes) -> None:
        """Parse the next block of the body."""

    def finish() -> ProjectList:
        """Return the list at the end of the body. Raises InvalidPage."""


class IUpstream(Interface):
    """The address of an upstream index."""

    url: str = Attribute("Its URL. An http or https URL has no credentials; the fetcher adds them.")


class ISource(Interface):
    """One upstream index. Named by the scheme of its URL; adapts IUpstream and IMirror."""

    def listing(wanted: Callable[[str], bool], etag: str | None = None, written: str | None = None) -> ProjectList:
        """Return the list of the projects whose normalised names ``wanted`` accepts.

        etag: of the list that is stored; the result has ``unchanged`` set if it is current. written: see ``IParser.listing``.
        Raises FetchError, InvalidPage.
        """

    def project(name: str, etag: str | None = None, since: float | None = None) -> tuple[Project | None, tuple[str, ...]]:
        """Return the project and its problems, one line each, or ``(None, ())`` if the page has not changed.

        etag: of the page that is stored. since: if there is no ETag, changes before this time (seconds since 1970) are ignored.
        With neither, the page is always read.
        Raises ProjectNotFound if upstream has no such project; FetchError, InvalidPage.
        """
