"""The default fetcher: requests, which is imported for a second request only.

A run in which nothing changed makes one request, and importing requests takes longer than all the rest of it. So the first one
is made by http.client, if it is as plain as can be: no proxy, no credentials, no certificate of ours. Whatever is not quite so,
redirects and connections that fail among it, is left to requests.
"""

from __future__ import annotations

import os
import sys
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection

from zope.interface import implementer

from .. import __version__
from ..errors import FetchError
from ..interfaces import IFetcher, IReceiver, ISettings
from ..model import Head
from . import hosts, pace
from .address import PLAIN, bare

_BLOCK = 1 << 16
_AGENT = f"z3c.recipe.pypimirror/{__version__}"
_REDIRECTS = range(300, 304), range(305, 309)
#: What requests looks for in the environment: proxies, a file of credentials, and certificates.
_ENVIRONMENT = frozenset({"http_proxy", "https_proxy", "all_proxy", "netrc"})
_CREDENTIALS = ("~/.netrc", "~/_netrc")
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_CUT_OFF = "the connection ended in the middle of the body"


@implementer(IFetcher)
class FirstByHand:
    """Makes the first request by http.client, all others by requests."""

    def __init__(self, settings: ISettings):
        self._settings = settings
        self._timeout = settings["timeout"]
        self._lock = threading.Lock()
        self._first = not (settings["client_cert"] or settings["proxy"]) and _is_plain_environment()

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        with self._lock:
            first, self._first = self._first, False
        head = self._by_hand(url, receiver, headers or {}) if first else None
        return self._requests.fetch(url, receiver, headers) if head is None else head

    def close(self) -> None:
        if "_requests" in self.__dict__:
            self._requests.close()

    @cached_property
    def _requests(self) -> IFetcher:
        from .http import RequestsFetcher

        return RequestsFetcher(self._settings)

    def _by_hand(self, url: str, receiver: IReceiver, headers: Mapping[str, str]) -> Head | None:
        """Return the head, its body handed over, or None if nothing was handed over. Raises FetchError."""
        connection = self._connection(url)
        if connection is None:
            return None
        wanted = {"User-Agent": _AGENT, **headers, "Accept-Encoding": "identity"}
        if "gzip" in headers.get("Accept-Encoding", ""):
            wanted["Accept-Encoding"] = "gzip"
        with pace.Pace(self._timeout).watched() as transfer, closing(connection):
            transfer.sock = connection.sock
            try:
                connection.request("GET", PLAIN.fullmatch(url)[2], headers=wanted)  # type: ignore[index]
                answer = connection.getresponse()
            except (OSError, HTTPException) as error:
                raise _failure(url, transfer, _why(error)) from error
            head = Head(answer.status, {name.lower(): value for name, value in answer.getheaders()}, url)
            encoding = head.headers.get("content-encoding", "identity").lower()
            if any(answer.status in some for some in _REDIRECTS) or encoding not in ("identity", wanted["Accept-Encoding"]):
                return None
            transfer.start()
            receiver.start(head)
            blocks = _blocks(answer, transfer)
            try:
                for block in _unpacked(blocks) if encoding == "gzip" else blocks:
                    receiver.write(block)
            except _Broken as error:
                raise _failure(url, transfer, str(error)) from error
        return head

    def _connection(self, url: str) -> HTTPConnection | None:
        """Return a connection for a URL, or None where it is left to requests to make one, or to say what is wrong."""
        plain = PLAIN.fullmatch(url)
        if plain is None:
            return None
        scheme, _, host = plain[1].partition("://")
        try:
            if scheme == "https":
                connection: HTTPConnection = _secure(host, self._timeout, self._settings["ca_bundle"])
            else:
                connection = HTTPConnection(host, timeout=self._timeout)
            connection.connect()
            address = connection.sock.getpeername()[0]
        except (OSError, HTTPException, UnicodeError):
            return None
        try:
            hosts.confirm(connection.host, address)
        except FetchError:
            connection.close()
            raise
        return connection


class _Broken(Exception):
    """A body that is not whole; the message says why."""


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _failure(url: str, transfer: pace.Transfer, why: str) -> FetchError:
    return FetchError(bare(url), pace.too_slow() if transfer.slow else why or _CUT_OFF, transient=True)


def _blocks(answer: HTTPResponse, transfer: pace.Transfer) -> Iterator[bytes]:
    """Yield the body as it comes. Raises _Broken."""
    try:
        while block := answer.read(_BLOCK):
            transfer.moved(len(block))
            yield block
    except (OSError, HTTPException) as error:
        raise _Broken(_CUT_OFF if isinstance(error, HTTPException) else _why(error)) from error
    if answer.length or transfer.slow:
        raise _Broken(_CUT_OFF)


def _unpacked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Undo gzip, block by block, whatever it grows to. Raises _Broken."""
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    empty = True
    for packed in blocks:
        while packed:
            if decoder.eof:  # another member follows
                decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                yield decoder.decompress(packed, _BLOCK)
            except zlib.error as error:
                raise _Broken(str(error)) from error
            empty = False
            packed = decoder.unconsumed_tail or decoder.unused_data
    if not decoder.eof and (rest := decoder.flush()):
        yield rest
    if not (decoder.eof or empty):
        raise _Broken(_CUT_OFF)


def _secure(host: str, timeout: float, bundle: str | None) -> HTTPSConnection:
    """Return a connection that trusts whom requests does. bundle: what the configuration says. Raises OSError."""
    import ssl

    bundle = bundle or next(filter(None, map(os.environ.get, _CERTIFICATES)), None)
    if bundle is None:
        from certifi import where

        bundle = where()
    return HTTPSConnection(host, timeout=timeout, context=ssl.create_default_context(cafile=bundle))


def _is_plain_environment() -> bool:
    """Whether requests would find nothing in its environment that matters."""
    return (sys.platform not in ("darwin", "win32") and not any(name.lower() in _ENVIRONMENT for name in os.environ)
            and not any(os.path.exists(os.path.expanduser(path)) for path in _CREDENTIALS))
