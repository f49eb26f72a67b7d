"""A faster fetcher: libcurl, by pycurl. It comes with the extra ``fast``; ``fetcher = pycurl`` chooses it.

Options and errors: https://curl.se/libcurl/c/curl_easy_setopt.html and https://curl.se/libcurl/c/libcurl-errors.html.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pycurl
from zope.interface import implementer

from .. import __version__
from ..errors import FetchError
from ..interfaces import IFetcher, IReceiver, ISettings
from ..model import Head
from ..names import shown
from ..secret import reveal
from . import pace, proxy_settings, ssrf, tls
from .credentials import split_userinfo
from .heads import joined, one_line
from .hosts import same_origin
from .urls import strip_credentials

_AGENT = f"z3c.recipe.pypimirror/{__version__} (libcurl/{pycurl.version_info()[1]})"
#: Bytes that libcurl reads at once.
_BLOCK = 1 << 18
_MOST_REDIRECTS = 10
#: Names in the environment that libcurl looks at (https://everything.curl.dev/usingcurl/proxies/env.html).
_PROXY = re.compile(r"(http|https|all)_proxy|(HTTPS|ALL)_PROXY")
#: Ports of proxies whose URLs have none, by scheme (CURLOPT_PROXY(3)).
_PROXY_PORTS = {"https": 443}
_STATUS = re.compile(r"HTTP/\S+ (\d{3})(?!\d)")
#: Not where a value goes on in the next line.
_LINE_END = re.compile(r"\n(?![ \t])")
_TELLS_EXTENSIONS = pycurl.version_info()[5].startswith(("OpenSSL", "LibreSSL", "BoringSSL"))
_IN_URLS = "!#$%&'()*+,/:;=?@[]~"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Errors that may be others the next time: no host, no connection, a body cut short, too slow, nothing or nonsense sent.
_PASSING = frozenset({
    pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY, pycurl.E_COULDNT_CONNECT, pycurl.E_PARTIAL_FILE,
    pycurl.E_OPERATION_TIMEDOUT, pycurl.E_GOT_NOTHING, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_HTTP2,
    pycurl.E_FTP_WEIRD_SERVER_REPLY, pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_BAD_CONTENT_ENCODING})
#: What people understand better than libcurl's words.
_WHY = {pycurl.E_PARTIAL_FILE: "the connection ended in the middle of the body",
        pycurl.E_OPERATION_TIMEDOUT: "timed out, or too slow"}


@implementer(IFetcher)
class CurlFetcher:
    """Gets things with libcurl, one handle a thread: TLS verified; proxies as curl's users know them."""

    def __init__(self, settings: ISettings):
        self._settings = settings
        proxy_settings.proxies()  # their passwords are part of no message from here on
        #: Proxies that connections may lead to, and not to the host.
        self._proxies = _Proxies(filter(None, (reveal(settings["proxy"] or ""), *(
            value for name, value in os.environ.items() if _PROXY.fullmatch(name)))))
        self._local = threading.local()
        self._handles: list[Any] = []

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        handle, answer = self._handle()
        self._ask(handle, headers or {})
        for _ in range(_MOST_REDIRECTS + 1):
            answer.begin(url, receiver)
            handle.setopt(pycurl.URL, url)
            try:
                handle.perform()
            except pycurl.error as error:
                self._check_certificate(handle, url)
                if answer.error is not None:
                    raise answer.error from None
                if answer.target is None:
                    raise _failure(url, *error.args) from error
            self._check_certificate(handle, url)
            answer.finish()
            if answer.target is None:
                return answer.head
            url = answer.target
        raise FetchError(strip_credentials(url), "too many redirects")

    def about(self) -> str:
        """Return the names of the libraries that transfers run on, with versions."""
        found = pycurl.version_info()
        return f"pycurl, libcurl {found[1]}, {found[5]}"

    def close(self) -> None:
        for handle in self._handles:
            handle.close()

    def _check_certificate(self, handle: Any, url: str) -> None:
        """Raise FetchError if a new connection's certificate lists no hosts (subjectAltName).

        libcurl takes one whose common name is the host then, which no other library does any more (RFC 9110, 4.3.4). No option
        turns that off, so that this is found after the transfer; nothing of it is used. Only OpenSSL tells extensions.
        """
        if not _TELLS_EXTENSIONS or not url.lower().startswith("https:"):
            return
        found = handle.getinfo(pycurl.INFO_CERTINFO)  # empty for a connection that was used before
        if found and not any(name == "X509v3 Subject Alternative Name" for name, _ in found[0]):
            # It keeps connection and TLS session, which would pass the next time.
            handle.close()
            self._handles.remove(handle)
            self._local.handle = None
            raise FetchError(strip_credentials(url), "certificate verify failed: it lists no host names (subjectAltName)")

    def _ask(self, handle: Any, headers: Mapping[str, str]) -> None:
        """Have a handle send these headers, unless it does so already: most requests of a thread are alike."""
        if headers == self._local.headers:
            return
        self._local.headers = None
        wanted = dict(headers)
        # Undone by libcurl where the request asks for it.
        encodings = wanted.pop("Accept-Encoding", "identity")
        handle.setopt(pycurl.ACCEPT_ENCODING, None if encodings == "identity" else encodings)
        if encodings == "identity":
            wanted["Accept-Encoding"] = encodings
        handle.setopt(pycurl.HTTPHEADER, [f"{name}: {value}".encode("iso-8859-1") for name, value in wanted.items()])
        self._local.headers = dict(headers)

    def _handle(self) -> tuple[Any, _Answer]:
        """Return this thread's handle and the receiver of its responses."""
        handle = getattr(self._local, "handle", None)
        if handle is None:
            answer = self._local.answer = _Answer(self._proxies)
            handle = self._local.handle = self._made(answer)
            self._local.headers = None
            self._handles.append(handle)
        return handle, self._local.answer

    def _made(self, answer: _Answer) -> Any:
        settings, handle = self._settings, pycurl.Curl()
        options = {
            pycurl.USERAGENT: _AGENT, pycurl.NOSIGNAL: 1, pycurl.BUFFERSIZE: _BLOCK,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS, pycurl.SSL_VERIFYPEER: 1, pycurl.SSL_VERIFYHOST: 2,
            pycurl.OPT_CERTINFO: 1,
            pycurl.CONNECTTIMEOUT: settings["timeout"],
            pycurl.LOW_SPEED_LIMIT: int(pace.BYTES / pace.SECONDS), pycurl.LOW_SPEED_TIME: settings["timeout"],
            **_certificates(settings),
        }
        options |= {pycurl.HEADERFUNCTION: answer.line, pycurl.WRITEFUNCTION: answer.body}
        options[pycurl.OPENSOCKETFUNCTION] = answer.connect
        if settings["proxy"]:
            options[pycurl.PROXY] = reveal(settings["proxy"])
        for option, value in options.items():
            handle.setopt(option, value)
        return handle


