"""``sync``: one run, under the lock."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from ..errors import Locked, MirrorError, StorageError
from ..events import Notice, RunFinished, RunStarted
from ..mirror import Mirror
from ..report import logfile
from ..report.watch import Watch
from ..settings.reader import read
from ..state.database import State
from ..sync import LAST_GOOD, LAST_RUN, Run


def run(config: str, arguments: argparse.Namespace) -> int:
    """Run a sync and return the exit status."""
    overrides = {
        "log_filename": arguments.log_filename,
        "fetch_since_days": arguments.fetch_since_days,
        "verbose": "True" if arguments.verbose else None,
        "external_links": "True" if arguments.follow_external_links else None,
        "follow_external_index_pages": "True" if arguments.follow_external_index_pages else None,
    }
    settings = read(config, {key: value for key, value in overrides.items() if value is not None})
    mirror = Mirror(settings)
    mirror.check()
    mirror.storage.check()
    with closing(mirror), locked(settings["lock_file_name"]):
        mirror.storage.prepare()
        with logfile.opened(settings["log_filename"], settings["verbose"], arguments.log_console):
            kind = "indexes" if arguments.indexes_only else "initial" if arguments.initial_fetch else "update"
            return _run(mirror, kind, arguments)


def _run(mirror: Mirror, kind: str, arguments: argparse.Namespace) -> int:
    watch = Watch(mirror.observers, on_terminal=sys.stderr.isatty() and not arguments.quiet)
    started = time.time()
    watch.notify(RunStarted(kind, mirror.settings["mirror_file_path"]))
    state = State(mirror.settings["state_path"])
    damage = state.open()
    try:
        if damage is not None:
            watch.notify(Notice(damage))
        work = Run(mirror, state, watch.notify, arguments.allow_deletions)
        if kind == "indexes":
            work.indexes()
        elif arguments.words:
            work.projects(arguments.words)
        else:
            work.sync(initial=kind == "initial")
        failed = work.problems()
        status = 4 if work.held else 1 if failed else 0
        state.begin()
        state.set_fact(LAST_RUN, str(started))
        if status == 0:
            state.set_fact(LAST_GOOD, str(started))
        state.commit()
        watch.notify(RunFinished(status, time.time() - started))
        if work.held:
            print(f"pypimirror: {work.held}", file=sys.stderr)
        if failed:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            print(f"pypimirror: {failed[0]}{more}; tried again by the next run", file=sys.stderr)
        return status
    except sqlite3.Error as error:
        raise StorageError(f"{state.path}: {error}") from error
    except MirrorError as error:
        watch.notify(Notice(f"the run ends: {error}"))
        raise
    finally:
        state.close()
        watch.close()


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock. Raises Locked if another run holds it, StorageError if it can't be made."""
    import logging
    import os

    import zc.lockfile

    logging.getLogger("zc.lockfile").addHandler(logging.NullHandler())  # what it has to say is said by us
    logging.getLogger("zc.lockfile").propagate = False
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        lock = zc.lockfile.LockFile(path)
    except zc.lockfile.LockError:
        raise Locked(f"{path}: another run holds the lock") from None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.close()
