"""``verify``: checks every file, every page and the tree; ``--repair`` repairs the faults."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import MirrorError
from ..events import FaultFound, FaultRepaired
from ..maintenance.verify import Verification
from ..names import OWN
from ..report.messages import sentence
from .session import checked_mirror, exclusive_access, session


def run(config: str, arguments: argparse.Namespace) -> int:
    """Verify the mirror; print a line for each fault, and one for each repair.

    Return 1 if there are faults, with ``--repair`` if some remain.
    """
    mirror = checked_mirror(config, arguments, fetches=arguments.repair, selects=arguments.repair)
    if not mirror.storage.listdir(OWN):
        raise MirrorError(f"{mirror.settings['mirror_file_path']}: no mirror yet; create it with sync")
    kind = "repair" if arguments.repair else "verify"
    with exclusive_access(mirror, arguments), session(mirror, kind, arguments.quiet, _print_fault_or_repair) as at:
        outcome = Verification(mirror, at.state, at.run, at.notify).verify(arguments.repair)
        status = 4 if at.run.held else 1 if outcome.left else 0
        at.notify_end(status)
        if arguments.repair and status:
            at.print_problems()
        return status


def _print_fault_or_repair(event: Any) -> None:
    if isinstance(event, FaultFound | FaultRepaired):
        print(sentence(event), flush=True)
