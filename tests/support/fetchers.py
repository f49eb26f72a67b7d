"""The fetchers that tests of transfers run with, and receivers for them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from pypimirror.errors import FetchError
from pypimirror.http.cooperation import Loop
from pypimirror.interfaces import ICooperativeFetcher, IFetcher
from pypimirror.model import Head

T = TypeVar("T")

#: Values of the key ``fetcher``.
FETCHERS = ("pycurl", "requests")
#: How a fetcher is called: pycurl from a plain thread and from a task of an event loop, requests from a plain thread.
WAYS = ("pycurl", "pycurl-loop", "requests")
SETTINGS: dict[str, Any] = {"timeout": 60, "ca_bundle": None, "client_cert": (), "proxy": None, "workers": 4,
                            "index_url": (), "versions": (), "requirements": ()}
#: Variables of the environment that change how requests are sent.
_VARIABLES = re.compile(r".*_proxy|netrc|(requests|curl)_ca_bundle", re.IGNORECASE)


class Body:
    """Keeps head and body (IReceiver)."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self.body = b""

    def start(self, head: Head) -> None:
        assert self.head is None and not self.body
        self.head = head

    def write(self, block: bytes) -> None:
        assert self.head is not None
        self.body += block


class InLoop:
    """Calls a fetcher from a task of an event loop (IFetcher)."""

    def __init__(self, fetcher: ICooperativeFetcher):
        self._fetcher = fetcher
        self.loop = Loop(fetcher.selector())

    def fetch(self, url: str, receiver: Any, headers: Mapping[str, str] | None = None) -> Head:
        return run_in(self.loop, lambda: self._fetcher.fetch(url, receiver, headers))

    def close(self) -> None:
        self.loop.close()
        self._fetcher.close()


def run_in(loop: Loop, function: Callable[[], T]) -> T:
    """Return what a function returns that runs as a task of a loop. Raises what it raises."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(function())
        except BaseException as error:
            failed.append(error)
        loop.stop()

    loop.start(run)
    loop.run()
    if failed:
        raise failed[0]
    return found[0]


def make(way: str, **settings: Any) -> Any:
    """Return a new fetcher, to be called in one of ``WAYS``."""
    found: Any = {**SETTINGS, **settings}
    if way == "requests":
        from pypimirror.http.requests_fetcher import RequestsFetcher

        return RequestsFetcher(found)
    made = pytest.importorskip("pypimirror.http.pycurl_fetcher", exc_type=ImportError).CurlFetcher(found)
    return InLoop(made) if way == "pycurl-loop" else made


@contextmanager
def opened(way: str, **settings: Any) -> Iterator[Any]:
    """A fetcher that is closed after the block."""
    made = make(way, **settings)
    try:
        yield made
    finally:
        made.close()


def got(fetcher: IFetcher, url: str, headers: Mapping[str, str] | None = None) -> tuple[Head, bytes]:
    """Return head and body of an answer."""
    received = Body()
    head = fetcher.fetch(url, received, headers)
    assert head == received.head
    return head, received.body


def failure(way: str, url: str, **settings: Any) -> FetchError:
    """Return the error of a request that a new fetcher sends."""
    with opened(way, **settings) as made, pytest.raises(FetchError) as caught:
        made.fetch(url, Body())
    return caught.value


def environment() -> dict[str, str]:
    """Return the environment without the variables that change how requests are sent."""
    return {name: value for name, value in os.environ.items() if not _VARIABLES.fullmatch(name)}


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove those variables for the time of a test."""
    for name in set(os.environ) - set(environment()):
        monkeypatch.delenv(name)
