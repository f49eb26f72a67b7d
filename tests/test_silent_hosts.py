"""An upstream that takes connections and does not answer: a run gives it up, says so once, and loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pypimirror.errors import FetchError
from pypimirror.http.silent_hosts import SilentHosts
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

NUMBER = 40


@pytest.fixture
def silent(mirrored: Mirrored, upstream: Upstream) -> Iterator[Mirrored]:
    """A mirror of some projects whose upstream falls silent after it has answered a first sync."""
    for number in range(NUMBER):
        upstream.add(f"p{number}", wheel(f"p{number}", "1.0"))
    mirrored.settings |= {"timeout": "1", "retries": "1", "workers": "4"}
    assert mirrored.run("sync") == 0
    over = threading.Event()
    upstream.answers |= {f"/simple/p{number}/": lambda handler: over.wait(120) for number in range(NUMBER)}
    yield mirrored
    over.set()


@pytest.mark.parametrize("fetcher", ["requests", "pycurl"])
def test_a_run_gives_a_silent_host_up_and_the_next_one_tries_again(
        silent: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str], fetcher: str) -> None:
    if fetcher == "pycurl":
        pytest.importorskip("pycurl")
    silent.settings["fetcher"] = fetcher
    before = silent.tree()
    upstream.asked()
    capsys.readouterr()
    assert silent.run("sync", "-I") == 1
    # Four at once, each for a second at least, and no more after two seconds: without a limit they were 80.
    assert len([path for path in upstream.asked() if path != "/simple/"]) <= NUMBER / 2
    told = [line for line in capsys.readouterr().err.splitlines() if "no answer from this host for" in line]
    assert len(told) == 1 and "this run sends it no more" in told[0]
    assert silent.tree() == before
    upstream.answers.clear()
    assert silent.run("sync", "-I") == 0
    assert not silent.untrue()


def test_an_answer_ends_the_silence_and_other_hosts_are_not_affected() -> None:
    hosts = SilentHosts(0, 2)
    one, other = "https://one.example.com/x", "https://other.example.com/x"
    hosts.failed(one, 0)
    hosts.answered("https://ONE.example.com:443/y")
    hosts.failed(one, 0)
    hosts.check(one)
    hosts.failed(one, 0)
    with pytest.raises(FetchError, match=r"one\.example\.com/y: no answer from this host for \d+ seconds \(2 requests\)"):
        hosts.check("https://one.example.com/y")
    hosts.check(other)
    hosts.failed("https://[/", 0)
    hosts.check("https://[/")


def test_a_host_is_not_given_up_before_the_time_of_all_attempts() -> None:
    hosts = SilentHosts(1e9, 2)
    for _ in range(100):
        hosts.failed("https://one.example.com/", 0)
    hosts.check("https://one.example.com/")
