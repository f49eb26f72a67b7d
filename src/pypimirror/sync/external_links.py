"""What ``external_links`` means to the work on a project: whether links that lead out of the index are followed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..interfaces import IRunContext
from ..model import File, Project


def is_followed(mirror: IRunContext) -> bool:
    """Whether links that lead out of the index are followed."""
    return bool(mirror.settings["external_links"])


def joined(mirror: IRunContext, page: Project, old: Project | None,
           select: Callable[[Project], Iterable[File]]) -> tuple[Project, tuple[str, ...]]:
    """Give upstream's page with what its links lead to, if they are followed, and problems.

    old: what is remembered of the project; select: gives the files of a project that are asked for. Raises what it raises.
    """
    if is_followed(mirror):
        from ..upstream.external import followed  # loaded only where it is asked for

        return followed(mirror, page, old, select)
    left_out = sum(file.external is not None for file in page.files)
    told = f"{left_out} files on other hosts that upstream gives no hash of are left out; external_links = True fetches them"
    # It is the configuration that takes away what was fetched from other hosts, and not upstream.
    names = {file.filename for file in page.files}
    stay = tuple(file for file in (old.files if old is not None else ())
                 if file.external is not None and file.stored is not None and file.filename not in names)
    return page._replace(files=page.files + stay), (told,) if left_out else ()


def allowed(mirror: IRunContext, files: tuple[File, ...]) -> tuple[File, ...]:
    """Give the files without those that only links which are not followed lead to."""
    if is_followed(mirror):
        return files
    return tuple(file for file in files if file.external is None)


def is_restless(mirror: IRunContext, project: Project) -> bool:
    """Whether files of a project can change without upstream's serial telling, so that every run must ask for them."""
    return is_followed(mirror) and any(file.external is not None for file in project.files)
