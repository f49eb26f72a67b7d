"""Lists and project pages as HTML (PEP 503, 592, 629, 658, 714)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from zope.interface import implementer

from ..errors import InvalidPage
from ..interfaces import IListReader, IParser
from ..model import NOTHING, File, Project, ProjectList
from ..names import HTML_PAGE, SUFFIXES, project_name, shown
from . import validation
from .links import belongs, check_project, is_external, is_hashed, is_marked, last_part, own_first, resolved, start
from .project_list import NameCollector
from .validation import MOST_PROJECTS

#: ``meta`` elements of status and reason (PEP 792).
_STATUS = {"pypi:project-status": "status", "pypi:project-status-reason": "reason"}
#: Attributes that only links to files have (PEP 503, 592, 714).
_ONLY_FILES = frozenset({"data-yanked", "data-requires-python", "data-core-metadata", "data-dist-info-metadata"})
#: Endings of folder names in directory listings of web servers; the second is of truncated names.
_FOLDER = ("/", "..>")
#: Addition to messages about a page with a form.
_ASKS = ", but a form, as login pages have"
_SERIAL = re.compile(r"<!--\s*SERIAL (\d{1,18})\s*-->")


@implementer(IParser)
class HtmlParser:
    """Reads ``application/vnd.pypi.simple.v1+html``."""

    quality = 0.2

    def listing(self, wanted: Callable[[str], bool], written: str | None = None) -> IListReader:
        return HtmlList(wanted)

    def project(self, body: bytes, name: str, url: str) -> tuple[Project, tuple[str, ...]]:
        from .html_links import LinkParser  # not needed if upstream has JSON

        text = body.decode("utf-8", "replace")
        page = LinkParser()
        page.feed(text)
        page.close()
        page.check()
        found = _Links(name, url, start(url, page.base))
        for href, _, attributes in page.anchors:
            found.add(href, attributes)
        kept, repeated = validation.distinct(own_first(found.files))
        serial = _SERIAL.search(text)
        if not (found.is_evidence(page.has_form) or serial or page.has_mark()):
            raise InvalidPage(f"{shown(url)}: not a page of a Simple index: it has neither links to files nor the title or "
                              f"meta element of one{_ASKS * page.has_form}")
        check_project(page.project(), name, kept, url)
        status = {key: value for element, key in _STATUS.items() if (value := validation.line(page.meta.get(element)))}
        project = Project(
            name, kept, serial=int(serial[1]) if serial else None, status=status or NOTHING, links=tuple(found.marked),
            unread=tuple(found.unread))
        return project, validation.bounded(found.problems + repeated)


class _Links:
    """Sorts the links of a project page: files, links to follow (PEP 438), and others, which are ignored."""

    def __init__(self, name: str, url: str, base: str):
        """name: of the project, normalised; url: of the page; base: of relative links."""
        self._name, self._url, self._base = name, url, base
        self.files: list[File] = []
        self.problems: list[str] = []
        self.unread: list[str] = []
        #: Absolute URLs of the links to follow, in order.
        self.marked: dict[str, None] = {}
        self._has_own = self._has_related = False

    def is_evidence(self, has_form: bool) -> bool:
        """Whether the links show that this is the project's page: login and error pages have links, too, even to archives.

        has_form: whether the page has a form.
        """
        return self._has_own or (self._has_related and not has_form)

    def add(self, href: str, attributes: Mapping[str, str]) -> None:
        """Add a link."""
        last, rel = last_part(href), attributes.get("rel", "")
        external = ("#" not in href or "rel" in attributes) and is_external(href, rel, self._base, self._url)
        marked = is_marked(rel)
        self._has_related = self._has_related or marked
        if external and not belongs(last, self._name):
            if marked and (link := resolved(href, self._base)) is not None:
                self.marked[link] = None
            return
        is_file = is_hashed(href) or not _ONLY_FILES.isdisjoint(attributes)
        self._has_own = self._has_own or is_file or belongs(last, self._name)
        if not is_file and not last.endswith(SUFFIXES):
            return  # navigation, a home page
        try:
            file = _file(href, last, attributes, self._base)
            self.files.append(file._replace(external=file.url, core_metadata=False) if external else file)
        except validation.InvalidEntry as refused:
            self.problems.append(f"{shown(last)}: {refused}")
            self.unread.append(last)


class PlainHtmlParser(HtmlParser):
    """Reads ``text/html``, the media type that plain web servers send."""

    quality = 0.1


@implementer(IListReader)
class HtmlList:
    """Reads a list of projects."""

    def __init__(self, wanted: Callable[[str], bool]):
        self._wanted = wanted
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        from .html_links import LinkParser

        self._page = LinkParser()
        self._found = NameCollector()
        self._total = 0
        #: Whether the path of a link ends with its text's project name, as links to projects do.
        self._leads = False

    def write(self, block: bytes) -> None:
        self._page.feed(self._decode(block))
        self._take()

    def finish(self) -> ProjectList:
        self._page.feed(self._decode(b"", True))
        self._page.close()
        self._page.check()
        self._take()
        if not self._page.has_mark() and (self._page.has_form or not self._leads):
            raise InvalidPage("not the list of a Simple index: it has neither links to projects nor the title or meta element "
                          f"of one{_ASKS * self._page.has_form}; check index_url, and credentials if it needs any")
        return ProjectList(self._found.names(), self._total)

    def _take(self) -> None:
        for href, text, _ in self._page.anchors:
            if href.startswith("?"):
                continue  # sort links of directory listings
            display = text.strip()
            if not display or display.endswith(_FOLDER):
                display = unquote(href.rstrip("/").rpartition("/")[2])
            name = project_name(display)
            self._leads = self._leads or _leads(href, name)
            self._total += 1
            if self._total > MOST_PROJECTS:
                raise InvalidPage(f"more than {MOST_PROJECTS} projects")
            if name is not None and self._wanted(name):
                self._found.add(name, display, None)
        self._page.anchors.clear()


def _leads(href: str, name: str | None) -> bool:
    """Whether a link leads to a project's page: the last part of its path is the project's name (PEP 503)."""
    path = href.partition("#")[0].partition("?")[0]
    last = path.removesuffix(HTML_PAGE).rstrip("/").rpartition("/")[2]
    return name is not None and project_name(unquote(last)) == name


def _file(href: str, last: str, attributes: Mapping[str, str], base: str) -> File:
    url, hashes = validation.file_url(href, base)
    metadata = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata"))
    signed = attributes.get("data-gpg-sig")
    return File(
        filename=validation.filename(last),
        url=url,
        hashes=hashes,
        requires_python=validation.line(attributes.get("data-requires-python")),
        yanked=validation.yank(attributes["data-yanked"]) or True if "data-yanked" in attributes else False,
        core_metadata=_metadata(metadata),
        gpg_sig={"true": True, "false": False}.get(signed or ""),
        provenance=validation.link(attributes.get("data-provenance"), base),
    )


def _metadata(value: str | None) -> bool | dict[str, str]:
    # An attribute without a value means that there is a metadata file.
    return value is not None and (value == "" or validation.presence(value))
