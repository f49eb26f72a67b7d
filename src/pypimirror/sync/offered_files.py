"""Selects the files that the mirror is to offer."""

from __future__ import annotations

from ..interfaces import IRunContext
from ..metadata.filenames import parse
from ..model import File, Project
from ..pins.pinned_releases import pinned_by
from ..selected import Selected
from . import external_links


def select_files(mirror: IRunContext, project: Project, hold: bool = False) -> Selected:
    """Select the files of a project that the mirror is to offer: from those that upstream lists, and from pinned and adopted
    ones that it no longer lists.

    With ``cleanup`` off, or if removals are held back, mirrored files that upstream removed stay on offer.
    Exceptions from reading metadata are passed on.
    """
    if project.quarantined:
        return Selected()
    return mirror.selection.select(
        project._replace(files=offered_files(mirror, project, hold)),
        lambda file: mirror.core_metadata(project.name, file))


def offered_files(mirror: IRunContext, project: Project, hold: bool = False) -> tuple[File, ...]:
    """Return the files of a project that may be selected; the same ones for pages and for the resolver."""
    if project.quarantined:
        return ()
    keep = hold or not mirror.settings["cleanup"]
    offered = tuple(file for file in project.files if file.listed or file.adopted or (keep and file.stored is not None)
                    or stays_unlisted(mirror, project, file))
    return external_links.allowed(mirror, tuple(file for file in offered if not file.superseded))


def stays_unlisted(mirror: IRunContext, project: Project, file: File) -> bool:
    """Whether a file that is here and that upstream does not list is adopted or pinned."""
    if file.listed or file.stored is None or file.superseded:
        return False
    if file.adopted:
        return True
    if not mirror.needs.pinned.get(project.name):
        return False
    version = parse(file.filename, project.name).version
    return pinned_by(mirror.needs, project.name).allows(version, file.content_hashes) is not False
