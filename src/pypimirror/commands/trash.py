"""``trash``: removed files that wait for their deletion."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from ..errors import ConfigurationError
from ..maintenance.restore import Restoration
from ..maintenance.trash import TrashedFile
from ..mirror import Mirror
from ..report.safe_stream import print_json
from ..settings.reader import nearest
from ..settings.units import in_bytes
from ..zcml.plugins import read
from .session import checked_mirror, exclusive_access, overrides_of, session

_COLUMNS = ("date", "project", "file", "size")
_WORDS = {"list": 1, "restore": 2, "empty": 1}


def run(config: str, arguments: argparse.Namespace) -> int:
    """List, restore or delete removed files; return 1 if a file could not be restored."""
    words = arguments.words
    if not words or _WORDS.get(words[0]) != len(words):
        hint = nearest(words[0], _WORDS) if words and words[0] not in _WORDS else ""
        raise ConfigurationError(f"trash takes one of: list, restore NAME, empty{hint}")
    if arguments.force and words[0] != "restore":
        raise ConfigurationError(f"--force is not an option of trash {words[0]}")
    if arguments.json and words[0] != "list":
        raise ConfigurationError(f"--json is not an option of trash {words[0]}")
    if words[0] == "list":
        return _list_files(config, arguments)
    return _empty_trash(config, arguments) if words[0] == "empty" else _restore_files(config, arguments, words[1])


def _list_files(config: str, arguments: argparse.Namespace) -> int:
    trash = Mirror(read(config, overrides_of(arguments))).trash
    waiting = [(one, () if one.refused else trash.malicious(one)) for one in trash.trashed_files()]
    if arguments.json:
        print_json([{"date": one.day, "project": one.project, "file": one.filename, "bytes": one.size,
                     "malicious": list(ids), "refused": one.refused or None} for one, ids in waiting])
    if arguments.json or arguments.quiet:
        return 0
    rows = [_format_row(one, ids) for one, ids in waiting]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    for row in [_COLUMNS, *rows] if rows else []:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if not rows:
        print("the trash is empty")
    return 0


def _format_row(one: TrashedFile, advisories: Iterable[str]) -> tuple[str, str, str, str]:
    """Return the cells of a file. advisories: the ids of those that call it malicious."""
    remarks = [*(f"malicious: {each}" for each in advisories), *([f"refused: sha256 {one.refused}"] if one.refused else ())]
    return one.day, one.project, one.filename, "  ".join([in_bytes(one.size), *remarks])


def _restore_files(config: str, arguments: argparse.Namespace, name: str) -> int:
    mirror = checked_mirror(config, arguments)
    with exclusive_access(mirror, arguments), session(mirror, "restore", arguments.quiet) as at:
        restored = Restoration(mirror, at.state, at.run).restore(name, arguments.force)
        failed = [one for one in restored if one.why]
        status = 1 if failed else 0
        at.notify_end(status)
        for one in restored:
            if not one.why and not arguments.quiet:
                print(f"{one.project}/{one.filename} restored")
        for one in failed:
            print(f"pypimirror: {one.project}/{one.filename}: not restored: it {one.why}", file=sys.stderr)
        return status


def _empty_trash(config: str, arguments: argparse.Namespace) -> int:
    mirror = checked_mirror(config, arguments)
    with exclusive_access(mirror, arguments), session(mirror, "empty", arguments.quiet) as at:
        totals = mirror.trash.totals()
        mirror.trash.empty()
        at.notify_end(0)
        if not arguments.quiet:
            print(f"{totals['files']} files deleted, {in_bytes(totals['bytes'])}")
        return 0