def _certificates(settings: ISettings) -> dict[int, Any]:
    bundle = tls.bundle(settings)
    options: dict[int, Any] = {pycurl.CAPATH if os.path.isdir(bundle) else pycurl.CAINFO: bundle}
    certificate = settings["client_cert"]
    if certificate:
        options |= {pycurl.SSLCERT: certificate[0], pycurl.SSLKEY: certificate[-1]}
    return options


class _Answer:
    """Takes what libcurl gets, one answer after the other.

    It can't raise through libcurl: it stops the transfer and keeps the error.
    """

    def __init__(self, proxies: _Proxies) -> None:
        self._proxies = proxies
        #: Of the heads, as they come.
        self._lines: list[bytes] = []
        #: Takes a line.
        self.line = self._lines.append

    def begin(self, url: str, receiver: IReceiver) -> None:
        """Expect the answer to a request."""
        self._url = url
        self._receiver = receiver
        self._started = False
        self._lines.clear()
        self.head = Head(0, {}, url)
        #: Where a redirect leads to, or None.
        self.target: str | None = None
        self.error: Exception | None = None

    def connect(self, purpose: int, address: Any) -> Any:
        """Open a socket for an address of the host, if it may be asked."""
        try:
            if not self._proxies.has(address.addr):
                ssrf.check_peer(urlsplit(self._url).hostname or "", str(address.addr[0]))
            return socket.socket(address.family, address.socktype, address.protocol)
        except (OSError, FetchError) as error:
            self.error = error if isinstance(error, FetchError) else None
            return pycurl.SOCKET_BAD

    def body(self, block: bytes) -> int | None:
        """Take a block of the body."""
        try:
            if not self._started:
                self.finish()
            if self.target is not None:
                return 0  # it would be read to its end, and it need not have one
            self._receiver.write(block)
        except Exception as error:
            self.error = error
            return -1
        return None

    def finish(self) -> None:
        """Hand the head on, unless that is done. Raises what the receiver raises, and FetchError for a bad redirect."""
        if self._started:
            return
        self._started = True
        status, headers = _last_head(self._lines)
        location = headers.get("location")
        if status in _REDIRECTS and location:
            try:
                # Bytes that no URL has are those that a browser would send.
                target = urljoin(self._url, quote(location.encode("iso-8859-1"), safe=_IN_URLS))
                self.target = _with_own_credentials(target, self._url)
            except ValueError as error:
                raise FetchError(strip_credentials(self._url), f"leads to {shown(location)!r}, which is no URL") from error
            ssrf.check(self._url, self.target)
            if self._url.lower().startswith("https:") and not self.target.lower().startswith("https:"):
                source = strip_credentials(self._url)
                raise FetchError(strip_credentials(self.target), f"refused: not secure, redirect from HTTPS ({source}) to HTTP")
            return
        self.head = Head(status, headers, self._url)
        self._receiver.start(self.head)


