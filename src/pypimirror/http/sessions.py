"""Sessions of the requests library, with the SSRF guard and the credentials of the configuration."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import requests
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError, TimeoutError

from .. import __version__
from ..errors import FetchError
from ..interfaces import ISettings
from ..secret import reveal
from . import ssrf
from .connections import POOLS
from .credentials import basic, split_userinfo
from .headers import BODILESS, joined, one_length, one_line
from .hosts import same_origin
from .translate_error import failure
from .urls import strip_credentials

_AGENT = f"z3c.recipe.pypimirror/{__version__}"
#: Bytes of a body that are read at once.
_BLOCK = 1 << 16
#: Errors that may be none the next time, while an answer is waited for and while its body comes.
_PASSING = (requests.ConnectionError, requests.Timeout)
_PASSING_LATER = (ProtocolError, TimeoutError, NewConnectionError, ValueError)


class Adapter(requests.adapters.HTTPAdapter):
    """Requests' adapter with connections that can be watched."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = dict(POOLS)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not str(proxy).lower().startswith("socks"):  # these have connections of their own
            manager.pool_classes_by_scheme = dict(POOLS)
        return manager


class OfSession:
    """An answer that requests brought."""

    def __init__(self, response: requests.Response):
        """Raises ValueError for a body whose length can't be known."""
        self.status, self.url = response.status_code, response.url
        self.headers = one_length(joined(f"{name}:{one_line(value)}" for name, value in response.raw.headers.items()))
        self._raw = response.raw
        # urllib3 1 takes a body that ended early for whole unless told.
        self._raw.enforce_content_length = True

    def blocks(self) -> Iterator[bytes]:
        """Yield the body as it is sent. Raises FetchError."""
        if self.status in BODILESS:
            return  # urllib3 would wait for what the headers tell of
        blocks = self._raw.stream(_BLOCK, decode_content=False)
        while True:
            try:
                block = next(blocks, None)
            # What is no HTTP at all, in a chunk's length, raises more than the library says.
            except (HTTPError, ValueError) as error:
                raise failure(self.url, error, isinstance(error, _PASSING_LATER)) from error
            if block is None:
                return
            yield block

    def finish(self) -> None:
        """Return the connection to the pool."""
        self._raw.close()
        self._raw.release_conn()


class HTTPSession(requests.Session):
    """What one thread asks; looks at each redirect before it is followed, and remembers hosts."""

    def __init__(self, settings: ISettings):
        super().__init__()
        certificate = settings["client_cert"]
        self._certificate: Any = certificate[0] if len(certificate) == 1 else certificate or None
        self._settings = settings
        self.headers["User-Agent"] = _AGENT
        self.max_redirects = 10
        self.mount("http://", Adapter())
        self.mount("https://", Adapter())

    def answer(self, url: str, headers: Mapping[str, str]) -> OfSession:
        """Return the answer to a GET, its body not yet read. Raises FetchError."""
        try:
            request = self._prepared(url, headers)
            options = self._options(str(request.url))
            response = self.get_adapter(str(request.url)).send(request, **options)
            if response.is_redirect:
                following = self.resolve_redirects(response, request, **options)
                # One that leads nowhere is followed by nothing.
                response = deque((response, *following), maxlen=1).pop()
            return OfSession(response)
        except requests.TooManyRedirects as error:
            raise FetchError(strip_credentials(url), "too many redirects") from error
        except requests.exceptions.SSLError as error:  # which is a ConnectionError, too
            raise failure(url, error, False) from error
        # Where a redirect leads to may be no URL, and what the environment names no bundle of certificates.
        except (OSError, HTTPError, ValueError) as error:
            raise failure(url, error, isinstance(error, _PASSING)) from error

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            # The body would be read to its end, and it need not have one.
            resp.raw.close()
            target = split_userinfo(urljoin(resp.url, target))[0]  # nobody else's word counts for who we are
            url = target
            ssrf.check(resp.url, url)
            if resp.url.lower().startswith("https:") and not url.lower().startswith("https:"):
                source = strip_credentials(resp.url)
                raise FetchError(strip_credentials(url), f"refused: not secure, redirect from HTTPS ({source}) to HTTP")
        return target

    def _options(self, url: str) -> dict[str, Any]:
        """Return the arguments of an adapter: timeout, certificates, proxies."""
        options = self.merge_environment_settings(url, self._proxies(url), True, self._settings["ca_bundle"], self._certificate)
        return {**options, "timeout": self._settings["timeout"]}

    def _prepared(self, url: str, headers: Mapping[str, str]) -> requests.PreparedRequest:
        url, userinfo = split_userinfo(url)
        if userinfo:
            headers = {**headers, "Authorization": basic(userinfo)}
        # An auth of our own that adds nothing: requests would look into netrc, which has no ports and schemes.
        return self.prepare_request(requests.Request("GET", url, headers=headers, auth=_as_it_is))

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drop the credentials of a request that is redirected to another origin; requests would add those of netrc."""
        if not same_origin(str(response.request.url), str(prepared_request.url)):
            prepared_request.headers.pop("Authorization", None)

    def _proxies(self, url: str) -> dict[str, str]:
        """Return the proxies argument of requests; empty for hosts in ``no_proxy``."""
        proxy = self._settings["proxy"]
        if not proxy or requests.utils.should_bypass_proxies(url, no_proxy=None):
            return {}
        return dict.fromkeys(("http", "https"), reveal(proxy))


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return a request as it is: its headers have all the credentials that it is to have."""
    return request
