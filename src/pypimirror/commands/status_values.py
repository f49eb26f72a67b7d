"""The values of ``status``, as far as the user who calls it can read them."""

from __future__ import annotations

import datetime
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any, NamedTuple

from .. import __version__
from ..mirror import Mirror
from ..model import NOTHING, Totals
from ..regular_file import open_regular
from ..report import run_record
from ..serve.missing_projects import FILENAME, MissingProjects, NameCount, missing_in_log, read_record
from ..serve.sites.address import path_of
from ..settings.expiry import expiring
from ..settings.reader import in_directory
from ..settings.units import format_moment
from ..settings.values import Settings
from ..snapshots.tree import SnapshotTree
from ..state.database import State
from ..state.meta_keys import LAST_GOOD, LAST_PROBLEMS, LAST_RUN, LAST_STATUS, PINNING, RETAINED, SERIAL
from ..sync.hints import untimed

#: The version of the format. New fields do not change it; a removed or changed field does.
VERSION = 1
#: Maximum number of names in memory while logs are read.
_MOST_LOGGED = 100_000
#: The exit status of a run that held removals back.
_HELD = 4


def collect_status(settings: Settings, logs: Iterable[str] = ()) -> dict[str, Any]:
    """Return the status as plain values. logs: access logs of web servers.

    Without permission to read the state, its values are None. Raises ConfigurationError for an unreadable log.
    """
    mirror = Mirror(settings)
    missed = _count_missing_names(settings, logs)
    readable = _is_readable(settings["state_path"])
    facts = _read_state(mirror, missed) if readable else _StateFacts(missed)
    values = {
        "version": VERSION,
        "program": f"z3c.recipe.pypimirror {__version__}",
        "mirror": settings["mirror_file_path"],
        "state": "unreadable" if not readable else "read" if facts.exists else "missing",
        "running": None,
        "interrupted": None,
        "failed": None,
        **_last_run_values(facts.last),
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
        "unavailable": facts.unavailable,
        "retained": list(_retained_releases(facts.last, settings["retain_days"])),
        "quarantined": list(facts.quarantined),
        "expiring": [each.as_json() for each in expiring(settings)],
        "trash": None,
        "missed": [{"project": one.project, "requests": one.requests, "last": format_moment(one.last)} for one in facts.missed],
        "pages_written": _time_of_pages(settings),
        "snapshots": _list_snapshots(settings),
    }
    if readable:
        return {**values, **_other_run_values(settings), "trash": mirror.trash.totals()}
    unknown = ("serial", "files", "bytes", "yanked", "yanked_hidden", "only_left_out_files", "without_upload_time")
    return {**values, **dict.fromkeys(unknown), "projects": _count_listed_projects(settings)}


