"""``status``: what the last run left."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from ..errors import ConfigurationError, StorageError
from ..mirror import Mirror
from ..model import Totals
from ..report.safe_stream import print_json
from ..serve.missing_projects import FILENAME, Missed, NameCount, logged
from ..serve.missing_projects import read as read_record
from ..serve.site_config import below
from ..settings.units import in_bytes
from ..settings.values import Settings
from ..state.database import State
from ..state.meta_keys import LAST_GOOD, LAST_PROBLEMS, LAST_RUN, LAST_STATUS, SERIAL
from ..sync.hints import untimed
from ..zcml.plugins import read

#: Names that are kept in memory while logs are read, and those that the table shows.
_MOST_LOGGED, _MOST_SHOWN = 100_000, 10


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the status; return 1 if the last good run is older than ``--max-age`` hours."""
    if arguments.max_age is not None and not 0 <= arguments.max_age < float("inf"):
        raise ConfigurationError(f"--max-age {arguments.max_age}: must be a number of hours from 0")
    settings = read(config)
    try:
        status = gathered(settings, arguments.access_log or ())
    except sqlite3.Error as error:
        raise StorageError(f"{settings['state_path']}: the state can't be read ({error}); the next sync rebuilds it") from error
    if arguments.json:
        print_json(status)
    elif not arguments.quiet:
        print(_table(status))
    if arguments.max_age is None:
        return 0
    good = status["last_good_run"]
    age = time.time() - datetime.datetime.fromisoformat(good).timestamp() if good else None
    # Of a run in the future, by a clock that was wrong, nobody knows how old it is.
    return 0 if age is not None and -3600 <= age <= arguments.max_age * 3600 else 1


def gathered(settings: Settings, logs: Iterable[str] = ()) -> dict[str, Any]:
    """Return the status as plain values. logs: access logs of web servers. Raises ConfigurationError for one of no use."""
    asked = _asked(settings, logs)
    mirror = Mirror(settings)
    state = State(settings["state_path"])
    totals, facts, errors, barren, unknown = Totals(), {}, [], 0, (0, "")
    if state.open_to_read():
        with closing(state):
            totals, errors, barren = state.totals(), state.errors(), state.barren()
            unknown = state.untimed()[0], untimed(mirror, state) or ""
            facts = {name: state.fact(name) for name in (LAST_RUN, LAST_GOOD, LAST_STATUS, LAST_PROBLEMS, SERIAL)}
            asked = [one for one in asked if (row := state.row(one.project)) is None or not row.serial]
    return {
        "mirror": settings["mirror_file_path"],
        "last_run": _moment(facts.get(LAST_RUN)),
        "last_good_run": _moment(facts.get(LAST_GOOD)),
        "last_status": None if facts.get(LAST_STATUS) is None else int(facts[LAST_STATUS] or 0),
        "problems": json.loads(facts.get(LAST_PROBLEMS) or "[]"),
        "serial": int(facts.get(SERIAL) or 0),
        "projects": totals.projects,
        "files": totals.files,
        "bytes": totals.bytes,
        "free_bytes": mirror.storage.free(),
        "yanked": totals.yanked,
        "yanked_hidden": totals.hidden,
        "only_left_out_files": barren,
        "without_upload_time": unknown[0] if unknown[1] else 0,
        "notices": [unknown[1]] if unknown[1] else [],
        "errors": [{"project": row.name, "display": row.display or row.name, "error": row.error or row.unmet,
                    "since": _moment(row.since)} for row in errors],
        "trash": mirror.trash.totals(),
        "missed": [{"project": one.project, "requests": one.requests, "last": _moment(one.last)} for one in asked],
    }


def _asked(settings: Settings, logs: Iterable[str]) -> list[NameCount]:
    """Return the names that clients asked for in vain: serve's record and what access logs tell, most asked for first."""
    missed = Missed(most=_MOST_LOGGED)
    for filename in logs:
        for name, when in logged(filename, below(settings["base_url"] or "")):
            missed.note(name, when)
    for one in read_record(os.path.join(settings["state_path"], FILENAME)):
        missed.note(one.project, one.last, one.requests)
    return missed.names()


def _moment(value: Any) -> str | None:
    """Give a time as ISO text in UTC, to the second."""
    if value is None:
        return None
    return datetime.datetime.fromtimestamp(float(value), datetime.timezone.utc).isoformat(timespec="seconds")


def _table(status: dict[str, Any]) -> str:
    rows: list[str] = []
    for key, value in status.items():
        if key == "without_upload_time":
            continue
        if key in ("problems", "notices"):
            rows.extend(f"  {problem}" for problem in value)
            continue
        if key.endswith("bytes") and value is not None:
            value = in_bytes(value)
        elif key == "free_bytes":
            value = value or "no limit"
        elif key == "errors":
            value = len(value)
        elif key == "only_left_out_files":
            if value:
                rows.append(f"{value} projects offer only files that filename_matches leaves out, wheels perhaps")
            continue
        elif key == "trash":
            value = f"{value['files']} files, {in_bytes(value['bytes'])}"
        elif key == "missed":
            value = f"{len(value)} projects that clients asked for are not here" if value else 0
        rows.append(f"{key.replace('_', ' '):<14} {'never' if value is None else value}")
    rows.extend(f"  {error['display']}: {error['error']} (since {error['since']})" for error in status["errors"])
    rows.extend(f"  {one['project']}: {one['requests']} requests, the last at {one['last']}"
                for one in status["missed"][:_MOST_SHOWN])
    return "\n".join(rows)
