"""``plan``: what ``sync`` would do, and why."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from ..mirror import Mirror
from ..report.causes import lines_by_cause
from ..report.safe_stream import print_json
from ..settings.units import in_bytes
from ..settings.values import Settings
from ..state.database import State
from ..sync.filter_removals import by_filter
from ..sync.plan import as_json, plan
from ..sync.worklist import has_pins
from ..zcml.plugins import read
from .session import overrides_of

#: Number of the biggest files to name for each filter.
_EXAMPLES = 3
_NOTE = "The build requirements of sdists are known after they are fetched: a first sync may fetch more files than listed."


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the plan as a table or as JSON; return 1 if a project could not be evaluated."""
    return show(read(config, overrides_of(arguments)), arguments)


def show(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the plan for these settings; return the exit status."""
    mirror = Mirror(settings)
    mirror.check()
    mirror.storage.check()
    with closing(mirror), closing(State(settings["state_path"])) as state:
        state.open_copy()
        planned = plan(mirror, state, arguments.initial_fetch, arguments.words, arguments.allow_deletions)
        removals = by_filter(mirror, (one.change for one in planned))
        found = as_json(planned, mirror.storage.free(), removals)
    found["note"] = _NOTE if settings["build_requirements"] and has_pins(settings) else None
    if arguments.json:
        print_json(found)
    else:
        lines = (*_problem_lines(found, arguments.files), _totals_line(found)) if arguments.quiet else _table_lines(
            found, arguments.files)
        for line in lines:
            print(line)
    return 1 if found["problems"] else 0


def _table_lines(found: dict[str, Any], files: bool) -> Iterator[str]:
    """Yield the lines for people. files: whether each file that is left out and each problem has one."""
    for entry in found["fetch"]:
        size = "size unknown" if entry["size"] is None else in_bytes(entry["size"])
        yield f"fetch     {entry['project']}  {entry['filename']}  {size}"
    for entry in found["remove"]:
        yield f"remove    {entry['project']}  {entry['filename']}  {entry['why']}"
    for name in found["rewrite"]:
        yield f"rewrite   {name}"
    for name in found["vanish"]:
        yield f"vanish    {name}"
    if files:
        for entry in found["left_out"]:
            yield f"left out  {entry['project']}  {entry['filename']}  {_filter_name(entry)}: {entry['reason']}"
    else:
        yield from _lines_by_filter(found["left_out"])
    for entry in found["vulnerable"]:
        yield f"vulnerable  {entry['project']}  {entry['version']}  {'pinned: ' * entry['pinned']}{entry['reason']}"
    for entry in found["not_understood"]:
        yield f"ignored   {entry['project']}  {entry['problem']}"
    for entry in found["removed_by"]:
        yield f"removal   {entry['filter']} leaves out {entry['files']} files of {entry['projects']} projects of the mirror"
    yield from _problem_lines(found, files)
    yield _totals_line(found)
    if found["note"]:
        yield found["note"]


def _lines_by_filter(left_out: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each filter, that of most files first, with its biggest files."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for entry in left_out:
        groups.setdefault(_filter_name(entry), []).append(entry)
    for name, entries in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        projects = len({entry["project"] for entry in entries})
        size = in_bytes(sum(entry["size"] or 0 for entry in entries))
        biggest = sorted(entries, key=lambda entry: (-(entry["size"] or 0), entry["filename"]))[:_EXAMPLES]
        examples = ", ".join(one["filename"] + (f" ({in_bytes(one['size'])})" if one["size"] else "") for one in biggest)
        more = ", ..." if len(entries) > len(biggest) else ""
        yield f"left out  {name}: {len(entries)} files of {projects} projects, {size}: {examples}{more}"
    if groups:
        yield "left out  each file with its reason: plan --files"


def _filter_name(entry: dict[str, Any]) -> str:
    """Return the name of the filter that left a file out."""
    return str(entry["filter"] or "selection")


def _totals_line(found: dict[str, Any]) -> str:
    totals = found["totals"]
    free = "" if totals["free_bytes"] is None else f", {in_bytes(totals['free_bytes'])} free"
    unsized = f" and {totals['fetch_unsized']} files of unknown size" if totals["fetch_unsized"] else ""
    return (f"{totals['fetch_files']} files to fetch with {in_bytes(totals['fetch_bytes'])}{unsized}{free}; "
            f"{totals['remove_files']} to remove; {totals['rewrite_projects']} projects to write pages of; "
            f"{totals['left_out_files']} files left out")


def _problem_lines(found: dict[str, Any], each: bool) -> Iterator[str]:
    """Yield a line for each cause, that of the whole run last. each: whether each project has a line."""
    of_run = [entry["problem"] for entry in found["problems"] if not entry["display"]]
    pairs = [(entry["display"], entry["problem"]) for entry in found["problems"] if entry["display"]]
    lines = [f"{name}: {problem}" for name, problem in pairs] if each else lines_by_cause(pairs)
    yield from (f"problem   {line}" for line in (*lines, *of_run))
