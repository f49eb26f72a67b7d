"""The context of verbs that change the mirror: settings, checks, lock, log and state."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

from .. import older_distributions
from ..errors import ConfigurationError, Locked, MirrorError, StorageError
from ..events import Failure, Notice, RunFinished, RunStarted
from ..http import fetcher_settings
from ..mirror import Mirror
from ..model import Totals
from ..report import logfile, run_record
from ..report.event_dispatcher import Watch
from ..report.log import logger
from ..settings.units import format_moment
from ..state.database import State
from ..state.meta_keys import LAST_GOOD, LAST_PROBLEMS, LAST_RUN, LAST_STATUS
from ..storage import directories
from ..storage.ownership import check_own
from ..storage.regular_files import check_folder, check_regular
from ..sync.run import Run
from ..tracebacks import log_error
from ..zcml.error_context import describe
from ..zcml.plugins import read

#: The keys of files that a run writes in folders of the system or of the user, which it never makes.
_WRITTEN = ("log_filename", "report_filename", "metrics_filename")


def overrides_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the settings that options of the command line override."""
    overrides = {
        "log_filename": arguments.log_filename,
        "report_filename": os.path.abspath(arguments.report) if arguments.report else None,
        "fetch_since_days": arguments.fetch_since_days,
        "verbose": "True" if arguments.verbose else None,
        "external_links": "True" if arguments.follow_external_links else None,
        "follow_external_index_pages": "True" if arguments.follow_external_index_pages else None,
    }
    return {key: value for key, value in overrides.items() if value is not None}


def checked_mirror(config: str, arguments: argparse.Namespace, fetches: bool = True, selects: bool = True) -> Mirror:
    """Return the mirror of a configuration after all checks. Raises ConfigurationError before any change.

    fetches: whether the verb fetches from upstream. selects: whether the configuration has to select projects.
    """
    settings = read(config, overrides_of(arguments))
    for key in _WRITTEN:
        if settings.origin(key) != "default":
            check_folder(settings[key], key, (settings["mirror_file_path"], settings["state_path"]))
    mirror = Mirror(settings)
    mirror.check(fetches, selects)
    mirror.storage.check()
    return mirror


@contextmanager
def exclusive_access(mirror: Mirror, arguments: argparse.Namespace) -> Iterator[None]:
    """Hold the lock, with the storage prepared and the log open. Raises Locked, StorageError."""
    settings = mirror.settings
    with closing(mirror), hold_lock(settings["lock_file_name"]):
        mirror.storage.prepare()
        with logfile.log_to_file(settings["log_filename"], settings["verbose"], arguments.log_console):
            yield
        mirror.storage.finish()


#: The descriptors of the lock files that this process holds, by path.
_locks: dict[str, int] = {}
#: Maximum number of failures to print.
_MOST_LINES = 20


class RunSession(NamedTuple):
    """The objects of a verb that changes the mirror, while it holds the lock."""

    state: State
    run: Run
    notify: Callable[[Any], None]
    started: float
    free: Callable[[], int | None]
    log_filename: str
    figures: Callable[[], dict[str, int]]

    def notify_end(self, status: int) -> None:
        """Notify the observers of the end of the run."""
        self.notify(self._end_event(status, tuple(self.run.failures.events())))

    def store_result(self, status: int, problems: list[str]) -> None:
        """Store the result of the run in the state. problems: those that concern the whole run."""
        self.state.begin()
        self.state.set_fact(LAST_RUN, str(self.started))
        self.state.set_fact(LAST_STATUS, str(status))
        self.state.set_fact(LAST_PROBLEMS, json.dumps(problems))
        if status == 0:
            self.state.set_fact(LAST_GOOD, str(self.started))
        self.state.commit()

    def notify_failure(self, error: MirrorError) -> None:
        """Notify the observers of an error that ended the run."""
        self.notify(Notice(f"the run ends: {error}"))
        self.notify(self._end_event(error.status, (Failure("", str(error)),)))

    def _end_event(self, status: int, failures: tuple[Failure, ...]) -> RunFinished:
        """Return the event of the end of the run, with what is known of the state."""
        good, totals, figures = None, Totals(), {}
        with suppress(sqlite3.Error, StorageError):  # the state may be what failed
            good, totals = self.state.fact(LAST_GOOD), self.state.totals()
            figures = self.figures()
        return RunFinished(status, time.time() - self.started, failures=failures, held=self.run.held,
                           totals=totals, free=self.free(), last_good=float(good) if good else None,
                           filters=self.run.times.events(), figures=figures)

    def print_problems(self) -> None:
        """Print held-back removals and failures to stderr, one a line."""
        failed = list(self.run.failures.of_run())
        if projects := self.run.failures.of_projects():
            from ..report.causes import lines_by_cause  # few runs have failures

            failed = [*lines_by_cause(projects), *failed]
        lines = [self.run.held] if self.run.held else []
        lines += failed[:_MOST_LINES]
        if len(failed) > _MOST_LINES:
            lines.append(f"and {len(failed) - _MOST_LINES} more; see {self.log_filename}")
        for line in lines:
            print(f"pypimirror: {line}", file=sys.stderr)


