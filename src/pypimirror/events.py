"""The events of a run, in their order. Each observer receives them in one thread."""

# Annotations are evaluated here and in ``model``: as text, NamedTuple would compile each, a fifth of the time of the import.
from typing import NamedTuple

from .model import Change, Totals


class RunStarted(NamedTuple):
    #: ``initial``, ``update``, ``indexes``, ``adopt``, ``verify``, ``repair``, ``restore``, ``empty``, ``export`` or
    #: ``import``.
    kind: str
    mirror: str


class ListRead(NamedTuple):
    """Upstream's list was read."""

    #: How many projects upstream lists.
    total: int
    #: How many of them are selected.
    selected: int
    unchanged: bool = False


class EvaluationStarted(NamedTuple):
    """The evaluation of upstream's project pages starts."""

    projects: int


class ProjectEvaluated(NamedTuple):
    """One project was evaluated; ``change`` is the work to do."""

    change: Change


class FilterRemoval(NamedTuple):
    """The files of the mirror that one filter excludes."""

    #: Such as ``filter 'yanked'``; with file and line of the registration for one of a plugin.
    filter: str
    files: int
    projects: int


class FileDecision(NamedTuple):
    """What a run decides about one file."""

    filename: str
    #: ``let in``, ``held back`` or ``taken out``.
    action: str
    #: The name of the filter or kind of decision.
    rule: str
    reason: str


class ProjectDecided(NamedTuple):
    """A project was evaluated, with other decisions about files than in earlier runs. Only sent if ``decision_log`` is set."""

    project: str
    files: tuple[FileDecision, ...]


class PlanMade(NamedTuple):
    """All projects were evaluated; the changes start."""

    projects: int
    files: int
    bytes: int
    #: Number of files whose size upstream does not have.
    unsized: int
    remove: int
    #: Free bytes on the mirror's disk, or None if unlimited.
    free: int | None
    #: Whether this is the first fetch.
    first: bool = False
    #: How many of the files to remove each filter excludes, most files first.
    removals: tuple[FilterRemoval, ...] = ()


class FileStored(NamedTuple):
    """One file is in its final place."""

    project: str
    filename: str
    size: int
    #: ``fetched``, ``found`` (on disk already), ``restored`` (from the trash), ``adopted`` (from an older mirror), or
    #: ``imported`` (from a bundle).
    how: str


class ProjectPublished(NamedTuple):
    """One project's pages are up to date."""

    project: str
    #: Whether any of them changed.
    written: bool


class Problem(NamedTuple):
    """A failure that the next run retries. ``project`` is empty if it concerns the whole run."""

    project: str
    message: str
    #: ``failed``, ``not found``, ``invalid``, ``full`` for a lack of space, or ``left out`` for a malformed entry of upstream's
    #: page, which is not a failure.
    kind: str = "failed"


class Notice(NamedTuple):
    """Information for the administrator that is not a failure."""

    message: str


class FileRemoved(NamedTuple):
    project: str
    filename: str


class VerificationStarted(NamedTuple):
    """The verification of the mirror starts."""

    projects: int
    files: int
    bytes: int
    #: Projects that an interrupted run has verified; they are not counted in the others.
    done: int = 0


class ProjectVerified(NamedTuple):
    """One project was verified."""

    project: str
    files: int
    bytes: int


class FaultFound(NamedTuple):
    """The verification found a fault."""

    path: str
    message: str


class FaultRepaired(NamedTuple):
    """A fault was repaired."""

    path: str


class VerificationFinished(NamedTuple):
    """The whole mirror was verified."""

    projects: int
    files: int
    bytes: int
    #: Number of faults.
    wrong: int
    #: Number of repaired faults.
    repaired: int


class FilterTime(NamedTuple):
    """The time that one filter took in a run."""

    #: As in ``FilterRemoval``.
    filter: str
    #: In all threads and processes together, without the time for metadata that it reads.
    seconds: float
    projects: int


class Failure(NamedTuple):
    """A failure at the end of a run. ``project`` is empty if it concerns the whole run."""

    project: str
    error: str
    #: Time of the first failure in seconds since 1970, or None if unknown.
    since: float | None = None


class RunFinished(NamedTuple):
    """The run ended. ``statistics``: see ``pypimirror.report.statistics``."""

    status: int
    runtime: float
    statistics: dict[str, int] = {}
    failures: tuple[Failure, ...] = ()
    #: Message about removals that the safety brake held back, or None.
    held: str | None = None
    #: Contents of the mirror, if known.
    totals: Totals | None = None
    #: Free bytes on the mirror's disk, or None if unlimited.
    free: int | None = None
    #: Start of the last run without failures in seconds since 1970, or None.
    last_good: float | None = None
    #: The time of each filter, the longest first.
    filters: tuple[FilterTime, ...] = ()
    #: Figures about the mirror that take time to find, only where ``metrics_filename`` is set: trash, quarantined, retained.
    figures: dict[str, int] = {}
