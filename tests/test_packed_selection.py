"""The files of a project are selected once in a run; the selection travels from the evaluation to publishing and plan."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from zope.interface import implementer

from pypimirror import interfaces
from pypimirror.model import File, Project
from pypimirror.selected import LeftOut, Selected, Unmet
from pypimirror.sync.packed_selection import pack, unpack
from pypimirror.zcml.builtin import NAMESPACE
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

#: Calls of the filter by project.
CALLS: Counter[str] = Counter()
#: What the filter excludes.
EXCLUDED: set[str] = set()


@implementer(interfaces.IFilter)
class CountingFilter:
    active, applies_to_pins, reason = True, True, "excluded by the test"

    def __init__(self, settings: Any):
        pass

    def select(self, project: Project) -> list[File]:
        CALLS[project.name] += 1
        return [file for file in project.files if file.filename not in EXCLUDED]


@pytest.fixture
def counted(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Mirrored:
    """A mirror with the filter."""
    CALLS.clear()
    EXCLUDED.clear()
    path = tmp_path / "counting.zcml"
    path.write_text(f'<pypimirror:filter xmlns:pypimirror="{NAMESPACE}" name="counting" '
                    f'factory="{__name__}.CountingFilter" />\n')
    mirrored.settings["zcml"] = path
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"), wheel(name, "2"))
    return mirrored


def calls() -> dict[str, int]:
    """Return the calls since the last time."""
    found = dict(CALLS)
    CALLS.clear()
    return found


def test_a_selection_is_the_same_after_its_way() -> None:
    files = tuple(File(f"demo-{number}.tar.gz", "", {"sha256": str(number)}) for number in range(70))
    left_out = (LeftOut(files[0], "old", "a"), LeftOut(files[2], "old", "a"), LeftOut(files[1], "old", "b"),
                LeftOut(files[69], "not pinned"))
    selected = Selected(files[3:69], left_out, 7.5, (Unmet("9", ("old",)),), 3)
    project = Project("demo", files)
    assert unpack(pack(selected, project), project) == selected
    assert unpack(pack(Selected(), project), project) == Selected()
    assert unpack(pack(Selected(files, due=7.5), project), project) == Selected(files, due=7.5)
    assert unpack(pack(Selected(), Project("demo")), Project("demo")) == Selected()


def test_filters_run_once_a_project_and_run(counted: Mirrored, upstream: Upstream) -> None:
    EXCLUDED.add(wheel("one", "1")[0])
    assert counted.run("sync") == 0
    assert calls() == {"one": 1, "two": 1}
    assert counted.files("one") == [wheel("one", "2")[0]]
    upstream.add("one", wheel("one", "3"))
    upstream.remove("two", wheel("two", "1")[0])
    assert counted.run("sync") == 0
    assert calls() == {"one": 1, "two": 1}
    assert counted.files("one") == [wheel("one", "2")[0], wheel("one", "3")[0]]
    assert counted.files("two") == [wheel("two", "2")[0]]
    assert counted.untrue() == []


def test_filters_run_once_where_nothing_is_requested(counted: Mirrored) -> None:
    assert counted.run("sync") == 0
    calls()
    counted.settings["latest_releases"] = 1
    assert counted.run("sync") == 0
    assert calls() == {"one": 1, "two": 1}
    assert counted.files("one") == [wheel("one", "2")[0]]


def test_filters_run_once_in_a_plan(counted: Mirrored, capsys: pytest.CaptureFixture[str]) -> None:
    EXCLUDED.add(wheel("one", "1")[0])
    assert counted.run("plan", "--files") == 0
    assert calls() == {"one": 1, "two": 1}
    assert "excluded by the test" in capsys.readouterr().out


def test_filters_run_again_where_removals_are_held_back(
        counted: Mirrored, upstream: Upstream) -> None:
    upstream.add("many", *(wheel("many", str(number)) for number in range(20)))
    assert counted.run("sync") == 0
    calls()
    upstream.remove("many", *(wheel("many", str(number))[0] for number in range(1, 20)))
    assert counted.run("sync") == 4
    assert calls() == {"many": 2}
    assert len(counted.files("many")) == 20
    assert counted.untrue() == []
