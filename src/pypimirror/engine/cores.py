"""How many processors there are for us."""

import os

#: More processes than that wait for upstream and for the disk, not for a processor.
_MOST = 4


def cores() -> int:
    """Return how many processes can be busy at once, 4 at most."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, _MOST)
