"""A libcurl handle and the callbacks that receive its responses."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from ..errors import FetchError
from ..interfaces import IReceiver, ISettings
from ..model import Head
from ..names import shown
from . import cooperation, ssrf
from .credentials import split_userinfo
from .curl_connections import Addresses, Connections
from .curl_options import options, tls_options
from .curl_selector import CurlSelector
from .headers import last_head, one_line
from .hosts import normalize_host, same_origin
from .libcurl import pycurl
from .urls import strip_credentials

if TYPE_CHECKING:
    from .curl_proxies import Proxies

REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Characters that a URL may have; others are sent percent-encoded, as browsers do.
_IN_URLS = "!#$%&'()*+,/:;=?@[]~"
#: Maximum bytes of a redirect's body to read so that the connection can be reused; a longer body is aborted.
_MOST_IGNORED = 1 << 16
#: Errors of libcurl that follow from a failed callback.
_OF_CALLBACKS = frozenset({pycurl.E_WRITE_ERROR, pycurl.E_ABORTED_BY_CALLBACK})
#: Number of connections to keep open for transfers outside of a loop: to an index and the hosts of its files.
_CONNECTIONS = 5


class Transfer:
    """A handle of libcurl, used for one request after the other.

    No exception passes through libcurl: a callback that raises one ends the transfer, and ``perform`` raises it.
    """

    def __init__(self, settings: ISettings, proxies: Proxies, connections: Connections):
        self._proxies = proxies
        self._connections = connections
        self._addresses: Addresses | None = None
        self._is_clean = True
        self._proxy: str | None = None
        #: Drives the transfers outside of a loop.
        self._alone: CurlSelector | None = None
        self._lines: list[bytes] = []
        self._headers: Mapping[str, str] | None = None
        self._url = ""
        self._receiver: IReceiver
        self._started = False
        self._ignored = 0
        self._error: BaseException | None = None
        self.head = Head(0, {}, "")
        #: The target of a redirect, or None.
        self.target: str | None = None
        self._settings = settings
        #: Certificates are loaded with the first https URL, since loading them takes as long as a small run.
        self._has_tls_options = False
        self.handle = handle = pycurl.Curl()
        for option, value in options(settings):
            handle.setopt(option, value)
        handle.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        handle.setopt(pycurl.WRITEFUNCTION, self._body)
        handle.setopt(pycurl.OPENSOCKETFUNCTION, self._connect)
        handle.setopt(pycurl.PREREQFUNCTION, self._check_connection)

    def set_headers(self, headers: Mapping[str, str]) -> None:
        """Set the request's headers if they differ from the previous ones. Raises ValueError for a value with line ends."""
        if headers == self._headers:
            return
        if any(one_line(text) != text for line in headers.items() for text in line):
            raise ValueError("a header has more than one line")
        self._headers = None
        self.handle.setopt(pycurl.HTTPHEADER, [f"{name}: {value}".encode("iso-8859-1") for name, value in headers.items()])
        self._headers = dict(headers)

    def perform(self, url: str, receiver: IReceiver) -> tuple[int, str] | None:
        """Send a request and pass the response to the receiver unless it is a redirect; return libcurl's error, or None.

        Raises the receiver's exceptions, and FetchError for a refused redirect or connection.
        """
        url = _quoted(url)
        self._url, self._receiver = url, receiver
        self._started, self._ignored, self._error, self.target = False, 0, None, None
        self._lines.clear()
        self.handle.setopt(pycurl.URL, url)
        if not self._has_tls_options and url[:5].lower() != "http:":
            self._set_tls_options()
        if (proxy := self._proxies.of(url)) != self._proxy:
            self.handle.setopt(pycurl.PROXY, proxy)
            self._proxy = proxy
            if proxy and not self._has_tls_options:  # a proxy may use TLS
                self._set_tls_options()
        error = self._perform()
        while not self._is_clean:  # of another connection, then
            error = self._perform()
        if self._error is not None:
            failed, self._error = self._error, None
            raise failed
        if error is not None and error[0] in _OF_CALLBACKS and self.target is None:
            raise KeyboardInterrupt  # by a signal before the first line of a callback; callbacks report other exceptions
        if error is None:
            self._start()
        return error if self.target is None else None

    def _set_tls_options(self) -> None:
        self._has_tls_options = True
        for option, value in tls_options(self._settings):
            self.handle.setopt(option, value)

    def _perform(self) -> tuple[int, str] | None:
        self._addresses, self._is_clean = None, True
        loop = cooperation.current()
        if loop is not None:
            found: tuple[int, str] | None = loop.selector.perform(self.handle, loop, self._finished)  # type: ignore[union-attr]
            return found
        if self._alone is None:
            self._alone = CurlSelector(_CONNECTIONS)
        return self._alone.perform_alone(self.handle, self._finished)

    def system_error(self) -> int:
        """Return the number of the system's error at the last connection that failed, or 0."""
        return int(self.handle.getinfo(pycurl.OS_ERRNO))

    def close(self) -> None:
        """Close the handle and its connections; those of a loop stay open."""
        self.handle.close()
        if self._alone is not None:
            self._alone.close()

    def _finished(self) -> None:
        try:
            if self._addresses is not None:
                self._connections.finished(self._addresses, self.handle)
        except BaseException as error:
            self._error = error

    def _connect(self, purpose: int, address: Any) -> Any:
        """Open a socket for an address of the host, unless the SSRF guard refuses it."""
        try:
            if not self._proxies.has(address.addr):
                ssrf.check_peer(urlsplit(self._url).hostname or "", str(address.addr[0]))
            return socket.socket(address.family, address.socktype, address.protocol)
        except OSError:
            return pycurl.SOCKET_BAD
        except BaseException as error:
            self._error = error
            return pycurl.SOCKET_BAD

    def _check_connection(self, *addresses: Any) -> Any:
        """Refuse a connection with unread data; libcurl closes it."""
        try:
            self._addresses = peer, local, port, local_port = addresses
            secure = self._url[:6].lower() == "https:"
            self._is_clean = self._connections.is_clean((peer, local, port, local_port), secure)
            return pycurl.PREREQFUNC_OK if self._is_clean else pycurl.PREREQFUNC_ABORT
        except BaseException as error:
            self._error = error
            return pycurl.PREREQFUNC_ABORT

    def _body(self, block: bytes) -> int | None:
        """Pass a block of the body to the receiver; return None to continue, a number to abort the transfer."""
        try:
            if not self._started:
                self._start()
            if self.target is not None:
                self._ignored += len(block)
                return None if self._ignored <= _MOST_IGNORED else 0
            self._receiver.write(block)
        except BaseException as error:  # Ctrl-C, too
            self._error = error
            return -1
        return None

    def _start(self) -> None:
        """Pass the head to the receiver once, unless it is a redirect."""
        if self._started:
            return
        self._started = True
        status, headers = last_head(self._lines)
        if status in REDIRECTS and (location := headers.get("location")):
            self.target = _redirect_target(self._url, location)
            return
        self.head = Head(status, headers, self._url)
        self._receiver.start(self.head)


