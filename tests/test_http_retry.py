"""Retries, as a table: the errors of the attempts, the pauses between them, and what comes of it. No time passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pypimirror.errors import FetchError
from pypimirror.http import retry
from pypimirror.http.retry import RetryPolicy, check
from pypimirror.model import Head

URL = "http://x.example.com/simple/"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds between attempts, without those that are random."""
    found: list[float] = []
    monkeypatch.setattr(retry, "sleep", found.append)
    monkeypatch.setattr(retry, "_JITTER", 0.0)
    return found


def failing(*errors: FetchError) -> tuple[Any, list[str]]:
    """Return a function that raises these errors in turn, then returns a value; and a list that grows with each call."""
    left: Iterator[FetchError] = iter(errors)
    calls: list[str] = []

    def attempt() -> str:
        calls.append(URL)
        for error in left:
            raise error
        return "whole"

    return attempt, calls


def passing(retry_after: float | None = None) -> FetchError:
    return FetchError(URL, "status 503", transient=True, retry_after=retry_after, code=503)


LASTING = FetchError(URL, "status 404", code=404)


@pytest.mark.parametrize(("retries", "errors", "attempts", "waited"), [
    (5, [], 1, []),
    (5, [passing()], 2, [0.0]),
    (5, [passing()] * 5, 6, [0.0, 1.0, 2.0, 4.0, 8.0]),
    (8, [passing()] * 8, 9, [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]),
    (5, [passing(7)], 2, [7.0]),
    (5, [passing(), passing(), passing(0.5)], 4, [0.0, 1.0, 2.0]),
    (5, [passing(120)], 2, [120.0])], ids=str)
def test_what_passes_is_waited_for(
        pauses: list[float], retries: int, errors: list[FetchError], attempts: int, waited: list[float]) -> None:
    attempt, calls = failing(*errors)
    assert RetryPolicy(retries)(attempt) == "whole"
    assert len(calls) == attempts and pauses == waited


@pytest.mark.parametrize(("retries", "errors", "attempts", "raised"), [
    (0, [passing()], 1, 0), (2, [passing()] * 3, 3, 2), (5, [LASTING], 1, 0), (5, [passing(), LASTING], 2, 1),
    (5, [passing(121)], 1, 0), (5, [passing(float("inf"))], 1, 0)], ids=str)
def test_what_does_not_pass_is_raised_as_it_is(
        pauses: list[float], retries: int, errors: list[FetchError], attempts: int, raised: int) -> None:
    attempt, calls = failing(*errors)
    with pytest.raises(FetchError) as caught:
        RetryPolicy(retries)(attempt)
    assert caught.value is errors[raised]
    assert len(calls) == attempts and len(pauses) == attempts - 1


def test_all_files_of_a_project_share_its_patience(pauses: list[float]) -> None:
    policy = RetryPolicy(5, patience=3.0)
    assert policy(failing(passing(2))[0]) == "whole"
    attempt, calls = failing(passing(2))
    for _ in range(2):
        with pytest.raises(FetchError, match=r"status 503; this run sends no more requests for this project"):
            policy(attempt)
    assert len(calls) == 1
    # Another project has its own.
    assert policy.bounded()(attempt) == "whole"


@pytest.mark.parametrize(("status", "transient"), [
    (200, None), (204, False), (206, False), (301, False), (304, False), (401, False), (403, False), (404, False), (408, True),
    (410, False), (416, False), (425, True), (429, True), (500, True), (501, False), (502, True), (503, True), (504, True),
    (599, False)])
def test_statuses(status: int, transient: bool | None) -> None:
    head = Head(status, {}, URL)
    if transient is None:
        check(head, URL)
        return
    with pytest.raises(FetchError, match=f"status {status}") as caught:
        check(head, URL)
    assert (caught.value.transient, caught.value.code) == (transient, status)


@pytest.mark.parametrize(("value", "seconds"), [
    ("0", 0), ("7", 7), ("120", 120), ("9" * 10, float("inf")), ("soon", None), ("-1", None),
    ("", None), ("1.5", None), ("Mon, 01 Jan 2001 00:00:00 GMT", 0), ("Fri, 31 Dec 99999 23:59:59 GMT", None)])
def test_forms_of_retry_after(value: str, seconds: float | None) -> None:
    with pytest.raises(FetchError) as caught:
        check(Head(503, {"retry-after": value}, URL), URL)
    assert caught.value.retry_after == seconds
