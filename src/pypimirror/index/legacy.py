"""PyPI's older JSON about a project, ``/pypi/<name>/json``, for the files of the mirror.

There is no standard for it: the fields are those in the documentation of PyPI's JSON API. Fields with data that only PyPI has
(downloads, owners) are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from zope.interface import implementer

from ..interfaces import IMetadataIndexWriter, ISettings
from ..metadata.filenames import parse, release
from ..model import Entry, File, Project
from .releases import Releases, is_yanked, newest_release, releases, yank_reason

Metadata = Callable[[File], "bytes | None"]

_DUMP = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
_SERIAL = re.compile(rb'\A\{"last_serial":(\d{1,18}),')
#: For a file without upload time, which counts as old: the format requires one.
_LONG_AGO = "1970-01-01T00:00:00Z"
#: Fields of core metadata with the same name in ``info``.
_FIELDS = ("author", "author_email", "classifiers", "description", "description_content_type", "download_url", "dynamic",
           "home_page", "license", "license_expression", "license_files", "maintainer", "maintainer_email", "project_urls",
           "provides_extra", "requires_dist", "requires_python", "summary")


def path(name: str) -> str:
    """Return the path of a project's page. It never collides with a file of a project called ``pypi``."""
    return f"pypi/{name}/json"


@implementer(IMetadataIndexWriter)
class LegacyJson:
    """Writes ``pypi/<name>/json`` for each project; links are absolute if ``base_url`` is set."""

    root = None
    most_files = None

    def __init__(self, settings: ISettings):
        self._base = settings["base_url"] or "../.."
        self._has_advisories = bool(settings["advisories"])

    def pages(self, project: Project, serial: int, metadata: Metadata | None = None) -> Iterator[tuple[str, bytes]]:
        def url(file: File) -> str:
            return f"{self._base}/{project.name}/{quote(file.filename)}"

        yield path(project.name), about_project(project, serial, url, metadata, self._has_advisories)

    def serial(self, page: bytes) -> int | None:
        found = _SERIAL.match(page)
        return int(found[1]) if found else None

    def projects(self, entries: Iterable[Entry], serial: int) -> Iterator[bytes]:
        return iter(())


def about_project(project: Project, serial: int, url: Callable[[File], str], metadata: Metadata | None = None,
                  has_advisories: bool = False) -> bytes:
    """Render the page about a project.

    project: with published files only. url: returns the link to a file. metadata: as for IMetadataIndexWriter.
    has_advisories: whether the mirror has advisories; without them the field ``vulnerabilities`` is left out.
    """
    found = releases(project)
    newest = newest_release(found)
    entries = {version: [_entry(project, file, url) for file in files] for version, files in found.items()}
    page = {"last_serial": serial, "info": _info(project, newest, found, metadata), "releases": entries,
            "urls": entries.get(newest, []), **_vulnerabilities(project, newest, has_advisories)}
    return _DUMP(page).encode()


def about_release(project: Project, version: str, serial: int, url: Callable[[File], str],
                  metadata: Metadata | None = None, has_advisories: bool = False) -> bytes | None:
    """Render the page about one release, ``/pypi/<name>/<version>/json``; None if there is no such release."""
    found = releases(project)
    wanted = next((known for known in found if release(known) == release(version)), None)
    if wanted is None:
        return None
    page = {"last_serial": serial, "info": _info(project, wanted, found, metadata),
            "urls": [_entry(project, file, url) for file in found[wanted]],
            **_vulnerabilities(project, wanted, has_advisories)}
    return _DUMP(page).encode()


def _vulnerabilities(project: Project, version: str, has_advisories: bool) -> dict[str, Any]:
    """Return the field ``vulnerabilities`` of a release, as PyPI has it; nothing for a mirror without advisories."""
    if not has_advisories:
        return {}
    from ..advisories.matching import AdvisoryMatcher

    return {"vulnerabilities": [{
        "aliases": list(each.aliases), "details": each.summary, "fixed_in": list(each.fixed), "id": each.id, "link": each.link,
        "source": "osv", "summary": each.summary, "withdrawn": None,
    } for each in AdvisoryMatcher(project.advisories, project.name).of_version(version)]}


def _info(project: Project, version: str, found: Releases, metadata: Metadata | None) -> dict[str, Any]:
    files = found.get(version, [])
    content = next((content for file in files if metadata is not None and (content := metadata(file)) is not None), None)
    raw: Mapping[str, Any] = {}
    if content is not None:
        from ..metadata.core_metadata import parse_email  # not loaded where nothing changed
        from ..metadata.errors import InvalidContent

        with suppress(InvalidContent):
            raw = parse_email(content)[0]
    info: dict[str, Any] = {"name": raw.get("name") or project.display or project.name, "version": version}
    info.update((field, raw.get(field)) for field in _FIELDS)
    info["classifiers"] = raw.get("classifiers", [])
    info["keywords"] = ",".join(raw.get("keywords", ())) or None
    info["platform"] = ",".join(raw.get("platforms", ())) or None
    info["requires_python"] = raw.get("requires_python") or next((f.requires_python for f in files if f.requires_python), None)
    info["yanked"] = bool(files) and is_yanked(files)
    info["yanked_reason"] = yank_reason(files) if info["yanked"] else None
    return info


def _entry(project: Project, file: File, url: Callable[[File], str]) -> dict[str, Any]:
    if file.stored is None:
        raise ValueError(f"{file.filename} is not in the mirror")
    parsed = parse(file.filename, project.name)
    when = file.shown_upload_time or _LONG_AGO
    return {
        "core-metadata": {"sha256": file.stored.metadata} if file.stored.metadata else False,
        "digests": {**file.hashes, "sha256": file.stored.sha256},
        "filename": file.filename,
        "has_sig": bool(file.signed),
        "md5_digest": file.hashes.get("md5"),
        "packagetype": parsed.kind if parsed.kind in ("", "sdist") else f"bdist_{parsed.kind}",
        "python_version": "source" if parsed.kind == "sdist" else parsed.python or "any",
        "requires_python": file.requires_python,
        "size": file.stored.size,
        "upload_time": when[:19],
        "upload_time_iso_8601": when,
        "url": url(file),
        "yanked": file.yanked is not False,
        "yanked_reason": file.yanked if isinstance(file.yanked, str) else None,
    }
