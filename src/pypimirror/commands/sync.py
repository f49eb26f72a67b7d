"""``sync``: one run, under the lock."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ..errors import ConfigurationError, Locked, MirrorError, StorageError
from ..events import Notice
from ..report.messages import sentence
from ..report.run_record import note_failure
from ..settings.units import in_bytes
from ..state.meta_keys import CONFIRMED
from ..sync.first_fetch import FirstFetch
from ..sync.relearn import enduring
from ..zcml.plugins import read
from .session import RunSession, checked_mirror, exclusive_access, session


def run(config: str, arguments: argparse.Namespace) -> int:
    """Run a sync and return the exit status."""
    begun: list[RunSession] = []
    try:
        return _run_sync(config, arguments, begun)
    except Locked:
        raise
    except MirrorError as error:
        if not begun:
            with suppress(MirrorError):
                note_failure(read(config)["state_path"], error)
        raise


def _run_sync(config: str, arguments: argparse.Namespace, begun: list[RunSession]) -> int:
    """Run a sync. begun: gets the session."""
    mirror = checked_mirror(config, arguments)
    kind = "indexes" if arguments.indexes_only else "initial" if arguments.initial_fetch else "update"
    with exclusive_access(mirror, arguments), \
            session(mirror, kind, arguments.quiet, allow_deletions=arguments.allow_deletions,
                    fetches=kind != "indexes") as at:
        begun.append(at)
        if arguments.yes:
            at.state.set_fact(CONFIRMED, "1")
        else:
            at.run.confirm = partial(_confirm_first_fetch, at, arguments.quiet)
        if kind == "indexes":
            work: Callable[[], None] = at.run.indexes
        elif arguments.words:
            work = partial(at.run.projects, arguments.words)
        else:
            work = partial(at.run.sync, initial=kind == "initial")
        try:
            enduring(mirror, at.state, at.notify, work)
        except MirrorError as error:
            with suppress(sqlite3.Error, StorageError):  # the disk may be full
                mirror.storage.flush()
                at.store_result(error.status, [str(error)])
            raise
        status = 4 if at.run.held else 1 if at.run.failures else 0
        at.store_result(status, [*filter(None, (at.run.held,)), *at.run.failures.of_run()])
        at.notify_end(status)
        at.print_problems()
        return status


def _confirm_first_fetch(at: RunSession, quiet: bool, first: FirstFetch) -> None:
    """Ask on a terminal whether to go on with a first fetch. Raises ConfigurationError if it is not confirmed."""
    size = sentence(first.plan) if first.plan else (
        f"first fetch: {first.projects} projects; their size is known when all of their pages are read, as plan does")
    here = f", {in_bytes(first.here)} are here" if first.here else ""
    message = f"{size}{here}: more than confirm_above = {first.limit}"
    nothing = "nothing more was fetched" if first.here else "nothing was fetched"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigurationError(f"{message}; {nothing}; check it with plan, select less, or confirm it with --yes")
    at.notify(Notice(message))
    print(f"{message}\n" if quiet else "", "Continue? [y/N] ", sep="", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ConfigurationError(f"the first fetch was not confirmed; {nothing}")
