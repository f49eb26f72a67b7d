"""How much of the machine's processors nobody uses (proc_stat(5))."""

from __future__ import annotations

import os

_STAT = "/proc/stat"


def idle() -> float | None:
    """Return the seconds that the processors we may use have been idle, all together; None where the system does not tell."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    try:
        with open(_STAT, "rb", buffering=0) as stream:
            lines = stream.read().splitlines()
    except OSError:
        return None
    ours = {f"cpu{number}".encode() for number in os.sched_getaffinity(0)}
    rows = [line.split() for line in lines if line.partition(b" ")[0] in ours]
    if len(rows) < len(ours):
        return None  # in some containers they are numbered in another way
    # After user, nice and system: idle, and iowait, in which others could work.
    return sum(int(ticks) for row in rows for ticks in row[4:6]) / os.sysconf("SC_CLK_TCK")
