"""The time of each filter: in the report, and a warning about a slow one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pypimirror.sync import filter_times
from support.mirror import Mirrored
from support.upstream import Upstream, sdist
from test_registry import written


def report(mirrored: Mirrored) -> Any:
    assert mirrored.run("-I", "--report", "report.json") == 0
    with open("report.json", encoding="utf-8") as stream:
        return json.load(stream)


@pytest.mark.parametrize("engine", ["threads", "processes"])
@pytest.mark.heavy
def test_a_slow_filter_is_named_with_its_time(mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch,
                                              engine: str) -> None:
    monkeypatch.chdir(mirrored.config.parent)
    for name in ("one", "two"):
        upstream.add(name, sdist(name, "1"))
    file = written(mirrored.config.parent, '<pypimirror:filter name="plain" factory="test_registry.Good" />').file
    mirrored.settings |= {"zcml": file, "engine": engine, "filename_matches": "*.gz"}
    found = report(mirrored)
    plain = f"filter 'plain' ({file}:2)"
    assert {entry["filter"]: entry["projects"] for entry in found["filters"]} == {plain: 2, "filter 'filename-matches'": 2}
    assert all(entry["seconds"] >= 0 for entry in found["filters"])
    assert found["notices"] == []
    monkeypatch.setattr(filter_times, "_SECONDS", 0)
    monkeypatch.setattr(filter_times, "_SHARE", 0)
    (notice,) = report(mirrored)["notices"]
    assert re.match(re.escape(plain) + r" took \d+\.\d s for 2 projects, in a run of \d+\.\d s: ", notice)


@pytest.mark.parametrize(("seconds", "runtime", "slow"), [(9.9, 10, False), (10, 50, True), (10, 51, False), (200, 100, True)])
def test_what_is_slow(seconds: float, runtime: float, slow: bool) -> None:
    assert filter_times.is_slow(seconds, runtime) is slow
