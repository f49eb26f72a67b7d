"""What a run costs follows what changed, not what is there: counted, not timed (benchmarks/changed.py)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from support.wheelhouse import CHECKOUT

CHANGED = 5


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark as a module."""
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    import changed as module

    yield module
    sys.modules.pop("changed")


@pytest.mark.heavy
def test_requests_files_and_pages_follow_what_changed(changed: Any, tmp_path: Path) -> None:
    figures: dict[int, dict[str, dict[str, Any]]] = {}
    for projects in (50, 1500):
        bench = changed.Bench(tmp_path / str(projects), projects, CHANGED)
        try:
            bench.grow()
            figures[projects] = {run: bench.measured(run) for run in changed.RUNS}
        finally:
            bench.close()
    few, many = figures.values()
    counts = ("requests", "opened", "listed", "placed")
    for run in changed.RUNS:
        assert [many[run][key] for key in counts] == [few[run][key] for key in counts], run
    # The list; for each project that changed a page and a file.
    assert [many[run]["requests"] for run in changed.RUNS] == [1, 1, 1 + 2 * CHANGED]
    # A file and two pages each, and three pages about all.
    assert [many[run]["placed"] for run in changed.RUNS] == [0, 0, 3 * CHANGED + 3]
    # The folders of the projects that changed.
    assert [many[run]["listed"] for run in changed.RUNS] == [0, 0, CHANGED]
    # The pages about all projects tell of all of them, though only a few are there.
    assert many["changed"]["roots_mb"] > 10 * few["changed"]["roots_mb"]
