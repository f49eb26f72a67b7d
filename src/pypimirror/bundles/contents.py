"""The published paths of a mirror, with their contents: what an export carries over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import BinaryIO

from ..errors import MirrorError
from ..interfaces import IRunContext
from ..model import File, Project
from ..names import PINS
from ..state import records
from ..state.database import State
from ..state.meta_keys import PIN_FILES, PIN_FORMS, ROOTS
from .journal import PathEntry

#: Bytes of a block for copying.
_BLOCK = 1 << 20


def project_paths(mirror: IRunContext, project: Project) -> dict[str, PathEntry]:
    """Return the paths of a project: its published files with their sidecars, and its pages. Raises MirrorError if one is
    missing."""
    found: dict[str, PathEntry] = {}
    for file in project.published().files:
        found.update(file_paths(mirror, project.name, file))
    for path in project.pages:
        found[path] = _page_entry(mirror, path)
    return found


def file_paths(mirror: IRunContext, name: str, file: File) -> dict[str, PathEntry]:
    """Return the paths of a published file and of its sidecars."""
    assert file.stored is not None
    path = f"{name}/{file.filename}"
    found = {path: PathEntry(file.stored.sha256, file.stored.size)}
    for suffix, sha256 in file.stored.beside().items():
        size = mirror.storage.size(path + suffix)
        if size is None:
            raise _missing_error(path + suffix)
        found[path + suffix] = PathEntry(sha256, size)
    return found


def pin_files(state: State) -> tuple[str, ...]:
    """Return the names of the published pin files, of their other forms, and of their index page."""
    return tuple(sorted({*(state.fact(PIN_FILES) or "").split(), *(state.fact(PIN_FORMS) or "").split()}))


def common_paths(mirror: IRunContext, state: State) -> dict[str, PathEntry]:
    """Return the pages about all projects, and the pin files."""
    pins = (f"{PINS}/{name}" for name in pin_files(state))
    return {path: _file_entry(mirror, path) for path in (*pins, *(state.fact(ROOTS) or "").split())}


def decode_project(record: bytes, name: str) -> Project:
    """Return the project of a record. Raises MirrorError if it can't be read."""
    try:
        return records.decode(record)
    except records.BadRecord as error:
        raise MirrorError(f"{name}: {error}") from error


def removal_reason(name: str, path: str, project: Project | None, is_selected: bool) -> str:
    """Return why a path is not in the mirror any more. project: as it is now, None if the state does not have it."""
    if not is_selected:
        return "its project is not selected"
    if project is None or not project.listed:
        return "upstream removed the project"
    if project.quarantined:
        return "upstream quarantined the project"
    filename = path.removeprefix(f"{name}/")
    file = next((file for file in project.files if filename.startswith(file.filename)), None)
    if file is not None:
        return "the configuration leaves it out" if file.listed else "upstream does not list it any more"
    is_file = path.startswith(f"{name}/") and not _is_page(filename)
    return "upstream does not list it any more" if is_file else "no longer written"


def _is_page(filename: str) -> bool:
    return filename.startswith(("index.", "browse."))


def missing_paths(paths: Iterable[str], present: Iterable[str]) -> list[str]:
    """Return the paths that are no longer present, in order."""
    return sorted(set(paths).difference(present))


def _page_entry(mirror: IRunContext, path: str) -> PathEntry:
    """Return sha256 and size of a page. Raises MirrorError if it is missing."""
    content = mirror.storage.read(path)
    if content is None:
        raise _missing_error(path)
    return PathEntry(hashlib.sha256(content).hexdigest(), len(content))


def _file_entry(mirror: IRunContext, path: str) -> PathEntry:
    """Return the recorded sha256 and the size of a file. Raises MirrorError if it is missing."""
    sha256, size = mirror.storage.digest(path), mirror.storage.size(path)
    if sha256 is None or size is None:
        raise _missing_error(path)
    return PathEntry(sha256, size)


def _missing_error(path: str) -> MirrorError:
    return MirrorError(f"{path}: missing; run verify --repair before the export")


def copy_file(mirror: IRunContext, path: str, stream: BinaryIO) -> tuple[int, str]:
    """Copy a file of the mirror; return its size and sha256."""
    digest, size = hashlib.sha256(), 0
    with mirror.storage.open(path) as content:
        while block := content.read(_BLOCK):
            digest.update(block)
            size += len(block)
            stream.write(block)
    return size, digest.hexdigest()