def _quoted(url: str) -> str:
    """Return a URL in ASCII, as libcurl requires. Raises FetchError."""
    if url.isascii() and " " not in url:
        return url
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    userinfo, at, place = authority.rpartition("@")
    host, colon, port = place.partition(":")
    try:
        host = host if host.isascii() else normalize_host(host)
    except ValueError as error:
        raise FetchError(strip_credentials(url), f"invalid URL: {error}") from error
    return f"{scheme}{separator}{quote(userinfo, safe=_IN_URLS)}{at}{host}{colon}{port}{slash}{quote(path, safe=_IN_URLS)}"


def _redirect_target(url: str, location: str) -> str:
    """Return the target of a redirect. Raises FetchError if it is refused."""
    try:
        target = _with_own_credentials(urljoin(url, quote(location.encode("iso-8859-1"), safe=_IN_URLS)), url)
    except ValueError as error:
        raise FetchError(strip_credentials(url), f"leads to {shown(location)!r}, which is no URL") from error
    ssrf.check_redirect(url, target)
    return target


def _with_own_credentials(target: str, url: str) -> str:
    """Return a redirect's target: with the source's credentials if both have the same origin, else without."""
    target, _ = split_userinfo(target)
    _, userinfo = split_userinfo(url)
    if userinfo and same_origin(target, url):
        return target.replace("://", f"://{userinfo}@", 1)
    return target
