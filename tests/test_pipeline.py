"""The first round of a run: what is added is published while other projects are evaluated; what is removed waits for all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pypimirror.state.database import BEGUN, DUE, State
from support.dask_cluster import wait_for
from support.mirror import Mirrored
from support.upstream import Upstream, wheel


@pytest.fixture
def slow(upstream: Upstream) -> threading.Event:
    """Let the page of the project ``slow`` wait for the event."""
    go = threading.Event()
    for name in ("one", "slow", "two"):
        upstream.add(name, wheel(name, "1"))

    def answer(handler: Any) -> None:
        assert go.wait(60)
        handler.reply(*upstream.respond(handler.path, handler.headers))

    upstream.answers["/simple/slow/"] = answer
    return go


@pytest.fixture
def running(mirrored: Mirrored, slow: threading.Event) -> Any:
    """Return a function that starts a sync in a thread; it returns one that waits for the exit status."""
    mirrored.settings["timeout"] = 60
    statuses: list[int] = []
    threads: list[threading.Thread] = []

    def start(*arguments: str) -> Any:
        thread = threading.Thread(target=lambda: statuses.append(mirrored.run("sync", *arguments)))
        thread.start()
        threads.append(thread)

        def end() -> int:
            slow.set()
            thread.join()
            return statuses.pop()

        return end

    yield start
    slow.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("settings", [{}, {"fetcher": "requests"}, {"engine": "processes"}], ids=str)
@pytest.mark.heavy
def test_projects_are_published_while_the_page_of_another_one_is_slow(
        mirrored: Mirrored, running: Any, settings: dict[str, Any]) -> None:
    mirrored.settings |= settings
    end = running("--yes")
    wait_for(lambda: (mirrored.root / "one" / "index.html").exists() and (mirrored.root / "two" / "index.html").exists())
    assert not (mirrored.root / "index.html").exists()
    assert end() == 0
    assert mirrored.untrue() == []
    here = sorted(path.name for path in mirrored.root.rglob("*.whl"))
    assert here == [wheel(name, "1")[0] for name in ("one", "slow", "two")]


@pytest.mark.parametrize("limit", ["10G 5000 projects", "5000 projects"])
def test_a_first_fetch_that_may_need_a_confirmation_publishes_small_projects_at_once(
        mirrored: Mirrored, running: Any, limit: str) -> None:
    mirrored.settings["confirm_above"] = limit
    end = running()
    wait_for(lambda: (mirrored.root / "one" / "index.html").exists() and (mirrored.root / "two" / "index.html").exists())
    assert end() == 0
    assert mirrored.untrue() == []


def test_its_larger_projects_wait_for_all_evaluations(mirrored: Mirrored, upstream: Upstream, running: Any) -> None:
    mirrored.settings["confirm_above"] = "100K"
    end = running()
    wait_for(lambda: {"/simple/one/", "/simple/two/", "/simple/slow/"} <= set(upstream.requests))
    assert end() == 0
    files = [at for at, path in enumerate(upstream.requests) if path.startswith("/files/")]
    assert min(files) > max(at for at, path in enumerate(upstream.requests) if path.startswith("/simple/"))


def test_a_removal_waits_for_all_evaluations(
        mirrored: Mirrored, upstream: Upstream, slow: threading.Event, running: Any) -> None:
    slow.set()
    assert mirrored.run("sync") == 0
    slow.clear()
    upstream.add("one", wheel("one", "2"))
    upstream.remove("one", wheel("one", "1")[0])
    upstream.add("two", wheel("two", "2"))
    end = running("-I")
    wait_for(lambda: (mirrored.root / "two" / wheel("two", "2")[0]).exists())
    assert not (mirrored.root / "one" / wheel("one", "2")[0]).exists()
    assert wheel("one", "1")[0] in mirrored.read("one/index.html")
    assert end() == 0
    assert mirrored.untrue() == []
    assert mirrored.files("one") == [wheel("one", "2")[0]]


def test_a_run_fetches_each_file_once(mirrored: Mirrored, upstream: Upstream, slow: threading.Event) -> None:
    slow.set()
    assert mirrored.run("sync") == 0
    assert sorted(path for path in upstream.asked() if path.endswith(".whl")) == [
        f"/files/{name}/{wheel(name, '1')[0]}" for name in ("one", "slow", "two")]


@contextmanager
def state(mirrored: Mirrored, write: bool = False) -> Iterator[State]:
    """Open the state of a mirror; to read it also while a run writes it."""
    found = State(str(mirrored.root / ".pypimirror"))
    assert found.open() is None if write else found.open_to_read()
    try:
        yield found
    finally:
        found.close()


@pytest.mark.parametrize("settings", [{}, {"engine": "processes"}], ids=str)
def test_the_state_marks_a_new_project_before_anything_of_it_is_written(
        mirrored: Mirrored, upstream: Upstream, settings: dict[str, Any]) -> None:
    mirrored.settings |= settings
    upstream.add("one", wheel("one", "1"))
    seen: list[Any] = []

    def answer(handler: Any) -> None:
        with state(mirrored) as at:
            row = at.row("one")
            seen.append((row and row.pending, at.record("one"), (mirrored.root / "one").exists()))
        handler.reply(*upstream.respond(handler.path, handler.headers))

    upstream.answers[f"/files/one/{wheel('one', '1')[0]}"] = answer
    assert mirrored.run("sync", "--yes") == 0
    assert seen == [(DUE | BEGUN, None, False)]
    with state(mirrored) as at:
        assert at.pending() == [] and at.record("one")


def test_what_an_interrupted_step_left_of_a_new_project_is_published_or_removed(
        mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("other", wheel("other", "1"))
    assert mirrored.run("sync") == 0
    for name, content in (wheel("one", "1"), wheel("one", "2")):
        (mirrored.root / "one").mkdir(exist_ok=True)
        (mirrored.root / "one" / name).write_bytes(content)
    with state(mirrored, write=True) as at:
        assert at.add("one") and not at.add("one") and not at.add("other")
    upstream.add("one", wheel("one", "2"))  # upstream has removed the other one meanwhile
    upstream.requests.clear()
    assert mirrored.run("sync") == 0
    assert mirrored.untrue() == []
    assert sorted(path.name for path in (mirrored.root / "one").glob("*.whl")) == [wheel("one", "2")[0]]
    assert not [path for path in upstream.asked() if path.endswith(".whl")]


def test_a_misspelt_name_is_reported_also_after_an_interrupted_run(mirrored: Mirrored, upstream: Upstream,
                                                                  capsys: pytest.CaptureFixture[str]) -> None:
    mirrored.settings["package_matches"] = "one\n  oen"
    upstream.add("one", wheel("one", "1"))
    mirrored.root.mkdir()
    with state(mirrored, write=True) as at:
        at.recovered()
        assert at.add("oen")
    assert mirrored.run("sync") == 1
    assert "oen: not found at" in capsys.readouterr().err
    assert mirrored.files("one") == [wheel("one", "1")[0]]
