"""Compares the selected files of a project with what the mirror has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..interfaces import IFilter
from ..model import Change, File, Project
from ..selected import Selected

#: The filter by file name, whose value in a configuration of z3c.pypimirror often excludes wheels.
_BY_NAME = "filename-matches"


def changes(old: Project | None, project: Project, selection: Selected, selected: bool) -> Change:
    """Return what a run has to do about a project.

    selection: the files that the mirror is to offer; selected: whether the configuration selects the project.
    """
    wanted = selection.files
    fetch = [file for file in wanted if not is_up_to_date(file)]
    remove = removed_files(project, wanted)
    published = is_published(project, wanted, selected)
    return Change(
        project.name,
        fetch=len(fetch),
        fetch_bytes=sum(file.size or 0 for file in fetch),
        unsized=sum(file.size is None for file in fetch),
        remove=len(remove),
        remove_upstream=_removed_upstream(remove) if selected else 0,
        remove_urgent=_removed_urgently(remove, selection),
        project_removed=_was_published(old) and not published,
        removed_upstream=selected and not project.listed,
        quarantined=project.quarantined,
        rewrite=published and _has_other_pages(old, project, wanted),
        all_filtered=_is_all_filtered(selection),
        removed_by=_removed_by(remove, selection),
    )


def removed_files(project: Project, wanted: Iterable[File]) -> list[File]:
    """Return the files in the mirror that are not among those that it is to offer."""
    names = {file.filename for file in wanted}
    return [file for file in project.files if file.stored is not None and file.filename not in names]


def _removed_upstream(files: Iterable[File]) -> int:
    """Return how many of these files are removed because upstream does not list them any more."""
    return sum(not file.listed and not file.superseded for file in files)


def _removed_urgently(files: Iterable[File], selection: Selected) -> int:
    """Return how many of these files an urgent filter excludes."""
    urgent = {one.file.filename for one in selection.left_out if one.urgent}
    return sum(file.filename in urgent for file in files) if urgent else 0


def _removed_by(files: Iterable[File], selection: Selected) -> tuple[tuple[str, int], ...]:
    """Return ``Change.removed_by`` for the files to remove of a project that is selected."""
    names = {file.filename for file in files}
    if not names:
        return ()
    filters = Counter(one.filter for one in selection.left_out if one.filter and one.file.filename in names)
    return tuple((f"{IFilter.__name__} {name}", count) for name, count in filters.items())


def _is_all_filtered(selection: Selected) -> bool:
    """Whether ``filename_matches`` alone leaves out every file of a project."""
    return not selection.files and bool(selection.left_out) and all(one.filter == _BY_NAME for one in selection.left_out)


def is_published(project: Project, files: Iterable[File], selected: bool) -> bool:
    """Whether a project has a page: one that upstream has, even without files, and one of which files are left."""
    return selected and (project.listed or any(True for _ in files))


def _was_published(old: Project | None) -> bool:
    return old is not None and is_published(old, (file for file in old.files if file.stored is not None), True)


def is_up_to_date(file: File) -> bool:
    """Whether what the mirror has of a file is what upstream offers."""
    if file.stored is None or file.stored.foreign:
        return False
    if file.validator is not None and file.validator != file.stored.validator:
        return False
    if file.hashes.get("sha256", file.stored.sha256) != file.stored.sha256:
        return False
    return "sha256" in file.hashes or file.size is None or file.size == file.stored.size


def _has_other_pages(old: Project | None, project: Project, wanted: Iterable[File]) -> bool:
    """Whether the pages of a project have to be written: it had none, or they show other facts."""
    # A project without files that reappears has the same facts as before, but no page.
    if old is None or not _was_published(old):
        return True
    return _page_facts(old, old.published().files) != _page_facts(project, wanted)


def _page_facts(project: Project, files: Iterable[File]) -> tuple[Any, ...]:
    """Return the facts that a project's pages show; pages are written again if they differ."""
    shown = [file._replace(url=file.url if file.external else "", listed=True, validator=None, seen=None, added=False,
                           publishers=None, stored=file.stored._replace(published=True))
             for file in files if file.stored is not None]
    return project._replace(files=(), serial=None, etag=None, listed=True, pages=(), damaged=(), upstream="", form="",
                            doubt="", promised=""), shown
