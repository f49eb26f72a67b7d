"""The index as JSON (PEP 691, 700, 714, 740, 792)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from zope.interface import implementer

from ..http.urls import strip_credentials
from ..interfaces import IIndexWriter, ISettings
from ..metadata.filenames import parse, pep440
from ..model import NOTHING, Entry, File, Project
from ..names import API_VERSION, JSON_PAGE, PROVENANCE, is_plain

_DUMP = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
_SERIAL = re.compile(rb'\A\{"meta":\{"_last-serial":(\d{1,18}),')
_BATCH = 500
#: Marks an adopted file. The underscore marks a key that is not in the standard (PEP 691).
_ADOPTED = "_adopted"
#: Marks an upload time that is not upstream's; the value is its source.
_TIME_SOURCE = "_upload-time-source"


@implementer(IIndexWriter)
class JsonIndex:
    """Writes ``index.v1_json`` for each project and for the root."""

    root = JSON_PAGE
    most_files = None

    def __init__(self, settings: ISettings):
        pass

    def pages(self, project: Project, serial: int) -> Iterator[tuple[str, bytes]]:
        yield f"{project.name}/{JSON_PAGE}", self._page(project, serial)

    def _page(self, project: Project, serial: int) -> bytes:
        meta = {"_last-serial": serial, "api-version": API_VERSION, **project.meta}
        page: dict[str, Any] = {"meta": meta, "name": project.name}
        if project.status:
            page["project-status"] = dict(project.status)
        page["versions"] = versions(project)
        page["files"] = [_entry(file) for file in project.files]
        page.update((key, value) for key, value in project.extra.items() if key not in page)
        return _DUMP(page).encode()

    def serial(self, page: bytes) -> int | None:
        found = _SERIAL.match(page)
        return int(found[1]) if found else None

    def projects(self, entries: Iterable[Entry], serial: int) -> Iterator[bytes]:
        yield f'{{"meta":{{"_last-serial":{serial},"api-version":"{API_VERSION}"}},"projects":['.encode()
        lines: list[str] = []
        comma = ""
        for entry in entries:
            lines.append(f'{comma}{{"_last-serial":{entry.serial},"name":{_DUMP(entry.display or entry.name)}}}')
            comma = ",\n"
            if len(lines) == _BATCH:
                yield "".join(lines).encode()
                lines.clear()
        lines.append("]}\n")
        yield "".join(lines).encode()


def versions(project: Project) -> list[str]:
    """Return the versions of the files, each once, oldest first (PEP 700)."""
    found = {parse(file.filename, project.name).version for file in project.files}
    return sorted((version for version in found if version), key=_order)


def _order(version: str) -> tuple[bool, Any]:
    known = pep440(version)
    return (known is not None, known or version)


def _entry(file: File) -> dict[str, Any]:
    if file.stored is None:
        raise ValueError(f"{file.filename} is not in the mirror")
    metadata: Any = {"sha256": file.stored.metadata} if file.stored.metadata else False
    entry: dict[str, Any] = {
        "filename": file.filename,
        "url": file.filename if is_plain(file.filename) else quote(file.filename),
        "hashes": {**file.hashes, "sha256": file.stored.sha256},
        "size": file.stored.size,
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        "yanked": file.yanked,
    }
    if file.shown_upload_time is not None:
        entry["upload-time"] = file.shown_upload_time
        if file.upload_time is None:
            entry[_TIME_SOURCE] = file.stored.upload_time_source
    if file.requires_python is not None:
        entry["requires-python"] = file.requires_python
    if file.signed is not None:
        entry["gpg-sig"] = file.signed
    if file.stored.provenance is not None:
        entry["provenance"] = quote(file.filename + PROVENANCE)
    if file.external is not None:
        # Not in the standard: the URL that the file was fetched from. Clients ignore unknown keys (PEP 691).
        entry["external"] = strip_credentials(file.url)
    if file.adopted:
        entry[_ADOPTED] = True
    entry.update((key, value) for key, value in file.extra.items() if key not in entry)
    return entry


class PageMarks(NamedTuple):
    """The facts on a page of this format that are not upstream's."""

    #: Names of adopted files.
    adopted: frozenset[str] = frozenset()
    #: Sources of upload times, by name.
    time_sources: Mapping[str, str] = NOTHING


def page_marks(page: bytes) -> PageMarks:
    """Return the marks on a page of this format."""
    entries = [entry for entry in json.loads(page)["files"] if isinstance(entry, dict)]
    return PageMarks(frozenset(entry["filename"] for entry in entries if entry.get(_ADOPTED) is True),
                     {entry["filename"]: source for entry in entries if isinstance(source := entry.get(_TIME_SOURCE), str)})
