"""What a run needs before its first round: a readable state, advisories, pins, and the settings that the last run applied."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from .. import events
from ..interfaces import IRunContext
from ..settings.values import fingerprint
from ..state.database import State
from ..state.meta_keys import FILES_SETTINGS, OWN_SETTINGS, PAGES_SETTINGS, PINNING
from . import advised, worklist
from .publisher import Publisher
from .run_failures import RunFailures

if TYPE_CHECKING:
    from .pinning import Pinning


class Preparation:
    """Prepares one run. All methods raise StorageError, ConfigurationError."""

    def __init__(self, mirror: IRunContext, state: State, notify: Callable[[Any], None], publisher: Publisher,
                 failures: RunFailures, allow_deletions: bool):
        self._mirror = mirror
        self._state = state
        self._notify = notify
        self._publisher = publisher
        self._failures = failures
        self._allow_deletions = allow_deletions
        #: The pins, None without any.
        self.pinning: Pinning | None = None

    def begin(self, recovering: bool = True) -> None:
        """Load the pins; rebuild a lost state first. recovering: False to start with an empty state."""
        if not recovering:
            self._state.recovered()
        elif self._state.fresh:
            self.relearn()
        self._update_advisories()
        if worklist.uses_pins(self._mirror, self._state):
            # Pins need libraries that other mirrors do without.
            from .pinning import Pinning

            self.pinning = self._failures.pinning = Pinning(self._mirror, self._state, self._notify)
            self.pinning.read()
            self._state.set_fact(PINNING, "1")
        self._forget_settings(FILES_SETTINGS, worklist.files_fingerprint(self._mirror))
        self._forget_settings(PAGES_SETTINGS, fingerprint(self._mirror.settings, "pages"))

    def remember(self) -> None:
        """Load the pins of the last run without a request; rebuild a lost state first."""
        if self._state.fresh:
            self.relearn()
        if self._state.fact(PINNING) is not None:
            from .pinning import Pinning

            Pinning(self._mirror, self._state, self._notify).remember()
        settings = self._mirror.settings
        if self._state.fact(OWN_SETTINGS) not in (None, fingerprint(settings, "files")):
            self._state.set_fact(FILES_SETTINGS, "")
        self._forget_settings(PAGES_SETTINGS, fingerprint(settings, "pages"))

    def _update_advisories(self) -> None:
        """Read what has changed in the sources of advisories; if one fails, those that were read last count."""
        if not advised.are_used(self._mirror, self._state):
            return
        result = self._mirror.advisories.update(self._mirror.fetcher, self._mirror.attempts, self._allow_deletions)
        for note in result.notes:
            self._notify(events.Notice(note))
        for problem in result.problems:
            self._failures.advisories.append(problem)
            self._notify(events.Problem("", problem))

    def _forget_settings(self, fact: str, present: str) -> None:
        """Forget the settings of the last whole run if they differ from the present ones.

        This run applies the present ones to some projects at least. If it is interrupted, or is not about all projects, and the
        configuration is changed back, the next whole run has to evaluate all projects.
        """
        if self._state.fact(fact) not in (None, present):
            self._state.set_fact(fact, "")

    def relearn(self, names: Collection[str] | None = None) -> None:
        """Rebuild the state from the mirror's files: all of it, or the records of these projects."""
        from .relearn import relearn

        relearn(self._mirror, self._state, names)
        self._publisher.take_serial()
