"""The fetcher that uses requests: for sites that need its adapters or trust stores, and where pycurl is not installed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
import urllib3
from zope.interface import implementer

from ..errors import FetchError
from ..interfaces import IFetcher, IReceiver, ISettings
from ..model import Head
from . import pace, tls
from .decoding import fetch_decoded
from .sessions import HTTPSession
from .urls import strip_credentials


@implementer(IFetcher)
class RequestsFetcher:
    """Sends requests with as many sessions as there are requests at once."""

    def __init__(self, settings: ISettings):
        self._settings = settings
        self._pace = pace.Pace(settings["timeout"])
        #: The sessions that are not in use. The last one is taken first: its connections are the least likely to be closed.
        self._idle: deque[HTTPSession] = deque()
        self._sessions: deque[HTTPSession] = deque()

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        return fetch_decoded(self._fetch, url, receiver, headers)

    def _fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str]) -> Head:
        transfer = self._pace.begin()
        try:
            head = self._transfer(url, receiver, headers, transfer)
        except FetchError:
            if not transfer.slow:
                raise
        finally:
            self._pace.end(transfer)
        if transfer.slow:
            raise FetchError(strip_credentials(url), pace.too_slow(), transient=True)
        return head

    def _transfer(self, url: str, receiver: IReceiver, headers: Mapping[str, str], transfer: pace.WatchedTransfer) -> Head:
        with self._session() as session:
            answer = session.answer(url, headers)
            try:
                head = Head(answer.status, answer.headers, answer.url)
                transfer.start()
                receiver.start(head)
                for block in answer.blocks():
                    transfer.moved(len(block))
                    receiver.write(block)
                return head
            finally:
                answer.finish()

    def about(self) -> str:
        """Return the names and versions of the HTTP and TLS libraries."""
        return f"requests {requests.__version__}, urllib3 {urllib3.__version__}, {tls.library()}"  # type: ignore[attr-defined]

    def close(self) -> None:
        self._idle.clear()
        while self._sessions:
            self._sessions.pop().close()

    @contextmanager
    def _session(self) -> Iterator[HTTPSession]:
        """Take a session for one request."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = HTTPSession(self._settings)
            self._sessions.append(session)
        try:
            yield session
        finally:
            self._idle.append(session)
