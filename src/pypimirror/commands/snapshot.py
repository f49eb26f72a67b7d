"""``snapshot``: the index at a moment, at its own URL, until it is deleted."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from pathlib import PurePosixPath
from typing import Any

from ..errors import ConfigurationError, MirrorError
from ..mirror import Mirror
from ..report.safe_stream import print_json
from ..settings import quantities
from ..settings.reader import in_directory, nearest
from ..settings.units import in_bytes
from ..snapshots.creation import create
from ..snapshots.model import INDEX, Snapshot, check_name, difference, folder, now
from ..snapshots.places import snapshots_of
from ..state import records
from ..state.database import State
from ..zcml.plugins import read
from .session import checked_mirror, exclusive_access

#: The number of words of each form, with the word itself.
_WORDS = {"create": (2,), "list": (1,), "diff": (2, 3), "promote": (2,), "delete": (2,)}
_FORMS = "create NAME, list, diff NAME [NAME], promote NAME, delete NAME"
#: The name that ``promote`` uses.
_PRODUCTION = "production"


def run(config: str, arguments: argparse.Namespace) -> int:
    """Create, list, compare, promote or delete snapshots. ``diff`` returns 1 if there is a difference."""
    words = arguments.words
    if not words or len(words) not in _WORDS.get(words[0], ()):
        hint = nearest(words[0], _WORDS) if words and words[0] not in _WORDS else ""
        raise ConfigurationError(f"snapshot takes one of: {_FORMS}{hint}")
    for option, form in (("at", "create"), ("promote_as", "promote")):
        if getattr(arguments, option) is not None and words[0] != form:
            raise ConfigurationError(f"--{option.rpartition('_')[2]} is not an option of snapshot {words[0]}")
    if arguments.json and words[0] not in ("list", "diff"):
        raise ConfigurationError(f"--json is not an option of snapshot {words[0]}")
    return _FUNCTIONS[words[0]](config, arguments)


def _create_snapshot(config: str, arguments: argparse.Namespace) -> int:
    try:
        at = quantities.moment(arguments.at, "") if arguments.at else ""
    except ValueError as error:
        raise ConfigurationError(f"--at {arguments.at}: must be {error}") from error
    if at and at[:19] > now()[:19]:
        raise ConfigurationError(f"--at {arguments.at}: in the future; a snapshot of the present needs no date")
    mirror = checked_mirror(config, arguments, fetches=False, selects=False)
    name = check_name(arguments.words[1])
    with exclusive_access(mirror, arguments), closing(State(mirror.settings["state_path"])) as state:
        if not state.open_to_read():
            raise MirrorError(f"{mirror.settings['mirror_file_path']}: no mirror yet; create it with sync")
        made = create(snapshots_of(mirror), mirror, state, name, at)
    return _print_unless_quiet(f"{_describe(made)}\n{_index_line(mirror, made)}", arguments)


def _list_snapshots(config: str, arguments: argparse.Namespace) -> int:
    with closing(Mirror(read(config))) as mirror:
        found = snapshots_of(mirror).all()
    if arguments.json:
        print_json([one.as_json() for one in found])
        return 0
    return _print_unless_quiet("\n".join(map(_describe, found)) or "there are no snapshots", arguments)


def _print_difference(config: str, arguments: argparse.Namespace) -> int:
    before, *others = arguments.words[1:]
    with closing(Mirror(read(config))) as mirror:
        snapshots = snapshots_of(mirror)
        for name in (before, *others):
            snapshots.get(name)
        after = list(snapshots.files(others[0])) if others else _published_files(mirror.settings["state_path"])
        found = difference(snapshots.files(before), after)
    if arguments.json:
        print_json(found._asdict())
    else:
        lines = [f"{mark} {path}" for mark, paths in zip("+-~", found, strict=True) for path in paths]
        _print_unless_quiet("\n".join(lines) or "no difference", arguments)
    return 1 if any(found) else 0


def _published_files(state_path: str) -> list[tuple[str, str]]:
    """Return path and sha256 of the files that the mirror publishes now."""
    with closing(State(state_path)) as state:
        if not state.open_to_read():
            return []
        projects = (records.decode(state.record(entry.name) or b"").published() for entry in state.entries())
        return [(f"{project.name}/{file.filename}", file.stored.sha256) for project in projects for file in project.files
                if file.stored is not None]


def _promote_snapshot(config: str, arguments: argparse.Namespace) -> int:
    mirror = checked_mirror(config, arguments, fetches=False, selects=False)
    with exclusive_access(mirror, arguments):
        made = snapshots_of(mirror).promote(check_name(arguments.words[1]), check_name(arguments.promote_as or _PRODUCTION))
    return _print_unless_quiet(f"{_describe(made)}\n{_index_line(mirror, made)}", arguments)


def _delete_snapshot(config: str, arguments: argparse.Namespace) -> int:
    mirror = checked_mirror(config, arguments, fetches=False, selects=False)
    with exclusive_access(mirror, arguments):
        gone = snapshots_of(mirror).delete(check_name(arguments.words[1]))
    return _print_unless_quiet(f"{gone.name} deleted", arguments)


_FUNCTIONS: dict[str, Callable[[str, argparse.Namespace], int]] = {
    "create": _create_snapshot, "list": _list_snapshots, "diff": _print_difference, "promote": _promote_snapshot,
    "delete": _delete_snapshot}


def _print_unless_quiet(text: str, arguments: argparse.Namespace) -> int:
    """Print a text, unless ``--quiet``; return the exit status."""
    if not arguments.quiet:
        print(text)
    return 0


def _describe(one: Snapshot) -> str:
    """Return one line about a snapshot."""
    about: Any = f"created {one.created}" if not one.promoted else f"{one.promoted}, promoted {one.promoted_at}"
    at = f", as of {one.at}" if one.at else ""
    return f"{one.name:<20} {about}{at}: {one.projects} projects, {one.files} files, {in_bytes(one.size)}"


def _index_line(mirror: Mirror, one: Snapshot) -> str:
    """Return a line with the URL of the index of a snapshot."""
    place = mirror.settings["mirror_file_path"]
    base = mirror.settings["base_url"] or (PurePosixPath(place).as_uri() if in_directory(place) else place)
    return f"index: {base}/{folder(one.name)}/{INDEX}/"
