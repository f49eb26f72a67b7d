"""What the filters select of a project, and what they leave out."""

from __future__ import annotations

from typing import NamedTuple

from .model import File


class LeftOut(NamedTuple):
    """A file that is not mirrored, and why."""

    file: File
    reason: str
    #: The name of the filter, or an empty text where no filter but the project's name or pin decided.
    filter: str = ""
    #: Whether the filter is an urgent one, so that its removal is never held back (``IUrgentFilter``).
    urgent: bool = False


class Unmet(NamedTuple):
    """A pinned or required release without a file."""

    #: As pinned.
    version: str
    #: Why each of its files was left out; empty if upstream has none.
    reasons: tuple[str, ...] = ()
    #: When a filter lets in the first of its files, in seconds since 1970, or None.
    until: float | None = None


class Selected(NamedTuple):
    """What is selected of one project."""

    #: In the order of upstream's page.
    files: tuple[File, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    #: When the selection changes next because time passes, in seconds since 1970, or None.
    due: float | None = None
    unmet: tuple[Unmet, ...] = ()
    #: How many files a filter judged without their upload times.
    untimed: int = 0
    #: Seconds that each filter took, by name, without those for the metadata that it reads.
    seconds: tuple[tuple[str, float], ...] = ()
