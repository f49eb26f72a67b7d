"""The default fetcher: http.client for plain requests; the requests library for others, and if the environment has settings.

To load requests takes more than a tenth of a run in which nothing changed, and most runs need nothing of what it does: proxies
and redirects. So it is loaded when something first asks for that.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from zope.interface import implementer

from ..errors import FetchError
from ..interfaces import IFetcher, IReceiver, ISettings
from ..model import Head
from . import decoders, pace, proxy_settings, tls
from .credentials import basic, split_userinfo
from .plain import Answer, Plain, Way
from .urls import PLAIN, strip_credentials

if TYPE_CHECKING:
    from .sessions import HTTPSession, OfSession

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@implementer(IFetcher)
class RequestsFetcher:
    """Gets things as requests would: TLS verified, proxies and certificates as its users know them."""

    def __init__(self, settings: ISettings):
        self._settings = settings
        self._pace = pace.Pace(settings["timeout"])
        self._plain = Plain(settings)
        self._local = threading.local()
        self._threads: list[_Thread] = []

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        wanted = {"Accept-Encoding": "identity", **(headers or {})}
        transfer = self._pace.begin()
        try:
            head = self._handed_over(url, wanted, receiver, transfer)
        except FetchError:
            if not transfer.slow:
                raise
        finally:
            self._pace.end(transfer)
        if transfer.slow:
            raise FetchError(strip_credentials(url), pace.too_slow(), transient=True)
        return head

    def _handed_over(self, url: str, headers: dict[str, str], receiver: IReceiver, transfer: pace.Transfer) -> Head:
        answer = self._thread().answer(url, headers)
        try:
            head = Head(answer.status, answer.headers, answer.url)
            encoding = ""
            if headers["Accept-Encoding"] != "identity" and "content-encoding" in head.headers:
                encoding = head.headers["content-encoding"].strip().lower()
                if encoding not in decoders.NAMES and encoding not in ("", "identity"):
                    raise FetchError(strip_credentials(url), "packed in a way that was not asked for")
            transfer.start()
            receiver.start(head)
            for block in answer.blocks(encoding):
                transfer.moved(len(block))
                receiver.write(block)
            return head
        finally:
            answer.finish()

    def about(self) -> str:
        """Return the names of the libraries that transfers run on; versions of those that were loaded by now."""
        loaded = [f"{name} {sys.modules[name].__version__}" for name in ("requests", "urllib3") if name in sys.modules]
        return ", ".join((*(loaded or ["http.client, and requests where it is needed"]), tls.library()))

    def close(self) -> None:
        for thread in self._threads:
            thread.close()

    def _thread(self) -> _Thread:
        thread: _Thread | None = getattr(self._local, "thread", None)
        if thread is None:
            thread = self._local.thread = _Thread(self._settings, self._plain, self._alone)
            self._threads.append(thread)
        return thread

    @cached_property
    def _alone(self) -> bool:
        """Whether plain requests are sent without settings from the environment."""
        return not (self._settings["proxy"] or proxy_settings.speaks())


class _Thread:
    """The connections of one thread."""

    def __init__(self, settings: ISettings, plain: Plain, alone: bool):
        self._settings = settings
        self._plain = plain
        self._alone = alone
        #: By scheme and host; None where plain requests won't do.
        self._ways: dict[str, Way | None] = {}

    def answer(self, url: str, headers: dict[str, str]) -> Answer | OfSession:
        """Return the answer to a GET, its body not yet read. Raises FetchError."""
        bare_url, userinfo = split_userinfo(url)
        parts = PLAIN.fullmatch(bare_url)
        if parts is None:
            return self._session.answer(url, headers)
        origin, path = parts.groups()
        if origin not in self._ways:
            self._ways[origin] = self._plain.way(origin) if self._alone else self._session.way(origin, bare_url)
        way = self._ways[origin]
        if way is not None:
            answer = way.sent(bare_url, path, headers | {"Authorization": basic(userinfo)} if userinfo else headers)
            if answer.status not in _REDIRECTS:
                return answer
            way.connection.close()
            self._ways[origin] = None  # other requests to this host are likely to be led on, too
        return self._session.answer(url, headers)

    def close(self) -> None:
        """Close all connections."""
        if "_session" in self.__dict__:
            self._session.close()
        while self._ways:
            _, way = self._ways.popitem()
            if way is not None:
                way.connection.close()

    @cached_property
    def _session(self) -> HTTPSession:
        from .sessions import HTTPSession

        return HTTPSession(self._settings, self._plain)
