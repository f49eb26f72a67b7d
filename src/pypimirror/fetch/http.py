"""The default fetcher: urllib3 where a request is plain, requests where it is more, or where the environment has a say.

To load requests takes more than a tenth of a run in which nothing changed, and most runs need nothing of what it does: proxies,
redirects, netrc, credentials in the URL. So it is loaded when something first asks for that.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError
from zope.interface import implementer

from ..errors import FetchError
from ..interfaces import IFetcher, IReceiver, ISettings
from ..model import Head
from . import environment, pace, plain
from .address import PLAIN, bare
from .failures import failure

if TYPE_CHECKING:
    from .sessions import Session

_BLOCK = 1 << 16
#: How a page may be packed. Packed twice, or otherwise, one block could unpack to gigabytes at once.
_PACKED = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@implementer(IFetcher)
class RequestsFetcher:
    """Gets things as requests would: TLS verified, proxies, certificates and netrc as its users know them."""

    def __init__(self, settings: ISettings):
        self._settings = settings
        self._pace = pace.Pace(settings["timeout"])
        self._local = threading.local()
        self._threads: list[_Thread] = []

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        wanted = {"Accept-Encoding": "identity", **(headers or {})}
        decode = wanted["Accept-Encoding"] != "identity"
        with self._pace.watched() as transfer:
            try:
                answer, final = self._thread().answer(url, wanted)
                try:
                    head = Head(answer.status, {k.lower(): v for k, v in answer.headers.items()}, final)
                    if decode and head.headers.get("content-encoding", "").strip().lower() not in _PACKED:
                        raise FetchError(bare(url), "packed in a way that was not asked for")
                    transfer.start()
                    receiver.start(head)
                    # urllib3 1 takes a body that ended early for whole unless told.
                    answer.enforce_content_length = True
                    for block in answer.stream(_BLOCK, decode_content=decode):
                        transfer.moved(len(block))
                        receiver.write(block)
                finally:
                    answer.close()
                    answer.release_conn()
            except FetchError:
                if not transfer.slow:
                    raise
            # What is no HTTP at all, in a chunk's length or where a redirect leads, raises more than the libraries say.
            except (HTTPError, ValueError) as error:
                if not transfer.slow:
                    raise failure(url, error) from error
        if transfer.slow:
            raise FetchError(bare(url), pace.too_slow(), transient=True)
        return head

    def close(self) -> None:
        for thread in self._threads:
            thread.close()

    def _thread(self) -> _Thread:
        thread: _Thread | None = getattr(self._local, "thread", None)
        if thread is None:
            thread = self._local.thread = _Thread(self._settings, self._alone)
            self._threads.append(thread)
        return thread

    @cached_property
    def _alone(self) -> bool:
        """Whether the settings alone say how a plain request is sent."""
        return not (self._settings["proxy"] or environment.speaks())


class _Thread:
    """The connections of one thread."""

    def __init__(self, settings: ISettings, alone: bool):
        self._settings = settings
        self._alone = alone
        #: By scheme and host; None where plain requests won't do.
        self._ways: dict[str, plain.Way | None] = {}

    def answer(self, url: str, headers: Mapping[str, str]) -> tuple[Any, str]:
        """Return urllib3's answer to a GET, its body not yet read, and the URL that it is of."""
        parts = PLAIN.fullmatch(url)
        if parts is None:
            return self._session.answer(url, headers)
        origin, path = parts.groups()
        if self._alone and origin not in self._ways:
            self._ways[origin] = plain.way(url, self._settings)
        way = self._ways.get(origin)
        if way is not None:
            answer = way.sent(path, headers, self._settings["timeout"])
            if answer.status not in _REDIRECTS:
                return answer, url
            answer.close()
            self._ways[origin] = None  # other requests to this host are likely to be led on, too
        return self._session.answer(url, headers, origin)

    def close(self) -> None:
        """Close all connections."""
        if "_session" in self.__dict__:
            self._session.close()
        while self._ways:
            _, way = self._ways.popitem()
            if way is not None:
                way.pool.close()

    @cached_property
    def _session(self) -> Session:
        from .sessions import Session

        return Session(self._settings, self._ways)