class _Proxies:
    """Where the proxies listen: their connections are not those of the host that is requested."""

    def __init__(self, urls: Iterable[str]):
        self._urls = list(urls)
        self._addresses: set[tuple[str, int]] = set()

    def has(self, address: tuple[Any, ...]) -> bool:
        """Whether a socket's address is that of a proxy; their names are looked up again where it was not."""
        if not self._urls:
            return False
        place = str(address[0]), int(address[1])
        if place not in self._addresses:
            for url in self._urls:
                try:
                    parts = urlsplit(url if "://" in url else f"http://{url}")
                    port = parts.port or _PROXY_PORTS.get(parts.scheme, 1080)
                except ValueError:
                    continue  # libcurl reports it
                self._addresses.update((one, port) for one in ssrf.addresses(parts.hostname or ""))
        return place in self._addresses


def _with_own_credentials(target: str, url: str) -> str:
    """Return where a redirect leads, with the credentials of the URL that it comes from on the same origin, else none."""
    target, _ = split_userinfo(target)
    _, userinfo = split_userinfo(url)
    if userinfo and same_origin(target, url):
        return target.replace("://", f"://{userinfo}@", 1)
    return target


def _last_head(lines: Iterable[bytes]) -> tuple[int, dict[str, str]]:
    """Give status and headers of the last of several heads: those of a proxy and of interim answers come before."""
    text = "\n" + b"".join(lines).decode("iso-8859-1").replace("\r\n", "\n")
    first, *last = _LINE_END.split(text[text.rfind("\nHTTP/") + 1:].partition("\n\n")[0])
    status = _STATUS.match(first)
    return int(status[1]) if status is not None else 0, joined(map(one_line, last))


def _failure(url: str, code: int, words: str) -> FetchError:
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        words = f"certificate verify failed: {words}"
    return FetchError(strip_credentials(url), _WHY.get(code, words), transient=code in _PASSING)
