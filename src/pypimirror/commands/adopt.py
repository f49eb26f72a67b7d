"""``adopt``: takes files over from the tree of an older mirror."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from ..errors import ConfigurationError
from ..events import Notice, Problem
from ..maintenance.adopt import adoption
from ..maintenance.adopt.legacy_trees import OldTree, detect_tree
from ..mirror import Mirror
from ..report.messages import sentence
from ..sync.relearn import enduring
from ..zcml.plugins import read
from .session import exclusive_access, overrides_of, session


def run(config: str, arguments: argparse.Namespace) -> int:
    """Adopt a directory; return 1 if anything in it was damaged or could not be taken over."""
    if len(arguments.words) != 1:
        raise ConfigurationError("adopt takes one DIRECTORY, that of the older mirror")
    directory = os.path.abspath(arguments.words[0])
    settings = read(config, overrides_of(arguments))
    mirror = Mirror(settings)
    mirror.check()
    tree = detect_tree(directory)
    root = settings["mirror_file_path"]
    in_place = os.path.isdir(root) and os.path.samefile(root, directory)
    if not in_place:
        mirror.storage.check()
    elif not adoption.is_mirror(root):
        adoption.mark_begun(root)
    with exclusive_access(mirror, arguments):
        return _adopt_tree(mirror, tree, root if in_place else None, arguments)


def _adopt_tree(mirror: Mirror, tree: OldTree, root: str | None, arguments: argparse.Namespace) -> int:
    """Adopt a tree. root: the mirror's directory if it is adopted in place, else None."""
    aloud = None if arguments.quiet or arguments.log_console or sys.stderr.isatty() else _print_notice
    with session(mirror, "adopt", arguments.quiet, aloud) as at:
        adopted = enduring(mirror, at.state, at.notify, lambda: adoption.Adoption(mirror, at.state, at.run, at.notify).adopt(
            tree, root is not None))
        if root is not None:
            adoption.mark_ended(root)
        status = 1 if adopted.bad or adopted.failed else 0
        at.notify_end(status)
        if status:
            print(f"pypimirror: {tree.root}: damaged files: {adopted.bad}, failed projects: {adopted.failed}; "
                  f"see {mirror.settings['log_filename']}", file=sys.stderr)
        return status


def _print_notice(event: Any) -> None:
    """Print notices and problems, which no progress display shows without a terminal."""
    if isinstance(event, Notice | Problem):
        print(sentence(event))
