"""Runs that end before their end: killed, interrupted from the keyboard, or without room, at the n-th change that they make."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from pypimirror.errors import InsufficientSpace
from pypimirror.state.database import State
from pypimirror.storage.filesystem import FileSystem
from pypimirror.storage.uploads import FileUpload

#: What changes files, and what changes the state: the coordinator of a run alone does the latter.
ON_DISK: dict[type, tuple[str, ...]] = {
    FileSystem: ("prepare", "finish", "place", "move", "remove", "flush"), FileUpload: ("write", "stage", "commit")}
IN_STATE: dict[type, tuple[str, ...]] = {State: ("save", "forget", "commit", "set_fact", "mark")}
#: What changes files without a storage, as snapshots are made.
BY_SYSTEM_CALLS: dict[Any, tuple[str, ...]] = {os: ("link", "mkdir", "rename", "open")}
#: The exit status of a process that was killed.
KILLED = -signal.SIGKILL


@contextlib.contextmanager
def at_change(number: int, methods: dict[type, tuple[str, ...]], then: Callable[[], None], after: bool) -> Iterator[None]:
    """Have ``then`` called at the n-th call of any of these methods, before it or after it."""
    left = [number]

    def wrapped(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            mine = left[0] == 0
            if mine and not after:
                then()
            result = real(*args, **kwargs)
            if mine and after:
                then()
            return result

        return call

    with contextlib.ExitStack() as stack:
        for owner, names in methods.items():
            for name in names:
                stack.enter_context(mock.patch.object(owner, name, wrapped(getattr(owner, name))))
        yield


def killed(run: Callable[[], int], number: int, after: bool, methods: dict[type, tuple[str, ...]] | None = None,
           first: Callable[[], None] = lambda: None) -> int:
    """Run in a process of its own, which is killed at its n-th change; return its exit status, ``KILLED`` if it was.

    first: called right before that.
    """
    def kill() -> None:
        first()
        os.kill(os.getpid(), signal.SIGKILL)

    with at_change(number, methods or ON_DISK | IN_STATE, kill, after):
        child = _forked(run)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_after(run: Callable[[], int], seconds: float) -> int:
    """Run in a process of its own, which is killed after so many seconds; return its exit status, ``KILLED`` if it was."""
    child = _forked(run)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)  # one that has ended is not waited for yet, and takes the signal without effect
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _forked(run: Callable[[], int]) -> int:
    """Run in a process of its own; return its number."""
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks of processes with threads: those here are a server's
        child = os.fork()
    if child == 0:
        status = 70
        try:
            status = run()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def interrupted(run: Callable[[], int], number: int, after: bool) -> int:
    """Run, and interrupt that from the keyboard at its n-th change of the state."""
    def interrupt() -> None:
        raise KeyboardInterrupt

    with at_change(number, IN_STATE, interrupt, after):
        return run()


def without_room(run: Callable[[], int], number: int, after: bool) -> int:
    """Run, and have no room at its n-th change on disk."""
    def full() -> None:
        raise InsufficientSpace("no room")

    with at_change(number, ON_DISK, full, after):
        return run()


WAYS = {"killed": killed, "interrupted": interrupted, "without room": without_room}
