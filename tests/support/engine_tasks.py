"""Tasks for engines, wherever these run them, and an upstream with as much as several workers share."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

#: Our serials: they are the time, at least.
_SERIALS = re.compile(rb'"_last-serial":\d+|<!--SERIAL \d+-->')


def fill(upstream: Upstream) -> Upstream:
    """Give the upstream 30 projects with three files each."""
    for number in range(30):
        name = f"Zope.P{number}"
        upstream.add(name, wheel(name, "1"), wheel(name, "2"), sdist(name, "2"))
    return upstream


def settled(mirrored: Mirrored) -> dict[str, bytes]:
    """Return all published files by path, without what differs between two mirrors of the same."""
    return {path: _SERIALS.sub(b"", body) for path, body in mirrored.tree().items()}


def emits_then_returns(mirror: Any, task: int, emit: Any) -> tuple[int, int]:
    emit(("event", task))
    return task, os.getpid()


def told_by(engine: Any) -> tuple[dict[int, list[str]], set[int]]:
    """Have an engine do 200 tasks; give what came of each, in order, and the processes that did them."""
    seen: dict[int, list[str]] = {}
    pids = set()
    for kind, value in engine.run(emits_then_returns, range(200)):
        if kind == "event":
            seen.setdefault(value, []).append("event")
        else:
            seen.setdefault(kind, []).append("result")
            pids.add(value)
    return seen, pids


def fails(mirror: Any, task: Any, emit: Any) -> None:
    raise task


class Unsendable(Exception):
    """It can't be made again out of what is sent of it."""

    def __init__(self, one: int, other: int):
        super().__init__(f"{one} {other}")


def raises_unsendable(mirror: Any, task: Any, emit: Any) -> None:
    raise Unsendable(1, 2)


def returns_unsendable(mirror: Any, task: Any, emit: Any) -> Any:
    return lambda: None


def returns_unreadable(mirror: Any, task: Any, emit: Any) -> Any:
    return Unsendable(1, 2)


def dies_elsewhere(mirror: Any, task: tuple[int, int], emit: Any) -> int:
    number, coordinator = task
    if number == 5 and os.getpid() != coordinator:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
