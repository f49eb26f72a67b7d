"""How much of the machine's processors nobody uses (proc_stat(5))."""

from __future__ import annotations

import os

_STAT = "/proc/stat"


def idle() -> float | None:
    """Return the seconds that the processors we may use have been idle, all together; None where the system does not tell."""
    try:
        with open(_STAT, "rb", buffering=0) as stream:
            lines = stream.read().splitlines()
    except OSError:
        return None
    ours = {f"cpu{number}".encode() for number in os.sched_getaffinity(0)}
    # user, nice, system, idle, and iowait, in which others could work.
    return sum(sum(map(int, line.split()[4:6])) for line in lines if line.split(None, 1)[0] in ours) / os.sysconf("SC_CLK_TCK")
