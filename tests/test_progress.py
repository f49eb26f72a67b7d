"""What a terminal shows while a run works: amount, percentage, rate and time left."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from pypimirror import events
from pypimirror.model import Change
from pypimirror.report import meters
from pypimirror.report.progress import Progress
from pypimirror.report.safe_stream import SafeStream
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

KINDS = {"tqdm": meters.TqdmMeter, "plain": meters.PlainMeter}


@pytest.fixture(params=KINDS)
def shown(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A function that sends events and returns the lines that were shown, overwritten ones too."""
    monkeypatch.setattr(meters, "_PAUSE", 0)
    monkeypatch.setattr("pypimirror.report.progress.meter", KINDS[request.param])

    def show(*sent: object) -> list[str]:
        stream = io.StringIO()
        progress = Progress(SafeStream(stream))
        for event in sent:
            progress.notify(event)
        progress.close()
        text = stream.getvalue()
        assert "\\r" not in text, "the stream has escaped a control character"
        return [line for line in re.split(r"[\r\n]|\x1b\[K", text) if line.strip()]

    return show


def plan(**values: object) -> events.PlanMade:
    return events.PlanMade(**{"projects": 2, "files": 4, "bytes": 4_000_000, "unsized": 0, "remove": 0, "free": None, **values})


def stored(size: int = 1_000_000, how: str = "fetched") -> events.FileStored:
    return events.FileStored("demo", "demo-1.0.tar.gz", size, how)


def test_bytes_count_where_all_sizes_are_known(shown: Callable[..., list[str]]) -> None:
    lines = shown(events.EvaluationStarted(2), events.ProjectEvaluated(Change("a")), plan(), stored(), stored(),
                  events.ProjectPublished("demo", True), stored())
    assert re.search(r"evaluate: +50%.*1(/| of )2", "\n".join(lines))
    assert "2 projects, 4 files with 4.0 MB to fetch" in lines
    assert re.search(r"fetch: +75%.*3\.0\S* ?(MB of |M/)4\.0.*1 of 2 projects, 3 of 4 files", lines[-1])


def test_files_count_where_a_size_is_unknown_and_projects_where_nothing_is_fetched(shown: Callable[..., list[str]]) -> None:
    assert re.search(r"fetch: +25%.*1(/| of )4", shown(plan(unsized=1), stored())[-1])
    assert re.search(r"publish: +50%.*1(/| of )2", shown(plan(files=0, bytes=0), events.ProjectPublished("a", True))[-1])


def test_files_published_before_the_plan_count(shown: Callable[..., list[str]]) -> None:
    lines = shown(events.EvaluationStarted(2), stored(), plan(), stored(), stored(how="kept"))
    assert re.search(r"fetch: +50%", lines[-1]) and "2 of 4 files" in lines[-1]


def test_before_the_plan_it_tells_what_is_known_so_far(shown: Callable[..., list[str]]) -> None:
    lines = shown(events.EvaluationStarted(4), events.ProjectEvaluated(Change("a", fetch=3, fetch_bytes=3_000_000)), stored(),
                  events.ProjectEvaluated(Change("b", fetch=1, fetch_bytes=500_000)))
    text = "\n".join(lines)
    assert re.search(r"evaluate: +25%.*0 of 3 files so far, 0 bytes of 3\.0 MB", text)
    assert re.search(r"evaluate: +50%.*1 of 4 files so far, 1\.0 MB of 3\.5 MB", lines[-1])


def test_a_verification_counts_bytes(shown: Callable[..., list[str]]) -> None:
    lines = shown(events.VerificationStarted(2, 3, 3000), events.ProjectVerified("a", 2, 1500))
    assert re.search(r"verify: +50%.*1 of 2 projects, 2 of 3 files", lines[-1])


def test_problems_and_the_end_are_lines_that_stay(shown: Callable[..., list[str]]) -> None:
    lines = shown(plan(), stored(), events.Problem("demo", "\x1b[2Jhttps://x/: status 500"), stored(),
                  events.RunFinished(1, 2.0))
    assert "demo: \\x1b[2Jhttps://x/: status 500" in lines
    assert lines[-1] == "run ended with 1 after 2.0 s"


def test_tqdm_shows_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "_PAUSE", 0)
    stream = io.StringIO()
    progress = Progress(stream)
    for event in (plan(), stored(), stored()):
        progress.notify(event)
    assert re.search(r"fetch:  50%\|.*\| 2\.00M/4\.00M \[\d\d:\d\d<\d\d:\d\d, [\d.]+\w?B/s, ", stream.getvalue())


def test_without_the_library_the_line_is_a_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.std", None)
    assert isinstance(meters.meter(io.StringIO()), meters.PlainMeter)


def test_the_library_is_loaded_on_a_terminal_only(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    code = ("import sys; from pypimirror.cli import main; status = main(None, sys.argv[1:]); "
            "print('loaded:', 'tqdm' in sys.modules, flush=True); raise SystemExit(status)")
    command = [sys.executable, "-c", code, mirrored.write(), "sync"]
    assert "loaded: False" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    leader, follower = os.openpty()
    done = subprocess.run(command, stdin=follower, stdout=subprocess.PIPE, stderr=follower, text=True, check=True)
    os.close(leader)
    os.close(follower)
    assert "loaded: True" in done.stdout
