"""Applies the ``external_links`` setting to a project's files."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..interfaces import IRunContext
from ..model import File, Project


def is_followed(mirror: IRunContext) -> bool:
    """Whether links that lead out of the index are followed."""
    return bool(mirror.settings["external_links"])


def joined(mirror: IRunContext, page: Project, old: Project | None,
           select: Callable[[Project], Iterable[File]]) -> tuple[Project, tuple[str, ...]]:
    """Return upstream's page with the files that its external links lead to, if they are followed, and messages.

    old: the project's record; select: returns the selected files of a project. Its exceptions are passed on.
    """
    if is_followed(mirror):
        from ..upstream.external import followed  # loaded only if it is enabled

        return followed(mirror, page, old, select)
    left_out = sum(file.external is not None for file in page.files)
    told = f"{left_out} files on other hosts that upstream gives no hash of are left out; external_links = True fetches them"
    # Files of other hosts are removed because of the configuration, and not because of upstream.
    names = {file.filename for file in page.files}
    stay = tuple(file for file in (old.files if old is not None else ())
                 if file.external is not None and file.stored is not None and file.filename not in names)
    return page._replace(files=page.files + stay), (told,) if left_out else ()


def allowed(mirror: IRunContext, files: tuple[File, ...]) -> tuple[File, ...]:
    """Return the files without external ones, unless external links are followed."""
    if is_followed(mirror):
        return files
    return tuple(file for file in files if file.external is None)


def is_restless(mirror: IRunContext, project: Project) -> bool:
    """Whether a project's files can change without a new serial, so that every run has to read them."""
    return is_followed(mirror) and any(file.external is not None for file in project.files)
