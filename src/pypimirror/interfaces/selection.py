"""Contracts of the filters on projects, releases and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from ..model import File, Project


class INameFilter(Interface):
    """Selects projects by name. Named; a project is selected if all registered name filters accept it."""

    active: bool = Attribute("Whether the settings enable the filter; a disabled one is never called.")
    applies_to_pins: bool = Attribute("Whether it also applies to pinned projects; otherwise it is not called for them.")
    exact: frozenset[str] | None = Attribute("The normalised names that it can select, or None if these are not limited.")

    def __call__(name: str) -> bool:
        """Return whether the filter accepts the project with this normalised name."""


class IWrittenNames(INameFilter):
    """A name filter that provides a regular expression of the names that it accepts, to search long lists quickly."""

    written: str | None = Attribute(
        "A regular expression that fully matches every spelling of every accepted name in lower case and never matches a "
        "quotation mark; None if there is no such expression.")


class IExactNames(INameFilter):
    """A name filter that is configured with exact names; a name that upstream does not have is reported."""

    named: Mapping[str, str] = Attribute("The names as spelled in the configuration, by normalised name.")


class IFilter(Interface):
    """Selects distribution files of a project. Named; ``filters`` selects and orders them.

    A file without a version in its name belongs to no release. A filter on releases accepts it, unless it requires versions.
    """

    active: bool = Attribute("Whether the settings enable the filter; a disabled one is never called.")
    applies_to_pins: bool = Attribute(
        "True for a filter on files, which also applies to pinned releases; False for one on releases.")
    reason: str = Attribute("The reason that ``plan`` prints for an excluded file, such as 'older than the newest 3 releases'.")

    def select(project: Project) -> Iterable[File]:
        """Return the selected files, a subset of ``project.files``.

        The result depends only on the project, on settings that are declared with ``affects="files"``, and on time in an
        ITimedFilter: a change of anything else is not noticed. Names of projects are normalised (PEP 503).

        project: has only the files that all previous filters selected.
        """


class ITimedFilter(IFilter):
    """A filter whose result changes over time."""

    def next_change(project: Project) -> float | None:
        """Return the time at which the result of ``select`` for this project changes next, or None for never.

        The time is in seconds since 1970 and in the future.
        """


class IUploadTimeFilter(ITimedFilter):
    """A filter on upload times."""

    def untimed(project: Project) -> int:
        """Return the number of files of the project that the filter can't judge because upstream has no upload time."""


class IExplainedFilter(IFilter):
    """A filter with a reason for each file."""

    def why(project: Project, file: File) -> str:
        """Return the reason that ``plan`` prints for a file that ``select`` excludes. project: as for ``select``."""


class IUrgentFilter(IFilter):
    """A filter on dangerous files: the safety brake does not hold its removals back."""


class ISafetyFilter(IFilter):
    """A filter that holds back releases which may do harm.

    It applies to releases that others require, too: a requirement gets the newest release that all of these filters leave. It
    does not apply to pinned releases.
    """


class IMetadataFilter(IFilter):
    """A filter on core metadata."""

    def select(project: Project, metadata: Callable[[File], bytes | None] | None = None) -> Iterable[File]:
        """Return the selected files, a subset of ``project.files``.

        metadata: returns the core metadata of a file, or None if the file has none. It may fetch them; the filter does not
        catch its exceptions. Called without it, no file has core metadata.
        """
