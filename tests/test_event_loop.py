"""The event loop: readers, timers, calls from other threads and signal handlers, exceptions."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pypimirror.http.event_loop import EventLoop


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = EventLoop()
    yield made
    made.close()


def test_calls_are_made_in_order_and_those_that_they_add_after_a_look_at_descriptors(loop: EventLoop) -> None:
    told: list[str] = []
    reader, writer = os.pipe()

    def readable() -> None:
        told.append(os.read(reader, 9).decode())
        loop.remove_reader(reader)

    def first() -> None:
        told.append("first")
        os.write(writer, b"read")
        loop.call_soon(told.append, "added")
        loop.call_soon(loop.stop)

    loop.add_reader(reader, readable)
    loop.call_soon(first)
    loop.call_soon(told.append, "second")
    loop.run()
    os.close(reader)
    os.close(writer)
    assert told == ["first", "second", "added", "read"]


def test_timers_are_called_by_time_and_a_cancelled_one_is_not(loop: EventLoop) -> None:
    told: list[str] = []
    loop.call_later(0.02, loop.stop)
    loop.call_later(0.01, told.append, "later")
    loop.call_later(0, told.append, "soon")
    loop.call_later(0, told.append, "as soon")
    loop.call_later(0, told.append, "never").cancel()
    loop.run()
    assert told == ["soon", "as soon", "later"]


def test_another_thread_wakes_the_loop(loop: EventLoop) -> None:
    told: list[Any] = []
    threading.Timer(0.05, loop.call_soon_threadsafe, (lambda: (told.append(threading.current_thread()), loop.stop()),)).start()
    loop.run()  # without a timer it waits for nothing else
    assert told == [threading.main_thread()]


def test_more_calls_of_threads_than_the_wakes_that_fit(loop: EventLoop) -> None:
    told: list[int] = []

    def fill() -> None:
        for number in range(100_000):
            loop.call_soon_threadsafe(told.append, number)
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=fill)
    thread.start()
    thread.join()
    loop.run()
    assert told == list(range(100_000))


def test_an_exception_ends_the_run_and_what_was_ready_is_called_by_the_next_one(loop: EventLoop) -> None:
    told: list[str] = []

    def fail() -> None:
        raise LookupError("here")

    loop.call_soon(fail)
    loop.call_soon(told.append, "next")
    loop.call_soon(loop.stop)
    with pytest.raises(LookupError, match="here"):
        loop.run()
    assert told == []
    loop.run()
    assert told == ["next"]


def test_a_signal_handler_ends_the_run_after_the_present_call(loop: EventLoop) -> None:
    told: list[str] = []

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        told.append("whole")

    before = signal.signal(signal.SIGUSR1, lambda *_: loop.interrupt())
    try:
        loop.call_soon(kill)
        loop.call_soon(told.append, "next")
        loop.call_soon(loop.stop)
        loop.run()
        assert told == ["whole"]
        loop.run()
        assert told == ["whole", "next"]
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        loop.run()  # it waits, and for nothing else
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_after_close_calls_and_a_second_close_do_nothing(loop: EventLoop) -> None:
    told: list[str] = []
    loop.call_soon(told.append, "forgotten")
    loop.close()
    loop.call_soon_threadsafe(told.append, "late")
    loop.interrupt()
    loop.close()
    assert told == []


def test_closed_loops_leave_no_descriptors() -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = opened()
    for _ in range(5):
        EventLoop().close()
    assert opened() == before