def _last_run_values(last: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the values of the last run and of the last good one. last: facts of the state."""
    good = last.get(LAST_GOOD)
    status = None if last.get(LAST_STATUS) is None else int(last[LAST_STATUS] or 0)
    problems = json.loads(last.get(LAST_PROBLEMS) or "[]")
    return {
        "last_run": format_moment(last.get(LAST_RUN)),
        "last_good_run": format_moment(good),
        "age_seconds": None if good is None else round(time.time() - float(good), 3),
        "last_status": status,
        "held_back": problems[0] if status == _HELD and problems else None,
        "problems": problems,
        "serial": int(last.get(SERIAL) or 0),
    }


def _is_readable(folder: str) -> bool:
    """Return False if a directory or the state in it can't be read for lack of permissions; a missing one is readable."""
    try:
        with os.scandir(folder) as entries:
            names = {entry.name for entry in entries}
    except PermissionError:
        return False
    except OSError:
        return True  # opening the state reports it
    return all(os.access(os.path.join(folder, name), os.R_OK, effective_ids=True)
               for name in names if name.startswith("state.sqlite"))


def _other_run_values(settings: Settings) -> dict[str, Any]:
    """Return the run that is under way, one that was interrupted, and the last failure before a run began."""
    found: dict[str, Any] = {}
    run, failure = None, None
    with suppress(PermissionError):
        run = run_record.read(settings["lock_file_name"])
    with suppress(PermissionError):
        failure = run_record.read_failure(settings["state_path"])
    if run is not None and (run.is_running or run.was_interrupted):
        found["running" if run.is_running else "interrupted"] = {
            "pid": run.pid, "kind": run.kind, "since": format_moment(run.started), "phase": run.phase, "done": run.done,
            "of": run.of}
    if failure is not None:
        found["failed"] = {"when": format_moment(failure.when), "status": failure.status, "error": failure.error}
    return found


def _retained_releases(facts: Mapping[str, str | None], retain_days: int) -> Iterator[dict[str, str]]:
    """Yield releases that are listed although no pin names them, with the last day of that."""
    if facts.get(PINNING) is None:
        return  # without pins nothing is retained
    for name, versions in json.loads(facts.get(RETAINED) or "{}").items():
        for version, day in versions.items():
            until = datetime.date.fromisoformat(day) + datetime.timedelta(days=retain_days)
            yield {"project": name, "version": version, "until": until.isoformat()}


def _time_of_pages(settings: Settings) -> str | None:
    """Return when the page of all projects was written last, which everybody can see; None in an object store."""
    try:
        return format_moment(os.stat(os.path.join(settings["mirror_file_path"], "index.html")).st_mtime)
    except OSError:
        return None


def _list_snapshots(settings: Settings) -> list[dict[str, Any]]:
    """Return the snapshots of a mirror in a directory; status sends no request to an object store."""
    if not in_directory(settings["mirror_file_path"]):
        return []
    return [{key: value for key, value in one.as_json().items() if key in ("name", "created", "at", "promoted", "files")}
            for one in SnapshotTree(settings["mirror_file_path"]).all()]


def _count_listed_projects(settings: Settings) -> int | None:
    """Return the number of projects on the JSON page of all projects, or None."""
    path = settings["mirror_file_path"]
    if not in_directory(path):
        return None
    try:
        with open_regular(os.path.join(path, "index.v1_json")) as stream:
            return len(json.load(stream)["projects"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class _StateFacts(NamedTuple):
    """The part of the status that comes from the state; empty before the first run."""

    missed: list[NameCount]
    exists: bool = False
    totals: Totals = Totals()
    #: Values of ``meta_keys`` about the last run.
    last: Mapping[str, str | None] = NOTHING
    errors: Sequence[Mapping[str, Any]] = ()
    #: Pinned releases that no upstream file is available of.
    unavailable: Sequence[Mapping[str, Any]] = ()
    #: Projects that offer only files that the filters leave out, and files without upload time.
    only_left_out: int = 0
    untimed: int = 0
    #: The line about files without upload time, or an empty text.
    notice: str = ""
    #: Names of projects that are quarantined upstream.
    quarantined: Sequence[str] = ()


def _read_state(mirror: Mirror, missed: list[NameCount]) -> _StateFacts:
    """Return the facts of the state. missed: requested names; those that the mirror has by now are dropped."""
    state = State(mirror.settings["state_path"])
    if not state.open_to_read():
        return _StateFacts(missed)
    with closing(state):
        failed = state.errors()
        return _StateFacts(
            [one for one in missed if (row := state.row(one.project)) is None or not row.serial],
            True,
            state.totals(),
            {name: state.fact(name) for name in (LAST_RUN, LAST_GOOD, LAST_STATUS, LAST_PROBLEMS, SERIAL, RETAINED,
                                                PINNING)},
            [{"project": row.name, "display": row.display or row.name, "error": row.error or row.unmet,
              "since": format_moment(row.since)} for row in failed],
            [{"project": row.name, "display": row.display or row.name, "reason": row.unmet} for row in failed if row.unmet],
            state.barren(), state.untimed()[0], untimed(mirror, state) or "",
            state.quarantined())


def missed_names(settings: Settings, logs: Iterable[str]) -> list[NameCount]:
    """Return the requested names that the mirror does not have, by number of requests. logs: access logs."""
    return _read_state(Mirror(settings), _count_missing_names(settings, logs)).missed


def _count_missing_names(settings: Settings, logs: Iterable[str]) -> list[NameCount]:
    """Return the names of missing projects, by number of requests, from serve's record and from access logs."""
    missed = MissingProjects(most=_MOST_LOGGED)
    for filename in logs:
        for name, when in missing_in_log(filename, path_of(settings["base_url"] or "")):
            missed.note(name, when)
    for one in read_record(os.path.join(settings["state_path"], FILENAME)):
        missed.note(one.project, one.last, one.requests)
    return missed.names()
