"""The simulation behind docs/all-of-pypi.rst: where one thing alone holds a run up, it says what arithmetic says."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from support.wheelhouse import CHECKOUT


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    import all_of_pypi as module

    yield module
    sys.modules.pop("all_of_pypi")


def test_a_narrow_link_takes_its_bytes_time(simulation: Any) -> None:
    given = simulation.parser().parse_args(["--page-bytes", "0"])
    taken = simulation.simulated(simulation.Work(1000, 500_000, 1e11), simulation.Machines(1, 8, 1e7, 50), given)
    assert taken.seconds == pytest.approx(1e11 * 8 / 1e7, rel=0.05)
    assert taken.held_up_by == "the link"


def test_a_far_upstream_takes_a_round_trip_for_each_request_in_each_place(simulation: Any) -> None:
    nothing = ("--cpu-file", "0", "--cpu-project", "0")
    given = simulation.parser().parse_args(["--latency", "500", "--connection", "1e12", *nothing])
    taken = simulation.simulated(simulation.Work(100_000, 100_000, 1e6), simulation.Machines(1, 8, 1e11, 20), given)
    assert taken.seconds == pytest.approx(200_000 * 0.5 / 20, rel=0.05)
    assert taken.held_up_by == "upstream's distance"


def test_slow_processors_take_their_time_shared_among_them(simulation: Any) -> None:
    given = simulation.parser().parse_args(["--cpu-file", "100", "--cpu-project", "100", "--cpu-gigabyte", "0"])
    work = simulation.Work(50_000, 50_000, 1e6)
    for machines in (1, 4):
        taken = simulation.simulated(work, simulation.Machines(machines, 2, 1e11, 400), given)
        assert taken.seconds == pytest.approx(100_000 * 0.1 / (2 * machines), rel=0.05)
        assert taken.held_up_by == "the processors"


def test_sizes_have_the_sum_that_is_asked_for_and_no_giant(simulation: Any) -> None:
    drawn = simulation.sizes(10_000, 1.7e10, 60e3, 1e9)
    assert sum(drawn) == pytest.approx(1.7e10)
    assert drawn == sorted(drawn) and 20 * drawn[5000] < sum(drawn) / 10_000
