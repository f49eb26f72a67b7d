"""The default fetcher: requests, with one session a thread, and what it looks up in its environment looked up once a host.

For a small file a session takes longer to merge settings, cookies and hooks than to get it. So the session prepares the first
request to each host, and its connections are used for those that follow. It still does what is more than a plain request:
proxies, redirects, credentials in the URL.
"""

import threading
from collections import deque
from collections.abc import Mapping
from http.client import RemoteDisconnected
from typing import Any, NamedTuple
from urllib.parse import urljoin

import requests
import urllib3
from zope.interface import implementer

from .. import __version__
from ..errors import FetchError
from ..interfaces import IFetcher, IReceiver, ISettings
from ..model import Head
from . import hosts, pace
from .adapter import Adapter
from .address import PLAIN, bare

_BLOCK = 1 << 16
#: How a page may be packed. Packed twice, or otherwise, one block could unpack to gigabytes at once.
_PACKED = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_AGENT = f"z3c.recipe.pypimirror/{__version__} ({requests.utils.default_user_agent()})"
_REDIRECTS = requests.models.REDIRECT_STATI


class _Host(NamedTuple):
    """What all requests to one host have in common."""

    adapter: requests.adapters.BaseAdapter
    headers: Mapping[str, str]
    #: For the adapter: timeout, certificates, proxies.
    options: Mapping[str, Any]
    #: Its connections, where a plain request can be sent by one of them.
    pool: urllib3.HTTPConnectionPool | None


@implementer(IFetcher)
class RequestsFetcher:
    """Gets things with requests: TLS verified, proxies, certificates and netrc as its users know them."""

    def __init__(self, settings: ISettings):
        self._timeout = settings["timeout"]
        certificate = settings["client_cert"]
        self._verify = settings["ca_bundle"]
        self._cert: Any = certificate[0] if len(certificate) == 1 else certificate or None
        self._proxy = settings["proxy"]
        self._pace = pace.Pace(self._timeout)
        self._local = threading.local()
        self._sessions: list[_Session] = []

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        wanted = {"Accept-Encoding": "identity", **(headers or {})}
        decode = wanted["Accept-Encoding"] != "identity"
        with self._pace.watched() as transfer:
            try:
                answer, final = self._answer(url, wanted)
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
            # What is no HTTP at all, in a chunk's length or where a redirect leads, raises more than the libraries say.
            except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
                if not transfer.slow:
                    raise FetchError(bare(url), _why(error), transient=_may_pass(error)) from error
        if transfer.slow:
            raise FetchError(bare(url), pace.too_slow(), transient=True)
        return head

    def close(self) -> None:
        for session in self._sessions:
            session.close()
            while session.hosts:  # urllib3 closes connections when nobody knows their pool any more
                _, host = session.hosts.popitem()
                if host.pool is not None:
                    host.pool.close()

    def _answer(self, url: str, headers: Mapping[str, str]) -> tuple[Any, str]:
        """Return urllib3's answer to a GET, its body not yet read, and the URL that it is of."""
        session = self._session()
        plain = PLAIN.fullmatch(url)
        host = None if plain is None else session.hosts.get(plain[1])
        if plain is not None and host is not None and host.pool is not None:
            answer = self._sent(host.pool, plain[2], {**host.headers, **headers})
            if answer.status not in _REDIRECTS:
                return answer, url
            answer.close()
            session.hosts[plain[1]] = host._replace(pool=None)  # other requests to this host are likely to be led on, too
        request = self._prepared(session, url, headers)
        if plain is None:
            host = self._host(session, request)
        elif host is None:
            host = session.hosts[plain[1]] = self._host(session, self._prepared(session, url, {}))
        response = host.adapter.send(request, **host.options)
        if response.is_redirect:
            following = session.resolve_redirects(response, request, **host.options)
            # One that leads nowhere is followed by nothing.
            response = deque((response, *following), maxlen=1).pop()
        return response.raw, response.url

    def _sent(self, pool: urllib3.HTTPConnectionPool, path: str, headers: Mapping[str, str]) -> Any:
        """Send a GET; once more if its connection had been used before and turns out to be closed (RFC 9112, 9.3.1)."""
        def send() -> Any:
            return pool.urlopen("GET", path, headers=headers, redirect=False, retries=False,
                                timeout=urllib3.Timeout(self._timeout, self._timeout), preload_content=False,
                                decode_content=False, assert_same_host=False)

        known = pool.num_connections
        try:
            return send()
        except urllib3.exceptions.ProtocolError as error:
            if pool.num_connections > known or not isinstance(error.args[-1], RemoteDisconnected | ConnectionResetError):
                raise
        return send()

    @staticmethod
    def _prepared(session: requests.Session, url: str, headers: Mapping[str, str]) -> requests.PreparedRequest:
        # Given by themselves they count before what netrc has for the host.
        credentials = requests.utils.get_auth_from_url(url)
        auth = credentials if any(credentials) else None
        return session.prepare_request(requests.Request("GET", url, headers=headers, auth=auth))

    def _host(self, session: requests.Session, request: requests.PreparedRequest) -> _Host:
        url = str(request.url)
        options = session.merge_environment_settings(url, self._proxies(url), True, self._verify, self._cert)
        adapter = session.get_adapter(url)
        pool = None
        if not options["proxies"] and hasattr(adapter, "get_connection_with_tls_context"):  # requests 2.32
            pool = adapter.get_connection_with_tls_context(request, options["verify"], cert=options["cert"])
        return _Host(adapter, dict(request.headers), {**options, "timeout": self._timeout}, pool)

    def _proxies(self, url: str) -> dict[str, str]:
        """Give the proxy as requests wants it, except for hosts that ``no_proxy`` in the environment names."""
        if not self._proxy or requests.utils.should_bypass_proxies(url, no_proxy=None):
            return {}
        return dict.fromkeys(("http", "https"), self._proxy)

    def _session(self) -> "_Session":
        session: _Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _Session()
            self._sessions.append(session)
        return session


class _Session(requests.Session):
    """Looks at each redirect before it is followed, and remembers hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.hosts: dict[str, _Host] = {}
        self.headers["User-Agent"] = _AGENT
        self.max_redirects = 10
        self.mount("http://", Adapter())
        self.mount("https://", Adapter())

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            # The body would be read to its end, and it need not have one.
            resp.raw.close()
            url = urljoin(resp.url, target)
            hosts.check(resp.url, url)
            if resp.url.lower().startswith("https:") and not url.lower().startswith("https:"):
                raise FetchError(bare(url), f"not secure, and {bare(resp.url)}, which is, leads there")
        return target


def _may_pass(error: Exception) -> bool:
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError,
               urllib3.exceptions.ProtocolError, urllib3.exceptions.TimeoutError, urllib3.exceptions.NewConnectionError)
    return isinstance(error, passing) and not isinstance(error, requests.exceptions.SSLError)


def _why(error: Exception) -> str:
    """Say in a few words what went wrong; the innermost reason is the one that people understand."""
    cause: Any = error
    while True:
        inner = getattr(cause, "reason", None) or (cause.args[-1] if cause.args else None)
        inner = inner if isinstance(inner, Exception) else cause.__cause__
        if inner is None:
            break
        cause = inner
    if isinstance(error, requests.TooManyRedirects):
        return "too many redirects"
    if isinstance(cause, urllib3.exceptions.IncompleteRead):
        return "the connection ended in the middle of the body"
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    if isinstance(cause, urllib3.exceptions.HTTPError):
        # urllib3 puts the connection object before the message.
        text = text.rpartition(">: ")[2]
    return " ".join(text.split())
