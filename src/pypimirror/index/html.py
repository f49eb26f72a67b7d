"""The index as HTML (PEP 503, 592, 629, 658, 714, 740, 792), for all clients and for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from urllib.parse import quote

from zope.interface import implementer

from ..interfaces import IIndexWriter, ISettings
from ..model import Entry, File, Project
from ..names import BROWSE_PAGE, HTML_PAGE, PROVENANCE, is_legacy_folder, is_plain

_SERIAL = re.compile(rb"<!--SERIAL (\d{1,18})-->\s*\Z")
#: The beginning of each page. The version is the same as in the JSON form (PEP 691). ``meta``: elements about the project.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="pypi:repository-version" content="1.4">
{meta}<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
"""
#: For people: shows attributes for clients as text.
_STYLE = """\
:root{color-scheme:light dark}body{font:1rem/1.6 system-ui,sans-serif;margin:1rem}a{overflow-wrap:anywhere}
a::before,a::after{display:inline-block;color:CanvasText}a[data-yanked]::before{content:"yanked ";white-space:pre}
a[data-requires-python]::after{content:"Python "attr(data-requires-python);margin-left:1em}
a[data-yanked]:not([data-yanked=""])::before{content:"yanked: "attr(data-yanked)" ";white-space:pre-wrap}
"""
_TAIL = "</body>\n</html>\n<!--SERIAL {serial}-->\n"
#: Leads to the pages for people. Not a link: clients take each link on the root page for a project.
_BUTTON = f'<form action="{BROWSE_PAGE}"><button>Browse the projects</button></form>\n'
_METADATA = 'data-dist-info-metadata="sha256={0}" data-core-metadata="sha256={0}"'
_BATCH = 500


@implementer(IIndexWriter)
class HtmlIndex:
    """Writes ``index.html`` for each project and for the root.

    If the registered name differs from the normalised one, the project has a second page under that name, for clients that do
    not normalise. Its links lead to the folder of the first page.
    """

    root = HTML_PAGE
    most_files = None

    def __init__(self, settings: ISettings):
        self._legacy_names = settings["legacy_names"]
        base = settings["base_url"] or ""
        self._button = _BUTTON if "browse" in settings["index_formats"] else ""
        # PEP 740 allows nothing but full URLs from a secure origin.
        self._secure = f"{base}/" if base.lower().startswith("https:") else None

    def pages(self, project: Project, serial: int) -> Iterator[tuple[str, bytes]]:
        yield f"{project.name}/{HTML_PAGE}", self._page(project, serial, "")
        display = project.display or project.name
        if self._legacy_names and display != project.name and is_legacy_folder(display, project.name):
            yield f"{display}/{HTML_PAGE}", self._page(project, serial, f"../{project.name}/")

    def _page(self, project: Project, serial: int, folder: str) -> bytes:
        title = f"Links for {escape(project.display or project.name)}"
        secure = f"{self._secure}{project.name}/" if self._secure else None
        links = "".join(anchor(file, folder, secure) for file in project.files)
        return f"{head(title, _status_meta(project))}{_status_text(project)}{links}{_TAIL.format(serial=serial)}".encode()

    def serial(self, page: bytes) -> int | None:
        return page_serial(page)

    def projects(self, entries: Iterable[Entry], serial: int) -> Iterator[bytes]:
        yield (head("Simple index") + self._button).encode()
        lines: list[str] = []
        for entry in entries:
            lines.append(f'<a href="{entry.name}/">{escape(entry.display or entry.name)}</a><br>\n')
            if len(lines) == _BATCH:
                yield "".join(lines).encode()
                lines.clear()
        lines.append(_TAIL.format(serial=serial))
        yield "".join(lines).encode()


def page_serial(page: bytes) -> int | None:
    """Return the mirror's serial at the end of an HTML page, or None if it has none."""
    found = _SERIAL.search(page[-200:])
    return int(found[1]) if found else None


def head(title: str, meta: str = "") -> str:
    """Render the beginning of a page. title: as HTML. meta: elements about the project."""
    return _HEAD.format(title=title, meta=meta, style=_STYLE)


def _status_text(project: Project) -> str:
    """Render the status for people; empty for an active project."""
    status = project.status.get("status", "active")
    if status == "active":
        return ""
    reason = project.status.get("reason")
    return f"<p>This project is {escape(status)}{f': {escape(reason)}' if reason else '.'}</p>\n"


def _status_meta(project: Project) -> str:
    """Render the elements for status and reason (PEP 792)."""
    names = {"status": "pypi:project-status", "reason": "pypi:project-status-reason"}
    return "".join(f'<meta name="{names[key]}" content="{escape(value)}">\n'
                   for key, value in project.status.items() if key in names)


#: Projects have few different values.
_escaped = lru_cache(1000)(escape)


def anchor(file: File, folder: str = "", secure: str | None = None) -> str:
    """Render the link to a published file.

    folder: prefix of the link. secure: the https URL of the folder of the file, if there is one.
    """
    if file.stored is None:
        raise ValueError(f"{file.filename} is not in the mirror")
    text = file.filename
    plain = is_plain(text)
    attributes = [f'href="{folder}{text if plain else quote(text)}#sha256={file.stored.sha256}"']
    if file.requires_python:
        attributes.append(f'data-requires-python="{_escaped(file.requires_python)}"')
    if file.stored.metadata:
        # Under both names, since clients support one or the other (PEP 714).
        attributes.append(_METADATA.format(file.stored.metadata))
    if file.yanked is not False:
        attributes.append(f'data-yanked="{escape(file.yanked) if isinstance(file.yanked, str) else ""}"')
    if file.signed is not None:
        attributes.append(f'data-gpg-sig="{str(file.signed).lower()}"')
    if file.stored.provenance and secure:
        attributes.append(f'data-provenance="{secure}{quote(file.filename + PROVENANCE)}"')
    if file.external is not None:
        attributes.append('rel="external"')
    return f"<a {' '.join(attributes)}>{text if plain else escape(text)}</a><br>\n"
