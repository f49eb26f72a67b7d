"""Ctrl-C while a host is waited for."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from support.mirror import Mirrored
from support.upstream import Upstream, wheel

pytestmark = pytest.mark.usefixtures("each_fetcher")


@pytest.mark.parametrize("where", ["/simple/", "/simple/one/", f"/files/one/{wheel('one', '1')[0]}"])
def test_ctrl_c_ends_a_run_that_waits_for_a_host(
        mirrored: Mirrored, upstream: Upstream, where: str, each_fetcher: str) -> None:
    asked, over = threading.Event(), threading.Event()

    def hang(handler: Any) -> None:
        asked.set()
        over.wait(120)
        handler.close_connection = True

    upstream.add("one", wheel("one", "1"))
    upstream.answers[where] = hang
    # With requests the run waits for its threads: until the timeout in one place, until the host hangs up in the others.
    released = each_fetcher == "requests" and where != "/simple/one/"
    mirrored.settings["timeout"] = 5 if each_fetcher == "requests" and not released else 60
    command = [sys.executable, "-m", "pypimirror", str(mirrored.write()), "sync"]
    try:
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert asked.wait(60)
                process.send_signal(signal.SIGINT)
                if released:
                    over.set()
                _, told = process.communicate(timeout=60 if each_fetcher == "requests" else 30)
            finally:
                process.kill()
    finally:
        over.set()
    assert process.returncode == 130 and "Traceback" not in told, told
    assert not (mirrored.root / ".pypimirror/tmp").is_dir() or not list((mirrored.root / ".pypimirror/tmp").iterdir())
    del upstream.answers[where]
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") and mirrored.untrue() == []
