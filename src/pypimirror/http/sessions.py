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
from .connections import POOLS, Resend
from .credentials import basic, split_userinfo
from .headers import BODILESS, joined, one_length, one_line
from .hosts import same_origin
from .translate_error import failure
from .urls import PLAIN, strip_credentials

_AGENT = f"z3c.recipe.pypimirror/{__version__}"
#: Maximum number of hosts whose options are remembered.
_MOST_HOSTS = 1000
#: Bytes of a body per read.
_BLOCK = 1 << 16
#: Transient errors before the response, and during its body.
_PASSING = (requests.ConnectionError, requests.Timeout)
_PASSING_LATER = (ProtocolError, TimeoutError, NewConnectionError, ValueError)


class Adapter(requests.adapters.HTTPAdapter):
    """An adapter whose connections support ``pace`` and the SSRF guard."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = dict(POOLS)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not str(proxy).lower().startswith("socks"):  # urllib3 has separate connection classes for SOCKS
            manager.pool_classes_by_scheme = dict(POOLS)
        return manager

    def close(self) -> None:
        """Close the connections now; urllib3 leaves it to the garbage collector, which an exception may hold up."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 (urllib3 refuses to iterate over the container itself)
                manager.pools[key].close()
        super().close()


class OfSession:
    """A response of requests."""

    def __init__(self, response: requests.Response, settings: ISettings):
        """Raises ValueError if the headers do not delimit the body clearly."""
        self._settings = settings
        self.status, self.url = response.status_code, response.url
        self.headers = one_length(joined(f"{name}:{one_line(value)}" for name, value in response.raw.headers.items()))
        self._raw = response.raw
        unknown = "transfer-encoding" not in self.headers and self._raw.length_remaining is None
        # http.client skips what follows an invalid line, and urllib3 would read to the end of the connection then.
        original = getattr(self._raw, "_original_response", None)
        if getattr(getattr(original, "msg", None), "defects", None) or (
                unknown and "content-length" in self.headers and self.status not in BODILESS):
            raise ValueError("the headers have an invalid line")
        # urllib3 1 accepts truncated bodies by default.
        self._raw.enforce_content_length = True

    def blocks(self) -> Iterator[bytes]:
        """Yield the body without decoding it. Raises FetchError."""
        if self.status in BODILESS:
            return  # urllib3 would wait for the length in the headers
        blocks = self._raw.stream(_BLOCK, decode_content=False)
        while True:
            try:
                block = next(blocks, None)
            # An invalid chunk length raises an undocumented ValueError.
            except (HTTPError, ValueError) as error:
                raise failure(self.url, error, isinstance(error, _PASSING_LATER), self._settings) from error
            if block is None:
                return
            yield block

    def finish(self) -> None:
        """Return the connection to the pool."""
        self._raw.close()
        self._raw.release_conn()


class HTTPSession(requests.Session):
    """A session for one request at a time; checks each redirect before it follows it."""

    def __init__(self, settings: ISettings):
        super().__init__()
        certificate = settings["client_cert"]
        self._certificate: Any = certificate[0] if len(certificate) == 1 else certificate or None
        self._settings = settings
        self.headers["User-Agent"] = _AGENT
        self.max_redirects = 10
        for scheme in ("http://", "https://"):
            self.mount(scheme, Adapter(max_retries=Resend(0, read=False)))
        #: The keyword arguments of ``HTTPAdapter.send`` by scheme and authority. Finding proxies and certificates in the
        #: environment takes a third of the processor time of a request.
        self._options: dict[str, dict[str, Any]] = {}
        #: A request to copy: preparing it takes a tenth.
        self._template = self._prepare("http://localhost/")

    def answer(self, url: str, headers: Mapping[str, str]) -> OfSession:
        """Send a GET request and return the response, whose body is not read yet. Raises FetchError."""
        try:
            request = self._prepare_get(url, headers)
            options = self._options_for(str(request.url))
            response = self.get_adapter(str(request.url)).send(request, **options)
            if response.is_redirect:
                following = self.resolve_redirects(response, request, **options)
                # The first response is the last one if its redirect has no target.
                response = deque((response, *following), maxlen=1).pop()
            return OfSession(response, self._settings)
        except requests.TooManyRedirects as error:
            raise FetchError(strip_credentials(url), "too many redirects") from error
        except requests.exceptions.SSLError as error:  # a subclass of ConnectionError
            raise failure(url, error, False, self._settings) from error
        # ValueError: a redirect to an invalid URL; OSError: also an invalid bundle of certificates in the environment.
        except (OSError, HTTPError, ValueError) as error:
            raise failure(url, error, isinstance(error, _PASSING), self._settings) from error

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            # Otherwise requests reads the body to its end, which may never come.
            resp.raw.close()
            target = split_userinfo(urljoin(resp.url, target))[0]  # a redirect must not choose the credentials
            ssrf.check_redirect(resp.url, target)
        return target

    def _options_for(self, url: str) -> dict[str, Any]:
        """Return the keyword arguments of ``HTTPAdapter.send``, which depend on the host: timeout, certificates, proxies."""
        match = PLAIN.match(url)
        known = self._options.get(match[1]) if match is not None else None
        if known is not None:
            return known
        options = self.merge_environment_settings(url, self._proxies(url), True, self._settings["ca_bundle"], self._certificate)
        found = {**options, "timeout": self._settings["timeout"]}
        if match is not None:
            if len(self._options) >= _MOST_HOSTS:
                self._options.clear()
            self._options[match[1]] = found
        return found

    def _prepare_get(self, url: str, headers: Mapping[str, str]) -> requests.PreparedRequest:
        url, userinfo = split_userinfo(url)
        if userinfo:
            headers = {**headers, "Authorization": basic(userinfo)}
        if self.cookies or PLAIN.fullmatch(url) is None:
            return self._prepare(url, headers)
        request = self._template.copy()
        request.url = url
        request.headers.update(headers)
        return request

    def _prepare(self, url: str, headers: Mapping[str, str] | None = None) -> requests.PreparedRequest:
        # Without ``auth``, requests reads netrc, which knows neither ports nor schemes.
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
    """Return a request unchanged: its headers already have the credentials."""
    return request
