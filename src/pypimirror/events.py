"""What happens during a run. Observers see these, in the coordinator's thread, in this order."""

from __future__ import annotations

from typing import NamedTuple

from .model import Change, Totals


class RunStarted(NamedTuple):
    #: ``initial``, ``update``, ``indexes``, ``adopt``, ``verify``, ``repair``, ``restore`` or ``empty``.
    kind: str
    mirror: str


class ListRead(NamedTuple):
    """Upstream's list was read."""

    #: How many projects upstream lists, and how many of them are selected.
    total: int
    selected: int
    unchanged: bool = False


class EvaluationStarted(NamedTuple):
    """The pages of so many projects are about to be looked at."""

    projects: int


class ProjectEvaluated(NamedTuple):
    """One project was looked at; ``change`` says what is to be done about it."""

    change: Change


class PlanMade(NamedTuple):
    """All projects were looked at; work begins."""

    projects: int
    files: int
    bytes: int
    #: Files that upstream tells no size of.
    unsized: int
    remove: int
    #: Bytes free where the mirror lies, or None.
    free: int | None
    #: Whether this is the first fetch.
    first: bool = False


class FileStored(NamedTuple):
    """One file is in its place."""

    project: str
    filename: str
    size: int
    #: ``fetched``, ``found`` (on disk already), ``restored`` (from the trash), or ``adopted`` (from an older mirror).
    how: str


class ProjectPublished(NamedTuple):
    """One project's pages say what they should."""

    project: str
    #: Whether any of them changed.
    written: bool


class Problem(NamedTuple):
    """Something failed and will be tried again. ``project`` is empty where it concerns the whole run."""

    project: str
    message: str
    #: ``failed``, ``not found``, ``invalid``, or ``left out`` for what is malformed on upstream's page and is no failure.
    kind: str = "failed"


class Notice(NamedTuple):
    """Something that the administrator should know and that is no failure."""

    message: str


class FileRemoved(NamedTuple):
    project: str
    filename: str


class VerificationStarted(NamedTuple):
    """The mirror is about to be verified."""

    projects: int
    files: int
    bytes: int
    #: Projects that a run which was cut off has verified already; they are not among those.
    done: int = 0


class ProjectVerified(NamedTuple):
    """One project was verified."""

    project: str
    files: int
    bytes: int


class FaultFound(NamedTuple):
    """Something in the mirror is not as it should be."""

    path: str
    message: str


class FaultRepaired(NamedTuple):
    """What was wrong at a path is so no longer."""

    path: str


class VerificationFinished(NamedTuple):
    """The whole mirror was verified."""

    projects: int
    files: int
    bytes: int
    #: How many things were wrong, and how many of them are no longer.
    wrong: int
    repaired: int


class Failure(NamedTuple):
    """Something that failed and will be tried again. ``project`` is empty where it concerns the whole run."""

    project: str
    error: str
    #: When it failed first, in seconds since 1970, or None where that is not known.
    since: float | None = None


class RunFinished(NamedTuple):
    """The end; ``statistics`` are those of ``pypimirror.report.statistics``."""

    status: int
    runtime: float
    statistics: dict[str, int] = {}
    failures: tuple[Failure, ...] = ()
    #: Which removals were held back and why, in words, or None.
    held: str | None = None
    #: What the mirror holds, where that is known.
    totals: Totals | None = None
    #: Bytes free where the mirror lies, or None.
    free: int | None = None
    #: When the last run without failures began, in seconds since 1970, or None.
    last_good: float | None = None
