"""Greenlets on an event loop, the number of requests in flight, and work on many items at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from pypimirror.errors import FetchError
from pypimirror.http import cooperation
from pypimirror.http.cooperation import Loop
from pypimirror.http.limiter import RequestLimiter
from pypimirror.http.side_by_side import SideBySide
from pypimirror.model import Head
from support.dask_cluster import wait_for
from support.fetchers import Body

pytest.importorskip("pycurl", reason="pycurl is not installed: the extra [fast]")

import greenlet
from greenlet import GreenletExit

from pypimirror.http.curl_selector import CurlSelector


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop(CurlSelector(10))
    yield made
    made.close()


def run(loop: Loop, *functions: Callable[[], Any]) -> list[Any]:
    """Run functions in greenlets until all are done; return what they return, in order."""
    results: list[Any] = [None] * len(functions)
    left = len(functions)

    def one(number: int) -> None:
        nonlocal left
        try:
            results[number] = functions[number]()
        finally:
            left -= 1
            if not left:
                loop.stop()

    for number in range(len(functions)):
        loop.start(one, number)
    loop.run()
    return results


def test_greenlets_take_turns_while_they_wait(loop: Loop) -> None:
    noted: list[str] = []

    def one(name: str) -> None:
        for _ in range(3):
            noted.append(name)
            cooperation.sleep(0)

    run(loop, lambda: one("a"), lambda: one("b"))
    assert noted == list("ababab")


def test_sleeping_greenlets_keep_nobody_waiting(loop: Loop) -> None:
    began, asleep = time.monotonic(), []

    def one() -> int:
        asleep.append(True)
        cooperation.sleep(0.1)
        return len(asleep)

    assert run(loop, *[one] * 50) == [50] * 50
    assert time.monotonic() - began >= 0.1


def test_a_future_is_waited_for_whoever_sets_it(loop: Loop) -> None:
    here, there, done, failed = Future[int](), Future[int](), Future[int](), Future[int]()
    done.set_result(3)
    failed.set_exception(ValueError("four"))

    def fails() -> str:
        with pytest.raises(ValueError, match="four"):
            cooperation.wait(failed)
        return "failed"

    thread = threading.Timer(0.1, there.set_result, [2])
    thread.start()
    found = run(loop, lambda: cooperation.wait(here), lambda: here.set_result(1), lambda: cooperation.wait(there),
                lambda: cooperation.wait(done), fails)
    thread.join()
    assert found == [1, None, 2, 3, "failed"]


def test_futures_that_other_threads_set_at_once_wake_all(loop: Loop) -> None:
    futures = [Future[int]() for _ in range(2000)]

    def settle() -> None:
        for number, future in enumerate(futures):
            future.set_result(number)

    thread = threading.Thread(target=settle)
    functions = [lambda future=future: cooperation.wait(future) for future in futures]
    found = run(loop, *functions[:-1], lambda: thread.start() or cooperation.wait(futures[-1]))
    thread.join()
    assert found == list(range(2000))


def test_a_turn_ends_the_wait_of_a_greenlet_or_a_thread_from_any_thread(loop: Loop) -> None:
    turns: list[cooperation.Turn] = []
    created = threading.Semaphore(0)

    def waits(name: str) -> str:
        turn = cooperation.Turn()
        turns.append(turn)
        created.release()
        turn.wait()
        return name

    def others() -> None:
        for _ in range(3):
            assert created.acquire(timeout=60)
        turns[0].come()
        turns[2].come()

    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.append(waits("thread")))
    coming = threading.Thread(target=others)

    def starts() -> None:
        waiting.start()
        coming.start()

    assert run(loop, lambda: waits("one"), lambda: waits("two"), lambda: turns[1].come(), starts) == ["one", "two", None, None]
    for thread in (waiting, coming):
        thread.join(60)
    assert found == ["thread"]


def test_what_is_ready_is_called_although_one_of_it_fails(loop: Loop) -> None:
    called: list[str] = []

    def fails() -> None:
        raise ValueError("one")

    loop.soon(fails)
    loop.soon(lambda: called.append("two"))
    with pytest.raises(ValueError, match="one"):
        loop.run()
    loop.soon(lambda: (called.append("three"), loop.stop()))
    loop.run()
    assert called == ["two", "three"]


def test_callbacks_of_the_loop_and_other_threads_are_in_no_greenlet(loop: Loop) -> None:
    found: list[Any] = [cooperation.current()]
    loop.events.call_soon(lambda: found.append(cooperation.current()))
    thread = threading.Thread(target=lambda: found.append(cooperation.current()))
    thread.start()
    thread.join()
    assert run(loop, cooperation.current) == [loop]
    assert found == [None, None, None]
    assert cooperation.current() is None


@pytest.mark.parametrize("number", [0, 1, 2, 7, 200])
@pytest.mark.parametrize("most", [1, 3, 50])
def test_each_returns_results_in_order_and_works_on_so_many_at_once(loop: Loop, number: int, most: int) -> None:
    now = highest = 0

    def work(item: int) -> int:
        nonlocal now, highest
        now += 1
        highest = max(highest, now)
        cooperation.sleep(0.001 * (item % 3))
        now -= 1
        return item * item

    (found,) = run(loop, lambda: loop.each(work, range(number), most))
    assert found == [item * item for item in range(number)]
    assert highest == min(most, number)


@pytest.mark.parametrize("error", [ValueError("first"), KeyboardInterrupt("first"), SystemExit("first"), MemoryError("first"),
                                   GeneratorExit("first"), GreenletExit("first")], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", [0, 4, 60])
def test_each_begins_nothing_after_a_failure_and_raises_it(loop: Loop, error: BaseException, place: int) -> None:
    begun, ended = [], []

    def work(item: int) -> None:
        begun.append(item)
        if item >= place:
            raise error if item == place else ValueError("later")
        cooperation.sleep(0.001)
        ended.append(item)

    def fails() -> None:
        with pytest.raises(type(error), match="first"):
            loop.each(work, range(200), 5)
        assert [item for item in begun if item < place] == ended

    run(loop, fails)
    assert len(begun) <= place + 1


def test_each_gets_help_as_soon_as_other_functions_have_ended(loop: Loop) -> None:
    now = highest = 0

    def work(item: int) -> int:
        nonlocal now, highest
        now += 1
        highest = max(highest, now)
        cooperation.sleep(0.001)
        now -= 1
        return item

    found = run(loop, lambda: loop.each(work, range(30), 4), *[lambda: cooperation.sleep(0.005)] * 3)
    assert found == [list(range(30)), None, None, None]
    assert highest == 4


def test_greenlets_are_used_again(loop: Loop) -> None:
    used: list[Any] = []

    def one() -> None:
        used.append(greenlet.getcurrent())

    for _ in range(3):
        run(loop, one, one)
    assert len(set(used)) == 2
    with pytest.raises(ValueError, match="ends the greenlet"):
        run(loop, lambda: int("ends the greenlet"))
    run(loop, one, one)
    assert len(used) == 8


def test_each_within_each_within_many_greenlets(loop: Loop) -> None:
    def inner(item: int) -> int:
        cooperation.sleep(0)
        return item

    def outer(item: int) -> int:
        return sum(loop.each(inner, range(item), 3))

    found = run(loop, *[lambda: loop.each(outer, range(20), 4)] * 20)
    assert found == [[sum(range(item)) for item in range(20)]] * 20


def test_greenlets_that_are_ended_run_finally_blocks_and_nothing_else(loop: Loop) -> None:
    noted: list[str] = []
    never = Future[None]()

    def waits(name: str, wait: Callable[[], Any]) -> None:
        try:
            wait()
            noted.append(f"{name} went on")
        finally:
            noted.append(name)
            if name == "future":
                raise ValueError("of a finally block")

    def item(number: int) -> None:
        waits(f"item {number}", lambda: cooperation.sleep(60))

    loop.start(waits, "sleep", lambda: cooperation.sleep(60))
    loop.start(waits, "future", lambda: cooperation.wait(never))
    loop.start(waits, "each", lambda: loop.each(item, range(9), 5))
    loop.start(lambda: loop.events.call_later(0.05, loop.stop))
    loop.run()
    loop.start(waits, "not begun", lambda: None)
    loop.abandon()
    assert sorted(noted) == ["each", "future", "item 0", "item 1", "item 2", "sleep"]
    never.set_result(None)  # nobody waits for it any more
    assert run(loop, lambda: 1) == [1]


def test_a_future_that_a_thread_sets_after_the_loop_was_closed_wakes_nobody(
        loop: Loop, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """As when a full disk ends a run while a thread still hashes a file."""
    future = Future[None]()
    loop.start(cooperation.wait, future)
    loop.start(loop.stop)
    loop.run()
    loop.close()
    thread = threading.Thread(target=future.set_result, args=[None])
    thread.start()
    thread.join()
    assert caplog.text == ""  # without a handler, logging prints the traceback
    assert capfd.readouterr().err == ""


def test_what_a_greenlet_or_a_callback_raises_ends_the_loop(loop: Loop) -> None:
    loop.start(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        loop.run()
    loop.events.call_soon(lambda: [][0])
    with pytest.raises(IndexError):
        loop.run()
    assert run(loop, lambda: 1) == [1]


# --- requests in flight


class Counting:
    """A fetcher that waits, and counts how many wait with it (IFetcher)."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._lock = threading.Lock()
        self.now = self.most = 0

    def fetch(self, url: str, receiver: Any, headers: Any = None) -> Any:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            cooperation.sleep(self._seconds)
            if url == "fails":
                raise FetchError(url, "why")
        finally:
            with self._lock:
                self.now -= 1
        return Head(200, {}, url)

    def close(self) -> None:
        """There is nothing to be closed."""