@contextmanager
def session(mirror: Mirror, kind: str, quiet: bool, also: Callable[[Any], None] | None = None,
            allow_deletions: bool = False, fetches: bool = False) -> Iterator[RunSession]:
    """Open state and observers for one run.

    kind: as in RunStarted. also: called with every event. fetches: whether to log the fetcher and its proxy.
    Raises StorageError.
    """
    started = time.time()
    record = run_record.RunRecord(_locks.get(mirror.settings["lock_file_name"]), kind, started)
    run_record.forget_failure(mirror.settings["state_path"])

    def notify(event: Any) -> None:
        record.notify(event)
        if also is not None:
            also(event)

    watch = Watch(mirror.observers, on_terminal=sys.stderr.isatty() and not quiet, also=notify, registry=mirror.registry)
    watch.notify(RunStarted(kind, mirror.settings["mirror_file_path"]))
    if fetches:
        for line in fetcher_settings.describe(mirror.settings, mirror.limiter.fetcher):
            logger.info(line)
    for warning in older_distributions.warnings():
        watch.notify(Notice(warning))
    state = State(mirror.settings["state_path"])
    try:
        _open_state(state, watch.notify, started)
        at = RunSession(state, Run(mirror, state, watch.notify, allow_deletions), watch.notify, started, mirror.storage.free,
                     mirror.settings["log_filename"], partial(_final_figures, mirror, state))
        try:
            with _database_errors(state), _unexpected_errors(mirror):
                yield at
        except MirrorError as error:
            also = None  # the error itself is printed
            with suppress(StorageError):  # the original error is more important than one of an observer
                at.notify_failure(error)
            raise
    finally:
        state.close()
        watch.close()


def _final_figures(mirror: Mirror, state: State) -> dict[str, int]:
    """Return ``RunFinished.figures``."""
    if not mirror.settings["metrics_filename"]:
        return {}
    from ..settings.expiry import expiring

    trash = mirror.trash.totals()
    return {"trash_files": trash["files"], "trash_bytes": trash["bytes"], "quarantined_projects": len(state.quarantined()),
            "retained_releases": sum(map(len, mirror.needs.retained.values())),
            "expiring_exceptions": sum(1 for _ in expiring(mirror.settings))}


def _open_state(state: State, notify: Callable[[Any], None], started: float) -> None:
    """Open the state, and notify of damage; of the end of the run if it can't be opened."""
    try:
        with _database_errors(state):
            damage = state.open()
    except StorageError as error:
        notify(RunFinished(error.status, time.time() - started, failures=(Failure("", str(error)),)))
        raise
    if damage is not None:
        notify(Notice(damage))


@contextmanager
def _database_errors(state: State) -> Iterator[None]:
    """Translate an error of the database into StorageError with its path."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"{state.path}: {error}") from error


@contextmanager
def _unexpected_errors(mirror: Mirror) -> Iterator[None]:
    """Translate an unexpected exception into an error of one line, and log its traceback."""
    try:
        yield
    except (MirrorError, sqlite3.Error, KeyboardInterrupt):
        raise
    except BaseException as error:
        log_error("the run ended", error)
        raise MirrorError(f"{describe(error, mirror.registry)}; see {mirror.settings['log_filename']}") from error


@contextmanager
def hold_lock(path: str) -> Iterator[None]:
    """Hold the lock. Raises Locked if another run holds it, ConfigurationError if it can't be created."""
    import logging

    import zc.lockfile

    logging.getLogger("zc.lockfile").addHandler(logging.NullHandler())  # ``Locked`` has the message
    logging.getLogger("zc.lockfile").propagate = False
    check_own(path)
    check_regular(path, "lock_file_name")
    try:
        directories.make(os.path.dirname(path), directories.PRIVATE)
        if not os.path.exists(path):
            # zc.lockfile would open a new file for appending, and no record could be replaced in it.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666))
        lock = zc.lockfile.LockFile(path)
    except zc.lockfile.LockError:
        raise Locked(f"{path}: another run holds the lock{_holder(path)}") from None
    except OSError as error:
        raise ConfigurationError(f"lock_file_name: {path}: {error.strerror}") from error
    assert lock._fp is not None
    _locks[path] = lock._fp.fileno()
    try:
        yield
    finally:
        del _locks[path]
        lock.close()


def _holder(path: str) -> str:
    """Return a description of the process that holds a lock, for the end of a message, as far as it is known."""
    with suppress(OSError):
        run = run_record.read(path)
        if run is not None and run.is_running:
            since = f", {run.kind} since {format_moment(run.started)}" if run.kind and run.started else ""
            return f": process {run.pid}{since}"
    return ""
