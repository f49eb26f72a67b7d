"""Removes remains of an older mirror from the mirror's own directory, after their project is published.

Old names of adopted files are deleted. Files that are damaged, excluded or duplicates are moved to the trash, because a
project's folder may contain only files that its page lists.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from contextlib import suppress
from typing import Any, NamedTuple

from ...engine.steps import in_threads
from ...errors import MirrorError, StorageError
from ...events import Problem
from ...interfaces import IRunContext
from ...names import FULL_PAGE, HTML_PAGE, normalize
from ...regular_file import open_regular
from ...state import records
from . import legacy_trees
from .legacy_trees import OldFile, OldProject, OldTree

#: Mark at the beginning of z3c.pypimirror's pages of all projects and files.
_MARK = b"<title>PyPI Mirror</title>"
_ROOTS = (HTML_PAGE, FULL_PAGE)


class CleanupTask(NamedTuple):
    """One project whose old folders to clear."""

    tree: OldTree
    project: OldProject
    #: Its record in the state, or None.
    record: bytes | None


class CleanupResult(NamedTuple):
    """Result of ``clean_up``: the names of files moved to the trash."""

    name: str
    trashed: tuple[str, ...] = ()
    error: str | None = None


def rename_folders(tree: OldTree, project: OldProject) -> tuple[str, ...]:
    """Make room for the project's folder in the mirror's own directory; return its old folders. Raises StorageError.

    On a case-insensitive file system ``Plone`` is ``plone``, and is renamed so that the tree can be copied. Detected by listing
    the directory, because ``samefile`` is not reliable there.
    """
    target = os.path.join(tree.root, project.name)
    folders = []
    try:
        if os.path.islink(target) and os.path.realpath(target) in map(os.path.realpath, project.folders):
            os.unlink(target)
        for folder in project.folders:
            spelled = os.path.basename(folder)
            if spelled != project.name and spelled.lower() == project.name and os.path.lexists(target):
                names = os.listdir(tree.root)
                if project.name not in names:
                    os.rename(folder, target)
                if not (project.name in names and spelled in names):
                    folder = target
            folders.append(folder)
    except OSError as error:
        raise StorageError(f"{target}: {error.strerror}") from error
    return tuple(dict.fromkeys(folders))


@in_threads
def clean_up(mirror: IRunContext, task: CleanupTask, emit: Callable[[Any], None]) -> CleanupResult:
    """Clear one project's old folders."""
    name = task.project.name
    published = {file.filename.lower(): file for file in records.decode(task.record).files} if task.record else {}
    shown = {key: file.filename for key, file in published.items() if file.stored is not None}
    trashed, kept = [], set()
    try:
        folders = tuple(folder for folder in rename_folders(task.tree, task.project) if os.path.isdir(folder))
        for old in legacy_trees.find_files(task.tree, task.project._replace(folders=folders), mirror.parsers)[0]:
            if not _remove_old_name(mirror, task, old, shown.get(old.filename.lower())):
                if mirror.trash.put_stray(os.path.relpath(old.path, task.tree.root), name, old.filename):
                    trashed.append(old.filename)
                else:
                    kept.add(old.path)
        for folder in folders:
            _clear_folder(mirror, folder, kept)
    except (MirrorError, OSError) as error:
        emit(Problem(name, str(error)))
        return CleanupResult(name, tuple(trashed), str(error))
    return CleanupResult(name, tuple(trashed))


def clean_up_root(root: str) -> None:
    """Remove pages and links of an older mirror from the root. Raises StorageError."""
    try:
        for page in (os.path.join(root, name) for name in _ROOTS):
            if os.path.isfile(page) and _has_mark(page):
                os.unlink(page)
        for link in (os.path.join(root, name) for name in os.listdir(root)):
            folder, name = os.path.split(os.path.realpath(link))
            if os.path.islink(link) and folder == root and normalize(name) == normalize(os.path.basename(link)):
                os.unlink(link)  # another spelling of a project's folder
    except OSError as error:
        raise StorageError(f"{error.filename}: {error.strerror}") from error


def _remove_old_name(mirror: IRunContext, task: CleanupTask, old: OldFile, filename: str | None) -> bool:
    """Delete the old name of an adopted file; return False if it is not the published file."""
    if filename is None:
        return False
    place = os.path.join(task.tree.root, task.project.name, filename)
    folder, spelled = os.path.split(old.path)
    if os.path.realpath(folder) == os.path.realpath(os.path.dirname(place)):
        if spelled == filename:
            return True
        if spelled.lower() == filename.lower() and not {spelled, filename} <= set(os.listdir(folder)):
            os.rename(old.path, place)  # a case-insensitive file system: these are one name
            return True
    path = f"{task.project.name}/{filename}"
    if not os.path.samefile(old.path, place) and (
            mirror.storage.digest(os.path.relpath(old.path, task.tree.root)) != mirror.storage.digest(path)):
        return False
    os.unlink(old.path)
    return True


def _clear_folder(mirror: IRunContext, folder: str, kept: Container[str]) -> None:
    """Remove ``.md5`` files and pages of the older mirror from a folder, and the folder if it is empty then.

    kept: paths of files whose ``.md5`` files stay.
    """
    if not os.path.isdir(folder):
        return  # removed with its last file
    for side, about in legacy_trees.find_md5_files(folder):
        if about not in kept:
            os.unlink(side)
    for page in legacy_trees.find_pages(folder):
        with open_regular(page) as stream:
            body = stream.read()
        if all(writer.serial(body) is None for writer in mirror.writers):
            os.unlink(page)
    with suppress(OSError):  # not empty
        os.rmdir(folder)


def _has_mark(page: str) -> bool:
    with open_regular(page) as stream:
        return _MARK in stream.read(1000)
