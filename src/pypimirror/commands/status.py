"""``status``: the run under way, the result of the last run, and the totals of the mirror."""

from __future__ import annotations

import argparse
import sqlite3
from typing import Any

from ..errors import ConfigurationError, StatusUnknown, StorageError
from ..report.causes import lines_by_cause
from ..report.safe_stream import print_json
from ..settings.units import in_bytes
from ..zcml.plugins import read
from .status_values import collect_status

#: Maximum number of names in the table.
_MOST_SHOWN = 10
#: Seconds by which the last good run may seem to be in the future.
_TOLERANCE = 3600
_UNREADABLE = "the state can't be read by this user; call status as the owner of the mirror to see it all"
#: Fields that are no rows of the table, or rows of another form.
_ELSEWHERE = frozenset({"version", "program", "state", "running", "interrupted", "failed", "age_seconds", "held_back",
                        "problems", "notices", "only_left_out_files", "without_upload_time", "unavailable", "retained",
                        "pages_written", "quarantined", "expiring", "snapshots"})


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the status; return 1 if the last good run is older than ``--max-age`` hours.

    Raises StatusUnknown if its age is unknown.
    """
    if arguments.max_age is not None and not 0 <= arguments.max_age < float("inf"):
        raise ConfigurationError(f"--max-age {arguments.max_age}: must be a number of hours from 0")
    settings = read(config)
    try:
        status = collect_status(settings, arguments.access_log or ())
    except (sqlite3.Error, StorageError) as error:
        if isinstance(error, sqlite3.Error):
            error = StorageError(f"{settings['state_path']}: the state can't be read ({error}); the next sync rebuilds it")
        if arguments.max_age is not None:
            raise StatusUnknown(str(error)) from error
        raise error from None
    if arguments.json:
        print_json(status)
    elif not arguments.quiet:
        print(_render_table(status))
    return 0 if arguments.max_age is None else _check_age(status, arguments.max_age)


def _check_age(status: dict[str, Any], hours: float) -> int:
    """Return the exit status: 1 if the last good run is older than this, or of unknown age. Raises StatusUnknown."""
    if status["state"] == "unreadable":
        raise StatusUnknown(f"{status['mirror']}: {_UNREADABLE}")
    age = status["age_seconds"]
    # The age of a run in the future, caused by a wrong clock, is unknown.
    return 0 if age is not None and -_TOLERANCE <= age <= hours * 3600 else 1


def _render_table(status: dict[str, Any]) -> str:
    rows = [f"{'mirror':<14} {status['mirror']}", *_run_rows(status)]
    for key, value in status.items():
        if key == "mirror":
            continue
        if key == "problems":
            rows.extend(f"  {problem}" for problem in value)
        elif key not in _ELSEWHERE and not (value in (None, [], ()) and status["state"] == "unreadable"):
            rows.append(f"{key.replace('_', ' '):<14} {_format_cell(key, value)}")
    return "\n".join([*rows, *_detail_rows(status)])


def _detail_rows(status: dict[str, Any]) -> list[str]:
    """Return the rows below those of single values."""
    rows = [f"  {notice}" for notice in status["notices"]]
    if status["only_left_out_files"]:
        rows.append(f"{status['only_left_out_files']} projects offer only files that filename_matches excludes, such as wheels")
    if status["state"] == "unreadable":
        rows.append(f"{'pages written':<14} {status['pages_written'] or 'unknown'}")
    if status["snapshots"]:
        names = (f"{one['name']} ({one['promoted']})" if one["promoted"] else one["name"] for one in status["snapshots"])
        rows.append(f"{'snapshots':<14} {', '.join(names)}")
    errors = status["errors"]
    rows.extend(f"  {line}" for line in lines_by_cause(((error["display"], error["error"]) for error in errors),
                                                       {error["display"]: error["since"] for error in errors}))
    rows += _release_rows(status)
    rows.extend(f"  {one['project']}: {one['requests']} requests, the last at {one['last']}"
                for one in status["missed"][:_MOST_SHOWN])
    return rows


def _release_rows(status: dict[str, Any]) -> list[str]:
    """Return the rows about releases that are kept, held back or allowed by way of exception."""
    rows = []
    if status["retained"]:
        rows.append(f"{'retained':<14} {len(status['retained'])} releases that pins moved away from")
        rows.extend(f"  {one['project']} {one['version']} until {one['until']}" for one in status["retained"][:_MOST_SHOWN])
    if status["quarantined"]:
        more = ", ..." if len(status["quarantined"]) > _MOST_SHOWN else ""
        rows.append(f"{'quarantined':<14} {', '.join(status['quarantined'][:_MOST_SHOWN])}{more}")
    if status["expiring"]:
        rows.append(f"{'expiring':<14} {len(status['expiring'])} decisions and exemptions")
        rows.extend(f"  {'expired: ' * one['expired']}{one['entry']}" for one in status["expiring"][:_MOST_SHOWN])
    return rows


def _run_rows(status: dict[str, Any]) -> list[str]:
    """Return the rows about runs other than the last one."""
    rows = []
    for key in ("running", "interrupted"):
        if (one := status[key]) is not None:
            progress = f", {one['phase']}" if one["phase"] else ""
            progress += f" {one['done']} of {one['of']} projects" if one["of"] else ""
            rows.append(f"{key:<14} {one['kind'] or 'a run'}, process {one['pid']}, "
                        f"since {one['since'] or 'unknown'}{progress}")
    if (failed := status["failed"]) is not None:
        rows.append(f"{'failed':<14} before it began, at {failed['when']}: {failed['error']}")
    if status["state"] == "unreadable":
        rows.append(f"{'state':<14} {_UNREADABLE}")
    return rows


def _format_cell(key: str, value: Any) -> Any:
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
