"""Lists and project pages as JSON (PEP 691, 700, 714, 740, 792)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zope.interface import implementer

from ..errors import InvalidPage
from ..interfaces import IListReader, IParser
from ..model import NOTHING, File, Project, ProjectList
from ..names import API_VERSION, project_name, shown
from . import validation
from .links import check_project
from .project_list import NameCollector
from .validation import MOST_LINKS, MOST_PROJECTS

_FILE_KEYS = frozenset({"filename", "url", "hashes", "size", "upload-time", "requires-python", "yanked", "core-metadata",
                        "dist-info-metadata", "data-dist-info-metadata", "gpg-sig", "provenance"})
_PAGE_KEYS = frozenset({"name", "files", "versions", "meta", "project-status"})
_META_KEYS = frozenset({"api-version"})
#: The beginning of a list's entries, its maximum length, and white space.
_BEGIN = re.compile(rb'"projects"\s{0,50}:\s{0,50}\[')
_LONGEST_BEGIN = 120
_BLANK = b" \t\r\n"
_SERIAL = re.compile(rb'"_last-serial"\s{0,50}:\s{0,50}([^\s,}]{1,120})')
#: Serials of indexes that count nothing, as of one behind a proxy.
_CONSTANTS = frozenset({0, -1, "0", "-1"})
#: Lists with an entry of more bytes are parsed as a whole.
_LONGEST_ENTRY = 1 << 20
#: Maximum number of values of a page or list, each up to 200 bytes in memory. PyPI's whole list has 2.5 million.
_MOST_VALUES = 8_000_000


@implementer(IParser)
class JsonParser:
    """Reads ``application/vnd.pypi.simple.v1+json``."""

    quality = 1

    def listing(self, wanted: Callable[[str], bool], written: str | None = None) -> IListReader:
        return JsonList(wanted, written)

    def project(self, body: bytes, name: str, url: str) -> tuple[Project, tuple[str, ...]]:
        page = _load(body)
        files, problems, unread = [], [], []
        entries = page.get("files")
        if not isinstance(entries, list):
            raise InvalidPage(f"{shown(url)}: the page of {name} has no list of files")
        if len(entries) > MOST_LINKS:
            raise InvalidPage(f"{shown(url)}: more than {MOST_LINKS} files")
        for entry in entries:
            try:
                files.append(_file(entry, url))
            except validation.InvalidEntry as refused:
                problems.append(f"{_name_of_entry(entry)}: {refused}")
                unread.append(_name_of_entry(entry))
        kept, repeated = validation.distinct(files)
        check_project(page.get("name"), name, kept, url)
        meta = page["meta"]
        status = page.get("project-status")
        project = Project(
            name=name,
            files=kept,
            serial=validation.serial(meta.get("_last-serial")),
            status=_status(status),
            extra=validation.unknown(page, _PAGE_KEYS),
            meta=_meta(meta),
            form="json",
            unread=tuple(unread),
        )
        return project, validation.bounded(problems + repeated)


class PlainJsonParser(JsonParser):
    """Reads ``application/json``, as plain web servers and some proxies label it; not part of the Accept header."""

    quality = 0


@implementer(IListReader)
class JsonList:
    """Incremental reader of a list of projects that keeps the selected names only.

    Entries are flat objects, so a block can be split after any closing brace. Anything that can't be parsed that way, such as
    the end of the list, is parsed as a whole.
    """

    def __init__(self, wanted: Callable[[str], bool], written: str | None = None):
        """wanted, written: as for ``IParser.listing``."""
        self._wanted = wanted
        self._head: bytes | None = None
        #: Bytes not parsed yet: everything before the first entry, then less than an entry, then the rest of the list.
        self._rest = bytearray()
        self._by_block = True
        self._found = NameCollector()
        self._total = 0
        #: Selected names with one of ``_CONSTANTS``.
        self._constants: set[str] = set()
        #: Up to two different serials, of all names.
        self._serials: set[Any] = set()
        self._search = None if written is None else re.compile(rb'"name"\s*:\s*"(?i:%b)"' % written.encode("ascii")).finditer

    def write(self, block: bytes) -> None:
        before = len(self._rest)
        self._rest += block
        if not self._by_block:
            return
        if self._head is None:
            begin = _BEGIN.search(self._rest, max(0, before - _LONGEST_BEGIN))
            if begin is None:
                return
            self._head = bytes(self._rest[:begin.end()])
            del self._rest[:begin.end()]
            before = 0
        end = self._rest.rfind(b"}", before) + 1
        if not end:
            self._by_block = len(self._rest) < _LONGEST_ENTRY
            return
        block = self._without_comma(self._rest[:end])
        try:
            total = self._search_entries(block)
            if total is None:
                entries = json.loads(b"[" + block + b"]")
                self._take(entries)
                total = len(entries)
        except (ValueError, RecursionError):
            self._by_block = False
            return
        self._count(total)
        if len(self._serials) < 2:
            if block.count(b'"_last-serial"') < total:
                self._serials.add("")
            self._compare(told[1].strip(b'"').decode("ascii", "replace") for told in _SERIAL.finditer(block))
        del self._rest[:end]

    def _search_entries(self, block: bytes) -> int | None:
        """Collect the selected entries of a block with a regular expression; return the number of all entries, or None.

        That takes a tenth of the time of parsing all entries. It is exact for blocks without escapes that have as many names as
        entries; None means that the block must be parsed. Raises ValueError.
        """
        total = block.count(b"{")
        if self._search is None or b"\\" in block or block.lstrip(_BLANK)[:1] != b"{":
            return None
        if block.count(b'"') % 2:  # the last brace is in a string
            return None
        if not total == block.count(b"}") == block.count(b'"name"'):
            return None
        self._take([json.loads(block[block.rindex(b"{", 0, found.start()):block.index(b"}", found.end()) + 1])
                    for found in self._search(block)])
        return total

    def finish(self) -> ProjectList:
        page = _load((self._head or b"") + self._without_comma(self._rest))
        entries = page.get("projects")
        if not isinstance(entries, list):
            raise InvalidPage("it has no list of projects")
        self._take(entries)
        self._count(len(entries))
        self._compare(str(entry.get("_last-serial", "")) for entry in entries)
        # Serials that are equal for all projects carry no information; a single one may be such a serial.
        is_single = self._total == 1
        alike = not is_single and len(self._serials) == 1 and "" not in self._serials
        projects = self._found.names(not alike)
        unproven = frozenset(projects) if is_single else frozenset(self._found.contradicted | self._constants)
        serials = bool(projects) and self._found.serials and not alike and not unproven
        return ProjectList(projects, self._total, serials=serials,
                           serial=None if alike else validation.serial(page["meta"].get("_last-serial")),
                           unproven=unproven)

    def _compare(self, serials: Iterable[str]) -> None:
        for serial in serials:
            self._serials.add(serial)
            if len(self._serials) > 1:
                return

    def _without_comma(self, rest: bytearray) -> bytes:
        """Return the rest of the list without the comma between the last entry and the next one."""
        text = bytes(rest.lstrip(_BLANK))
        if not self._total or text.startswith(b"]"):
            return text
        if text.startswith(b",") and not text[1:].lstrip(_BLANK).startswith(b"]"):
            return text[1:]
        return b"," + text  # invalid JSON, as the input

    def _count(self, entries: int) -> None:
        self._total += entries
        if self._total > MOST_PROJECTS:
            raise InvalidPage(f"more than {MOST_PROJECTS} projects")

    def _take(self, entries: list[Any]) -> None:
        for entry in entries:
            display = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(display, str):
                raise InvalidPage("an entry of the list has no name")
            name = project_name(display)
            if name is not None and self._wanted(name):
                serial = validation.serial(entry.get("_last-serial"))
                if serial in _CONSTANTS:
                    self._constants.add(name)
                self._found.add(name, display, serial)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


#: ``json.loads`` makes a decoder for each call that has an argument.
_DECODE = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _load(body: bytes) -> dict[str, Any]:
    if len(body) > _MOST_VALUES and sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise InvalidPage(f"more than {_MOST_VALUES} values")
    try:
        page = _DECODE(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise InvalidPage(f"not JSON: {shown(str(error))}") from error
    meta = page.get("meta") if isinstance(page, dict) else None
    if not isinstance(page, dict) or not isinstance(meta, dict):
        raise InvalidPage("not a page of an index: it has no meta")
    version = str(meta.get("api-version", ""))
    if version.partition(".")[0] != "1":
        raise InvalidPage(f"its api-version is {shown(version)!r}, not 1.x")
    return page


def _file(entry: Any, page: str) -> File:
    if not isinstance(entry, dict):
        raise validation.InvalidEntry("not an object")
    name = validation.filename(entry.get("filename"))
    url, of_fragment = validation.file_url(entry.get("url"), page)
    # If the newest of these keys is null, an older one may have a value.
    metadata = entry.get("core-metadata")
    for older in ("dist-info-metadata", "data-dist-info-metadata") if metadata is None else ():
        metadata = entry.get(older) if metadata is None else metadata
    signed = entry.get("gpg-sig")
    return File(
        filename=name,
        url=url,
        hashes=validation.union(validation.hashes(entry.get("hashes")), of_fragment),
        size=validation.size(entry.get("size")),
        upload_time=validation.line(entry.get("upload-time")),
        requires_python=validation.line(entry.get("requires-python")),
        yanked=validation.yank(entry.get("yanked", False)),
        core_metadata=validation.presence(metadata),
        gpg_sig=signed if isinstance(signed, bool) else None,
        provenance=validation.link(entry.get("provenance"), page),
        extra=validation.unknown(entry, _FILE_KEYS),
    )


def _meta(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the keys of a page's ``meta`` to pass on; with the version, if it is newer than the supported one."""
    rest = validation.unknown(meta, _META_KEYS)
    newer = validation.newer_version(meta.get("api-version"), API_VERSION)
    return rest if newer is None else {**rest, "api-version": newer}


def _name_of_entry(entry: Any) -> str:
    name = entry.get("filename") if isinstance(entry, dict) else entry
    return shown(str(name))


def _status(value: Any) -> Any:
    """Return status and reason (PEP 792); a string is the status, as in an early draft."""
    if isinstance(value, str):
        value = {"status": value}
    if not isinstance(value, dict):
        return NOTHING
    found = {key: text for key, item in value.items() if key in ("status", "reason") and (text := validation.line(item))}
    return found or NOTHING
