"""Lists and project pages as JSON (PEP 691, 700, 714, 740, 792)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from ..errors import BadPage
from ..interfaces import IListReader, IParser
from ..model import NOTHING, File, Listed, Listing, Project
from ..names import is_project, normalize, shown
from . import trust
from .trust import MOST_LINKS

_FILE_KEYS = frozenset({"filename", "url", "hashes", "size", "upload-time", "requires-python", "yanked", "core-metadata",
                        "dist-info-metadata", "data-dist-info-metadata", "gpg-sig", "provenance"})
_PAGE_KEYS = frozenset({"name", "files", "versions", "meta", "project-status"})
_META_KEYS = frozenset({"api-version"})
#: The beginning of a list's entries, and what may stand between two of them.
_BEGIN = re.compile(rb'"projects"\s*:\s*\[')
_BETWEEN = b", \t\r\n"


@implementer(IParser)
class JsonParser:
    """Reads ``application/vnd.pypi.simple.v1+json``."""

    quality = 1

    def listing(self, wanted: Callable[[str], bool]) -> IListReader:
        return JsonList(wanted)

    def project(self, body: bytes, name: str, url: str) -> tuple[Project, tuple[str, ...]]:
        page = _load(body)
        files, problems = [], []
        entries = page.get("files")
        if not isinstance(entries, list):
            raise BadPage(f"{shown(url)}: the page of {name} has no list of files")
        if len(entries) > MOST_LINKS:
            raise BadPage(f"{shown(url)}: more than {MOST_LINKS} files")
        for entry in entries:
            try:
                files.append(_file(entry, url))
            except trust.Refused as refused:
                problems.append(f"{_called(entry)}: {refused}")
        kept, repeated = trust.distinct(files)
        meta = page["meta"]
        status = page.get("project-status")
        project = Project(
            name=name,
            files=kept,
            serial=trust.serial(meta.get("_last-serial")),
            status=_status(status),
            extra=trust.unknown(page, _PAGE_KEYS),
            meta=trust.unknown(meta, _META_KEYS),
        )
        return project, trust.bounded(problems + repeated)


class PlainJsonParser(JsonParser):
    """The same under ``application/json``, as plain web servers and some proxies label it; asked for by nobody."""

    quality = 0


@implementer(IListReader)
class JsonList:
    """Reads a list of projects block by block, so that of all names only those that are asked for are ever held.

    Entries are flat objects, so a block can be cut behind any of its closing braces. What does not parse that way, the end of
    every list among it, is read as a whole.
    """

    def __init__(self, wanted: Callable[[str], bool]):
        self._wanted = wanted
        self._head: bytes | None = None
        #: What was not read yet: all of it until the entries begin, then less than an entry, then all that is left.
        self._rest = bytearray()
        self._by_block = True
        self._found: dict[str, Listed] = {}
        self._total = 0
        written = getattr(wanted, "written", None)
        self._search = None if written is None else re.compile(rb'"name"\s*:\s*"(?i:%b)"' % written.encode("ascii")).finditer

    def write(self, block: bytes) -> None:
        self._rest += block
        if self._head is None and (begin := _BEGIN.search(self._rest)) is not None:
            self._head = bytes(self._rest[:begin.end()])
            del self._rest[:begin.end()]
        end = self._rest.rfind(b"}") + 1
        if self._head is None or not self._by_block or not end:
            return
        block = bytes(self._rest[:end])
        try:
            total = self._searched(block)
            if total is None:
                entries = json.loads(b"[" + block.lstrip(_BETWEEN) + b"]")
                self._take(entries)
                total = len(entries)
        except ValueError:
            self._by_block = False
            return
        self._total += total
        del self._rest[:end]

    def _searched(self, block: bytes) -> int | None:
        """Take the entries of a block that are asked for, and return how many it has; None if it must be read as a whole.

        One search takes a tenth of the time of making values of all entries, nearly all of which are not asked for. What could
        mislead it is not in a block without escapes that has as many names as entries. Raises ValueError.
        """
        total = block.count(b"{")
        if self._search is None or b"\\" in block or not total == block.count(b"}") == block.count(b'"name"'):
            return None
        self._take([json.loads(block[block.rindex(b"{", 0, found.start()):block.index(b"}", found.end()) + 1])
                    for found in self._search(block)])
        return total

    def finish(self) -> Listing:
        rest = bytes(self._rest.lstrip(_BETWEEN) if self._total else self._rest)
        page = _load((self._head or b"") + rest)
        entries = page.get("projects")
        if not isinstance(entries, list):
            raise BadPage("it has no list of projects")
        self._take(entries)
        self._total += len(entries)
        serials = bool(self._found) and all(one.serial is not None for one in self._found.values())
        return Listing(self._found, self._total, serials=serials)

    def _take(self, entries: list[Any]) -> None:
        for entry in entries:
            display = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(display, str):
                raise BadPage("an entry of the list has no name")
            name = normalize(display)
            if self._wanted(name) and is_project(name) and display.isascii():
                self._found[name] = Listed(display, trust.serial(entry.get("_last-serial")))


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _load(body: bytes) -> dict[str, Any]:
    try:
        page = json.loads(body, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise BadPage(f"not JSON: {shown(str(error))}") from error
    meta = page.get("meta") if isinstance(page, dict) else None
    if not isinstance(meta, dict):
        raise BadPage("not a page of an index: it has no meta")
    version = str(meta.get("api-version", ""))
    if version.partition(".")[0] != "1":
        raise BadPage(f"its api-version is {shown(version)!r}, not 1.x")
    return page


def _file(entry: Any, page: str) -> File:
    if not isinstance(entry, dict):
        raise trust.Refused("not an object")
    name = trust.filename(entry.get("filename"))
    url, _ = trust.file_url(entry.get("url"), page)
    metadata = entry.get("core-metadata", entry.get("dist-info-metadata", entry.get("data-dist-info-metadata", False)))
    signed = entry.get("gpg-sig")
    return File(
        filename=name,
        url=url,
        hashes=trust.hashes(entry.get("hashes")),
        size=trust.whole(entry.get("size")),
        upload_time=trust.line(entry.get("upload-time")),
        requires_python=trust.line(entry.get("requires-python")),
        yanked=trust.yank(entry.get("yanked", False)),
        core_metadata=trust.presence(metadata),
        gpg_sig=signed if isinstance(signed, bool) else None,
        provenance=trust.link(entry.get("provenance"), page),
        extra=trust.unknown(entry, _FILE_KEYS),
    )


def _called(entry: Any) -> str:
    name = entry.get("filename") if isinstance(entry, dict) else entry
    return shown(str(name))


def _status(value: Any) -> Any:
    """Give status and reason (PEP 792); a plain text, as an early draft had it, is the status."""
    if isinstance(value, str):
        value = {"status": value}
    if not isinstance(value, dict):
        return NOTHING
    return {key: text for key, item in value.items() if key in ("status", "reason") and (text := trust.line(item))} or NOTHING
