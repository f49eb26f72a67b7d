"""The contract of an observer as tests."""

from __future__ import annotations

from typing import Any

from .. import events
from ..interfaces import IObserver
from ..model import Change, Totals
from . import checks

#: One run, with at least one event of each class.
RUN: tuple[Any, ...] = (
    events.RunStarted("update", "/srv/pypi"),
    events.ListRead(3, 2),
    events.EvaluationStarted(2),
    events.ProjectEvaluated(Change("one", fetch=1, fetch_bytes=10, rewrite=True)),
    events.ProjectEvaluated(Change("two", remove=1, project_removed=True, removed_upstream=True)),
    events.PlanMade(2, 1, 10, 0, 1, None, removals=(events.FilterRemoval("filter 'yanked'", 1, 1),)),
    events.FileStored("one", "one-1.0.tar.gz", 10, "fetched"),
    events.ProjectPublished("one", True),
    events.Problem("three", "https://pypi.example.com/simple/three/: status 500"),
    events.Problem("", "versions.cfg: can't be read", "failed"),
    events.FileRemoved("two", "two-1.0.tar.gz"),
    events.Notice("a notice"),
    events.RunFinished(1, 2.5, dict.fromkeys(
        ("projects", "found", "stored", "bytes", "removed", "not found", "invalid", "failed"), 1),
        (events.Failure("three", "status 500", 1.7e9), events.Failure("", "versions.cfg: can't be read")), None,
        Totals(2, 3, 40), 1 << 30, 1.7e9, (events.FilterTime("filter 'yanked'", 0.5, 2),)),
    events.RunStarted("verify", "/srv/pypi"),
    events.VerificationStarted(2, 3, 40),
    events.ProjectVerified("one", 1, 10),
    events.FaultFound("two/two-2.0.tar.gz", "its hash differs"),
    events.FaultRepaired("two/two-2.0.tar.gz"),
    events.VerificationFinished(2, 3, 40, 1, 1),
    events.RunFinished(0, 0.1),
)


class ObserverContract:
    """The tests of an ``IObserver``. Derived classes have names that begin with ``Test``."""

    def make(self) -> Any:
        """Return a new observer."""
        raise NotImplementedError

    def test_it_provides_its_interface(self) -> None:
        checks.implements(self.make(), IObserver)

    def test_it_takes_every_event_of_a_run(self) -> None:
        observer = self.make()
        for event in RUN:
            assert observer.notify(event) is None

    def test_it_takes_events_of_later_versions(self) -> None:
        class Later:
            """An event that this version does not have."""

        self.make().notify(Later())

    def test_a_run_may_fail_before_it_does_anything(self) -> None:
        observer = self.make()
        observer.notify(RUN[0])
        observer.notify(events.RunFinished(1, 0.0, failures=(events.Failure("", "no space left"),)))
