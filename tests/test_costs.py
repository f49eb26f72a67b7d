"""What runs cost, counted and not timed: requests, modules, files, folders, rows, bytes. Who makes them dearer finds out here.

The bounds are what was counted when they were set, and a little more; docs/speed.rst has the seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import fetchers
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

#: Imported where they are needed, and in no run in which nothing changed.
HEAVY = {"requests", "urllib3", "zope.configuration", "zope.schema", "packaging", "ctypes", "zipfile", "tarfile",
         "importlib.metadata", "multiprocessing", "asyncio", "waitress", "boto3", "pypimirror.zcml.directives",
         "pypimirror.upstream.html_links", "pypimirror.sync.publish", "pypimirror.sync.ensure_file", "pypimirror.serve"}
PROJECTS = 6


class Cost(NamedTuple):
    """What one run came to."""

    requests: list[str]
    figures: dict[str, int]
    modules: frozenset[str]
    #: Bytes that upstream sent in bodies.
    sent: int


Run = Callable[..., Cost]


@pytest.fixture
def cost(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Run:
    """Run a verb as a process of its own and count. There are six projects with a file each."""
    upstream.etags = True
    for number in range(PROJECTS):
        upstream.add(f"project-{number}", wheel(f"project-{number}", "1"))
    sent: list[int] = []
    respond = upstream.respond

    def counted(path: str, headers: Any) -> Any:
        answer = respond(path, headers)
        sent.append(len(answer[2]))
        return answer

    upstream.respond = counted  # type: ignore[method-assign]

    def run(*arguments: str, status: int = 0) -> Cost:
        upstream.asked()
        sent.clear()
        counts = tmp_path / "counts.json"
        command = [sys.executable, str(Path(__file__).parent / "support" / "cost_counter.py"), str(counts)]
        command += arguments if arguments == ("--help",) else [mirrored.write(), *arguments]
        done = subprocess.run(command, env={**fetchers.environment(), "HOME": str(tmp_path)}, capture_output=True, text=True)
        assert done.returncode == status, done.stderr
        figures = json.loads(counts.read_text())
        return Cost(upstream.asked(), figures, frozenset(figures.pop("modules")), sum(sent))

    return run


def heavy(modules: frozenset[str]) -> set[str]:
    """Give what of the modules is not for every run."""
    return {name for name in modules if any(name == one or name.startswith(f"{one}.") for one in HEAVY)}


@pytest.fixture(scope="module")
def of_http() -> frozenset[str]:
    """What importing http.client brings along, in an interpreter of its own."""
    code = "import sys, http.client; print(*sys.modules)"
    return frozenset(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_help_imports_next_to_nothing(cost: Run) -> None:
    found = cost("--help")
    assert heavy(found.modules) == set()
    assert {name for name in found.modules if name.startswith(("pypimirror", "zope"))} == {
        "pypimirror", "pypimirror.cli", "pypimirror.errors",
        # What is printed passes through these, also what is wrong with an argument.
        "pypimirror.names", "pypimirror.secret", "pypimirror.report", "pypimirror.report.safe_stream", "pypimirror.verbs"}
    assert len(found.modules) < 60, sorted(found.modules)


def test_a_run_in_which_nothing_changed_asks_for_the_list_alone(cost: Run, of_http: frozenset[str]) -> None:
    cost("sync", "-q")
    cost("sync", "-q")
    found = cost("sync", "-q")
    assert found.requests == ["/simple/"]
    assert found.sent == 0
    assert heavy(found.modules) == set()
    modules = found.modules - of_http
    assert len(modules) < 241, sorted(modules)  # with some 20 of pycurl and of what it imports, 9 of the contracts
    assert found.figures["rows"] <= 4, "when the run was, and whether it was good"
    assert found.figures.get("processes", 0) == 0
    # Listed: what is unfinished. Read: the configuration, and folders on the way to what is looked at. Written: lock and log.
    limits = {"listed": 1, "read": 8, "written": 2, "connected": 1}
    assert {what: found.figures[what] for what in limits if found.figures.get(what, 0) > limits[what]} == {}


def test_without_an_etag_the_list_is_read_and_nothing_else(cost: Run, upstream: Upstream) -> None:
    upstream.etags = False
    cost("sync", "-q")
    found = cost("sync", "-q")
    assert found.requests == ["/simple/"]
    assert heavy(found.modules) == set()
    assert found.figures["rows"] <= 5


def test_what_one_changed_project_costs_does_not_depend_on_the_others(cost: Run, upstream: Upstream) -> None:
    cost("sync", "-q")
    upstream.add("project-3", wheel("project-3", "2"))
    found = cost("sync", "-q")
    assert not {"requests", "urllib3"} & found.modules
    # Its metadata come out of the wheel.
    assert found.requests == ["/simple/", "/simple/project-3/", "/files/project-3/project_3-2-py3-none-any.whl"]
    assert found.figures["rows"] < 20, found.figures
    assert found.figures["commits"] < 10, found.figures


def test_a_first_run_asks_for_each_page_and_each_file_once(cost: Run) -> None:
    found = cost("sync", "-q")
    assert not {"requests", "urllib3", "certifi"} & found.modules
    pages = [f"/simple/project-{number}/" for number in range(PROJECTS)]
    files = [f"/files/project-{number}/project_{number}-1-py3-none-any.whl" for number in range(PROJECTS)]
    assert sorted(found.requests) == sorted(["/simple/", *pages, *files])
    assert found.figures["rows"] < 10 * PROJECTS + 20, found.figures


@pytest.mark.heavy
def test_many_projects_are_kept_in_few_transactions(cost: Run, upstream: Upstream) -> None:
    few = cost("sync", "-q")
    assert few.figures["commits"] < 20, few.figures
    for number in range(PROJECTS, 6 * PROJECTS):
        upstream.add(f"project-{number}", wheel(f"project-{number}", "1"))
    many = cost("sync", "-q")
    # One each half second at least, and far fewer than projects.
    assert many.figures["commits"] < 6 * PROJECTS, (few.figures, many.figures)


def test_a_directory_as_upstream_needs_no_connection(cost: Run, mirrored: Mirrored, tmp_path: Path) -> None:
    cost("sync", "-q")
    whole = mirrored.root
    mirrored.root = tmp_path / "second"
    mirrored.settings.update(mirror_file_path=mirrored.root, index_url=whole)
    found = cost("sync", "-q")
    assert found.requests == []
    assert found.figures.get("connected", 0) == 0
    assert len(mirrored.files("project-3")) == 1


@pytest.mark.heavy
def test_many_projects_cost_a_run_without_changes_no_more(cost: Run, upstream: Upstream) -> None:
    cost("sync", "-q")
    cost("sync", "-q")
    few = cost("sync", "-q")
    for number in range(PROJECTS, 5 * PROJECTS):
        upstream.add(f"project-{number}", wheel(f"project-{number}", "1"))
    cost("sync", "-q")
    cost("sync", "-q")
    many = cost("sync", "-q")
    assert many.figures == few.figures
    assert many.modules == few.modules
