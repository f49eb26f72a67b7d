"""Finds files of a project on pages that are not part of an index, such as a download page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ..metadata.filenames import parse, pep440
from ..model import File
from . import validation
from .html_links import unescaped
from .links import belongs, last_part, start

#: Maximum number of files of one page, as in z3c.pypimirror.
NEWEST = 20
_ELEMENT = re.compile(r"<(a|base)\s([^<>]*)", re.IGNORECASE)
_HREF = re.compile(r"""(?<![\w-])href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
#: Marks of snapshot versions: words, and Subversion revisions, which PEP 440 takes for post-releases.
_SNAPSHOT = re.compile(r"dev|snapshot|nightly|svn|trunk|master|head|latest|current|[-_.]r\d+", re.IGNORECASE)


def scan(text: str, url: str, project: str, link: str,
         select: Callable[[tuple[File, ...]], Iterable[File]]) -> tuple[File, ...]:
    """Return the newest files of the project that a page links to, without development snapshots.

    text: the HTML page; url: its URL; project: the normalised name; link: the index's link to it. select: returns the selected
    files, before the newest are counted.
    """
    hrefs, base = links(text)
    base = start(url, base)
    found: dict[str, File] = {}
    for href in hrefs:
        name = last_part(href)
        if not belongs(name, project) or is_snapshot(str(parse(name, project).version)):
            continue
        try:
            address, hashes = validation.file_url(href, base)
        except validation.InvalidEntry:
            continue
        found.setdefault(name.lower(), File(name, address, hashes, external=link))
    return newest(select(tuple(found.values())), project)


def links(text: str) -> tuple[list[str], str]:
    """Return the unresolved links of a page, and the value of its ``base`` element.

    ``html.parser`` takes more than linear time for some input, and pages are untrusted.
    """
    first, *rest = text.split("<!--")
    live = first + "".join(part.partition("-->")[2] for part in rest)
    found: dict[str, list[str]] = {"a": [], "base": []}
    for element in _ELEMENT.finditer(live):
        href = _HREF.search(element[2])
        if href is not None:
            found[element[1].lower()].append(unescaped(href[1] or href[2] or href[3] or "").strip())
    return found["a"], next(iter(found["base"]), "")


def is_snapshot(version: str) -> bool:
    """Whether a version is a development snapshot."""
    known = pep440(version)
    return (known is not None and known.is_devrelease) or _SNAPSHOT.search(version) is not None


def newest(files: Iterable[File], project: str) -> tuple[File, ...]:
    """Return the newest files; versions that are invalid by PEP 440 count as the oldest."""

    def age(file: File) -> tuple[bool, Any, str]:
        version = str(parse(file.filename, project).version)
        known = pep440(version)
        return known is not None, known or version, file.filename

    return tuple(sorted(files, key=age, reverse=True)[:NEWEST])
