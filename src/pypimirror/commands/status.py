"""``status``: the result of the last run, and the totals of the mirror."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from ..errors import ConfigurationError, StorageError
from ..mirror import Mirror
from ..model import NOTHING, Totals
from ..report.safe_stream import print_json
from ..serve.missing_projects import FILENAME, MissingProjects, NameCount, logged
from ..serve.missing_projects import read as read_record
from ..serve.site_config import below
from ..settings.units import format_moment, in_bytes, parse_moment
from ..settings.values import Settings
from ..state.database import State
from ..state.meta_keys import LAST_GOOD, LAST_PROBLEMS, LAST_RUN, LAST_STATUS, SERIAL
from ..sync.hints import untimed
from ..zcml.plugins import read

#: Maximum number of names in memory while logs are read, and in the table.
_MOST_LOGGED, _MOST_SHOWN = 100_000, 10


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the status; return 1 if the last good run is older than ``--max-age`` hours."""
    if arguments.max_age is not None and not 0 <= arguments.max_age < float("inf"):
        raise ConfigurationError(f"--max-age {arguments.max_age}: must be a number of hours from 0")
    settings = read(config)
    try:
        status = collect(settings, arguments.access_log or ())
    except sqlite3.Error as error:
        raise StorageError(f"{settings['state_path']}: the state can't be read ({error}); the next sync rebuilds it") from error
    if arguments.json:
        print_json(status)
    elif not arguments.quiet:
        print(_table(status))
    if arguments.max_age is None:
        return 0
    good = status["last_good_run"]
    age = time.time() - parse_moment(good).timestamp() if good else None
    # The age of a run in the future, caused by a wrong clock, is unknown.
    return 0 if age is not None and -3600 <= age <= arguments.max_age * 3600 else 1


def collect(settings: Settings, logs: Iterable[str] = ()) -> dict[str, Any]:
    """Return the status as plain values. logs: access logs of web servers. Raises ConfigurationError for an unreadable log."""
    missed = _missed(settings, logs)
    mirror = Mirror(settings)
    facts = _read_state(mirror, missed)
    last = facts.last
    return {
        "mirror": settings["mirror_file_path"],
        "last_run": format_moment(last.get(LAST_RUN)),
        "last_good_run": format_moment(last.get(LAST_GOOD)),
        "last_status": None if last.get(LAST_STATUS) is None else int(last[LAST_STATUS] or 0),
        "problems": json.loads(last.get(LAST_PROBLEMS) or "[]"),
        "serial": int(last.get(SERIAL) or 0),
        "projects": facts.totals.projects,
        "files": facts.totals.files,
        "bytes": facts.totals.bytes,
        "free_bytes": mirror.storage.free(),
        "yanked": facts.totals.yanked,
        "yanked_hidden": facts.totals.hidden,
        "only_left_out_files": facts.only_left_out,
        "without_upload_time": facts.untimed if facts.notice else 0,
        "notices": [facts.notice] if facts.notice else [],
        "errors": facts.errors,
        "trash": mirror.trash.totals(),
        "missed": [{"project": one.project, "requests": one.requests, "last": format_moment(one.last)} for one in facts.missed],
    }


class _StateFacts(NamedTuple):
    """The part of the status that comes from the state; empty before the first run."""

    missed: list[NameCount]
    totals: Totals = Totals()
    #: Values of ``meta_keys`` about the last run.
    last: Mapping[str, str | None] = NOTHING
    errors: Sequence[Mapping[str, Any]] = ()
    #: Projects that offer only files that the filters leave out, and files without upload time.
    only_left_out: int = 0
    untimed: int = 0
    #: The line about files without upload time, or an empty text.
    notice: str = ""


def _read_state(mirror: Mirror, missed: list[NameCount]) -> _StateFacts:
    """Return the facts of the state. missed: requested names; those that the mirror has by now are dropped."""
    state = State(mirror.settings["state_path"])
    if not state.open_to_read():
        return _StateFacts(missed)
    with closing(state):
        return _StateFacts(
            [one for one in missed if (row := state.row(one.project)) is None or not row.serial],
            state.totals(),
            {name: state.fact(name) for name in (LAST_RUN, LAST_GOOD, LAST_STATUS, LAST_PROBLEMS, SERIAL)},
            [{"project": row.name, "display": row.display or row.name, "error": row.error or row.unmet,
              "since": format_moment(row.since)} for row in state.errors()],
            state.barren(), state.untimed()[0], untimed(mirror, state) or "")


def _missed(settings: Settings, logs: Iterable[str]) -> list[NameCount]:
    """Return the names of missing projects, by number of requests, from serve's record and from access logs."""
    missed = MissingProjects(most=_MOST_LOGGED)
    for filename in logs:
        for name, when in logged(filename, below(settings["base_url"] or "")):
            missed.note(name, when)
    for one in read_record(os.path.join(settings["state_path"], FILENAME)):
        missed.note(one.project, one.last, one.requests)
    return missed.names()


def _table(status: dict[str, Any]) -> str:
    rows: list[str] = []
    for key, value in status.items():
        if key in ("problems", "notices"):
            rows.extend(f"  {problem}" for problem in value)
        elif key == "only_left_out_files":
            if value:
                rows.append(f"{value} projects offer only files that filename_matches excludes, such as wheels")
        elif key != "without_upload_time":
            rows.append(f"{key.replace('_', ' '):<14} {_cell(key, value)}")
    rows.extend(f"  {error['display']}: {error['error']} (since {error['since']})" for error in status["errors"])
    rows.extend(f"  {one['project']}: {one['requests']} requests, the last at {one['last']}"
                for one in status["missed"][:_MOST_SHOWN])
    return "\n".join(rows)


def _cell(key: str, value: Any) -> Any:
    """Return the text of one value of the table."""
    if key == "errors":
        return len(value)
    if key == "trash":
        return f"{value['files']} files, {in_bytes(value['bytes'])}"
    if key == "missed":
        return f"{len(value)} projects requested by clients are not in the mirror" if value else 0
    if value is None:
        return "no limit" if key == "free_bytes" else "never"
    return in_bytes(value) if key.endswith("bytes") else value
