"""The default fetcher where pycurl is installed (extra ``fast``): runs all transfers of a thread concurrently with libcurl."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib.util import find_spec
from selectors import BaseSelector

from zope.interface import implementer

from ..errors import FetchError
from ..interfaces import ICooperativeFetcher, IReceiver, ISettings
from ..model import Head
from . import curl_options, fetcher_settings
from .curl_connections import Connections
from .curl_proxies import Proxies
from .curl_selector import CurlSelector
from .curl_transfer import Transfer
from .decoding import fetch_decoded
from .libcurl import pycurl
from .urls import host_of, strip_credentials

if find_spec("greenlet") is None:  # the event loop needs it
    raise ModuleNotFoundError("No module named 'greenlet'", name="greenlet")

_MOST_REDIRECTS = 10
_TELLS_EXTENSIONS = curl_options.TLS_LIBRARY.startswith(("OpenSSL", "LibreSSL", "BoringSSL"))


@implementer(ICooperativeFetcher)
class CurlFetcher:
    """Fetches with libcurl: verifies TLS, and supports proxies and credentials."""

    def __init__(self, settings: ISettings):
        self._settings = settings
        fetcher_settings.proxies()  # hides their passwords in all messages
        self._proxies = Proxies(settings)
        self._connections = Connections()
        self._local = threading.local()
        self._transfers: list[Transfer] = []
        #: Hosts whose certificate has host names, and those whose certificate has none.
        self._certified: set[str] = set()
        self._uncertified: set[str] = set()

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        return fetch_decoded(self._fetch, url, receiver, headers)

    def _fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str]) -> Head:
        transfer, target = self._transfer(), url
        try:
            try:
                transfer.set_headers(headers)
            except ValueError as error:
                raise FetchError(strip_credentials(url), str(error)) from error
            for _ in range(_MOST_REDIRECTS + 1):
                failed = self._perform(transfer, target, receiver)
                if failed is not None:
                    raise curl_options.failure(target, *failed, transfer.system_error(), self._settings)
                if transfer.target is None:
                    return transfer.head
                target = transfer.target
            raise FetchError(strip_credentials(url), "too many redirects")
        finally:
            self._local.free.append(transfer)

    def selector(self) -> BaseSelector:
        return CurlSelector(2 * self._settings["workers"])

    def about(self) -> str:
        """Return the names and versions of the HTTP and TLS libraries."""
        return f"pycurl, libcurl {curl_options.VERSION}, {curl_options.TLS_LIBRARY}"

    def close(self) -> None:
        while self._transfers:
            self._transfers.pop().close()
        self._local = threading.local()

    def _transfer(self) -> Transfer:
        """Return a transfer that no function of this thread is using."""
        free: list[Transfer] | None = getattr(self._local, "free", None)
        if free is None:
            free = self._local.free = []
        if free:
            return free.pop()
        made = Transfer(self._settings, self._proxies, self._connections)
        self._transfers.append(made)
        return made

    def _perform(self, transfer: Transfer, url: str, receiver: IReceiver) -> tuple[int, str] | None:
        """Send one request; a certificate without host names (subjectAltName) is refused.

        libcurl accepts one whose common name is the host, which no other library does any more (RFC 9110, 4.3.4). No option
        turns that off, so it is found after the transfer, of which nothing is used. Only OpenSSL shows extensions, and only
        for a connection that was opened for the transfer.
        """
        if not _TELLS_EXTENSIONS or not url.lower().startswith("https:"):
            return transfer.perform(url, receiver)
        host = host_of(url).rpartition("@")[2].lower()
        if host in self._uncertified:
            raise _uncertified(url)
        known = host in self._certified
        transfer.handle.setopt(pycurl.FRESH_CONNECT, not known)
        transfer.handle.setopt(pycurl.PIPEWAIT, known)
        try:
            return transfer.perform(url, receiver)
        finally:
            found = transfer.handle.getinfo(pycurl.INFO_CERTINFO)
            if found and any(name == "X509v3 Subject Alternative Name" for name, _ in found[0]):
                self._certified.add(host)
            elif found:
                self._uncertified.add(host)
                raise _uncertified(url)


def _uncertified(url: str) -> FetchError:
    return FetchError(strip_credentials(url), "certificate verify failed: it lists no host names (subjectAltName)")
