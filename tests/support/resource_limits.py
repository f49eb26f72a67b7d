"""Runs a function in a process of its own that may take so much processor time and memory, and no more."""

from __future__ import annotations

import os
import resource
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

#: Seconds of processor time; on any machine many times what is needed, and far less than what the square of the size takes.
SECONDS = 30
#: Bytes beyond what the process has at its start.
MEMORY = 1 << 30


def bounded(function: Callable[[], Any], seconds: int = SECONDS, memory: int = MEMORY) -> None:
    """Fail unless the function returns within the bounds."""
    child = os.fork()
    if child == 0:
        status = 1
        # What measures coverage would take half of the time, and what it finds here is lost at the end.
        sys.settrace(None)
        try:
            used = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime)
            with open("/proc/self/statm", encoding="ascii") as stream:
                size = int(stream.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, used + seconds))
            resource.setrlimit(resource.RLIMIT_AS, (size + memory, size + memory))
            function()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, code = os.waitpid(child, 0)
    if os.WIFSIGNALED(code):
        pytest.fail(f"ended by signal {os.WTERMSIG(code)}: more than {seconds} s of processor time")
    assert os.WEXITSTATUS(code) == 0, "see the traceback: more memory than is allowed, or an error"


def limited(function: Callable[[], int], memory: int) -> None:
    """Fail unless the function returns 0 in a process that takes at most so many bytes of private memory more."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with open("/proc/self/status", encoding="ascii") as stream:
                size = next(int(line.split()[1]) << 10 for line in stream if line.startswith("VmData:"))
            resource.setrlimit(resource.RLIMIT_DATA, (size + memory, size + memory))
            status = function()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, code = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(code) == 0, "see the output: more memory than is allowed, or an error"