def in_threads(number: int, work: Callable[[], Any]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


@pytest.mark.parametrize("workers", [1, 3, 20])
def test_so_many_requests_of_threads_and_greenlets_are_in_flight_at_once(loop: Loop, workers: int) -> None:
    fetcher = Counting(0.002)
    limiter = RequestLimiter(lambda: fetcher, workers)

    def some() -> None:
        for number in range(5):
            try:
                limiter.fetch("fails" if number == 2 else "u", Body())
            except FetchError:
                continue

    threads = in_threads(30, some)
    run(loop, *[some] * 30)
    for thread in threads:
        thread.join()
    assert (fetcher.now, fetcher.most) == (0, workers)
    assert limiter._in_flight == 0


class Held(Counting):
    """A fetcher whose requests take until they are let go."""

    def __init__(self) -> None:
        super().__init__(0)
        self.go = threading.Semaphore(0)

    def fetch(self, url: str, receiver: Any, headers: Any = None) -> Any:
        with self._lock:
            self.now += 1
        self.go.acquire()
        with self._lock:
            self.now -= 1
        return Head(200, {}, url)


def test_requests_begin_with_a_few_at_once_and_each_answer_lets_one_more_through() -> None:
    fetcher = Held()
    limiter = RequestLimiter(lambda: fetcher, 8)
    threads = in_threads(30, lambda: limiter.fetch("u", Body()))
    ended = 0
    for ends, now in [(0, 4), (1, 5), (2, 7), (1, 8), (5, 8)]:
        for _ in range(ends):
            fetcher.go.release()
        ended += ends
        wait_for(lambda: fetcher.now == now and len(limiter._waiting) == 30 - ended - now)  # noqa: B023
    for _ in range(30):
        fetcher.go.release()
    for thread in threads:
        thread.join()
    assert (limiter._in_flight, fetcher.now) == (0, 0)


def test_a_bound_that_is_changed_holds_for_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypimirror.http.limiter._FEW", 30)
    fetcher = Held()
    limiter = RequestLimiter(lambda: fetcher, 20)
    threads = in_threads(60, lambda: limiter.fetch("u", Body()))
    wait_for(lambda: fetcher.now == 20 and len(limiter._waiting) == 40)
    limiter.bound(3)
    assert not limiter.is_within
    for _ in range(17):
        fetcher.go.release()
    wait_for(lambda: limiter.is_within)
    assert (fetcher.now, len(limiter._waiting)) == (3, 40)
    limiter.bound(30)  # those who wait go on at once, not one for each that ends
    wait_for(lambda: fetcher.now == 30)
    assert len(limiter._waiting) == 13
    for _ in range(60):
        fetcher.go.release()
    for thread in threads:
        thread.join()
    assert (limiter._in_flight, fetcher.now) == (0, 0)


def test_greenlets_that_are_ended_take_no_requests_with_them(loop: Loop) -> None:
    limiter = RequestLimiter(lambda: Counting(60), 3)
    for _ in range(10):
        loop.start(limiter.fetch, "u", Body())
    loop.events.call_later(0.01, loop.stop)
    loop.run()
    assert limiter._in_flight == 3 and len(limiter._waiting) == 7
    loop.abandon()
    assert limiter._in_flight == 0 and not limiter._waiting


# --- items in threads


def test_threads_work_on_items_side_by_side_and_results_keep_their_order() -> None:
    helpers = SideBySide(6)
    together = threading.Barrier(6)

    def work(number: int) -> int:
        if number < 6:
            together.wait(60)
        return number * number

    assert helpers.each(work, range(200)) == [number * number for number in range(200)]
    assert helpers.each(work, []) == []
    assert helpers.each(lambda number: threading.current_thread(), [1]) == [threading.current_thread()]
    helpers.close()


def test_threads_that_help_help_themselves_within() -> None:
    helpers = SideBySide(2)
    assert helpers.each(lambda outer: sum(helpers.each(lambda inner: inner, range(outer))), range(20)) == [
        sum(range(outer)) for outer in range(20)]
    helpers.close()


@pytest.mark.parametrize("error", [ValueError("number"), KeyboardInterrupt("number"), SystemExit("number")],
                         ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", [0, 7, 60])
def test_a_failure_in_a_thread_is_raised_when_nobody_is_at_work_any_more(error: BaseException, place: int) -> None:
    helpers, done = SideBySide(4), []

    def work(number: int) -> None:
        if number == place:
            raise error
        time.sleep(0.005 if number > place else 0)
        done.append(number)

    with pytest.raises(type(error), match="number"):
        helpers.each(work, range(2000))
    assert len(done) < 1900
    before = len(done)
    assert helpers.each(lambda number: number, range(50)) == list(range(50))
    helpers.close()
    assert len(done) == before


def test_threads_end_with_their_mirror() -> None:
    before = threading.active_count()
    helpers = SideBySide(4)
    helpers.each(lambda number: number, range(50))
    helpers.close()
    helpers.close()
    assert threading.active_count() == before
