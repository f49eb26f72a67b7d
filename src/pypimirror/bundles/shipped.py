"""The record of a project in a bundle: the facts that its pages show, and nothing of how the mirror got them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from ..advisories.cvss import RATINGS
from ..advisories.osv import is_identifier
from ..advisory import Advisory
from ..errors import MirrorError
from ..model import NOTHING, File, Project
from ..names import is_distribution, project_name, shown
from ..state import records
from ..upstream import validation

_SHA256 = re.compile(r"[0-9a-f]{64}")
#: The page that URLs of validated files are relative to.
_PAGE = "https://mirror.invalid/"


def dump(project: Project) -> bytes:
    """Return the record of a published project for a bundle, as JSON."""
    return zlib.decompress(records.encode(_shipped_project(project)))


def _shipped_project(project: Project) -> Project:
    """Return a project with what its pages show of it, and the files as in ``_shipped_file``."""
    return Project(project.name, tuple(_shipped_file(file) for file in project.published().files), project.display,
                   status=project.status, extra=project.extra, meta=project.meta, advisories=project.advisories)


def _shipped_file(file: File) -> File:
    """Return a file with the facts of its page; the sidecars are those that are here."""
    assert file.stored is not None
    stored = file.stored._replace(validator=None, foreign=False)
    return File(
        file.filename, file.url if file.external else "", {**file.hashes, "sha256": stored.sha256}, file.size,
        file.upload_time, file.requires_python, file.yanked,
        core_metadata={"sha256": stored.metadata} if stored.metadata else False,
        gpg_sig=True if stored.signature else False if file.gpg_sig is False else None,
        provenance="" if stored.provenance else None, extra=file.extra, stored=stored, external=file.external,
        adopted=file.adopted)


def unknown_project(name: str) -> Project:
    """Return a project of which nothing is known yet."""
    return Project(name, listed=False)


def paths(project: Project) -> Iterator[str]:
    """Yield the paths of the published files of a project, and of their sidecars."""
    return (path for path, _ in digests(project.published()))


def digests(project: Project) -> Iterator[tuple[str, str]]:
    """Yield the paths of the files of a project that are in the mirror, and of their sidecars, each with its sha256."""
    for file in project.files:
        if file.stored is not None:
            path = f"{project.name}/{file.filename}"
            yield path, file.stored.sha256
            yield from ((path + suffix, sha256) for suffix, sha256 in file.stored.beside().items())


def load(name: str, content: bytes) -> Project:
    """Return the project of a record in a bundle. Raises MirrorError unless all of its values are valid."""
    try:
        project = records.decode(zlib.compress(content, 0))
    except records.BadRecord as error:
        raise MirrorError(f"{name}: unreadable record in the bundle: {error}") from error
    wrong = next(_invalid_parts(name, project), None)
    if wrong is not None:
        raise MirrorError(f"{name}: invalid record in the bundle: {shown(wrong)}")
    return _shipped_project(project)


def _invalid_parts(name: str, project: Project) -> Iterator[str]:
    """Yield what is not valid in a record."""
    if project.name != name:
        yield f"it belongs to {project.name}"
    if project.display and project_name(project.display) != name:
        yield f"display = {project.display!r}"
    if len(project.files) > validation.MOST_LINKS:
        yield "too many files"
    if any(not isinstance(text, str) or validation.line(text) != text for text in project.status.values()):
        yield "status"
    for values in (project.extra, project.meta):
        if validation.unknown(values, frozenset()) != values:
            yield "keys that are not in the standard"
    if not all(map(_is_advisory, project.advisories)):
        yield "advisories"
    if len(validation.distinct(list(project.files))[0]) != len(project.files):
        yield "a file that is listed twice"
    for file in project.files:
        if (field := _invalid_field(file)) is not None:
            yield f"{file.filename}: {field}"


def _invalid_field(file: File) -> str | None:
    """Return the name of a field of a file that is not valid, or None."""
    checks: Mapping[str, bool] = {
        "filename": is_distribution(file.filename),
        "stored": file.stored is not None and file.stored.published and file.stored.size >= 0 and all(
            _SHA256.fullmatch(sha256) for sha256 in (file.stored.sha256, *file.stored.beside().values())),
        "hashes": _valid_hashes(file.hashes) == dict(file.hashes) and file.stored is not None
                  and file.hashes.get("sha256") == file.stored.sha256,
        "url": not file.url or _valid_url(file.url) == file.url,
        "external": file.external is None or _valid_url(file.external) == file.external,
        "upload_time": file.upload_time is None or validation.line(file.upload_time) == file.upload_time,
        "requires_python": file.requires_python is None or validation.line(file.requires_python) == file.requires_python,
        "yanked": isinstance(file.yanked, bool) or validation.line(file.yanked) == file.yanked,
        "extra": validation.unknown(file.extra, frozenset()) == file.extra or file.extra == NOTHING,
    }
    return next((field for field, is_valid in checks.items() if not is_valid), None)


def _is_advisory(advisory: Advisory) -> bool:
    """Whether the texts of an advisory are such as those of a document: ids that are parts of URLs, texts of one line."""
    texts = (advisory.summary, advisory.severity, advisory.link, *advisory.versions, *advisory.fixed,
             *(text for each in advisory.ranges for text in (each.introduced, each.end)))
    return (all(map(is_identifier, (advisory.id, *advisory.aliases))) and all(map(str.isprintable, texts))
            and advisory.severity in ("", *RATINGS) and re.match("https?://|$", advisory.link) is not None)


def _valid_hashes(value: Any) -> Any:
    try:
        return validation.hashes(value)
    except validation.InvalidEntry:
        return None


def _valid_url(value: str) -> str | None:
    try:
        return validation.file_url(value, _PAGE)[0]
    except validation.InvalidEntry:
        return None
