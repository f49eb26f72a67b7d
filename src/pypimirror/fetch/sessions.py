"""Requests, by the library of that name: what is more than plain, and what the environment has a say in.

For a small file a session takes longer to merge settings, cookies and hooks than to get it. So it prepares the first request to
each host, and where a plain one will do, the connections are there for those that follow (see ``plain``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import urljoin

import requests

from ..errors import FetchError
from ..interfaces import ISettings
from . import hosts
from .address import bare
from .connections import POOLS
from .failures import failure
from .plain import AGENT, Way

_PASSING = (requests.ConnectionError, requests.Timeout)


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


class _Host(NamedTuple):
    """What all requests to one host have in common."""

    adapter: requests.adapters.BaseAdapter
    #: For the adapter: timeout, certificates, proxies.
    options: Mapping[str, Any]
    #: How a plain request to it can be sent, if it can.
    way: Way | None


class Session(requests.Session):
    """What one thread asks; looks at each redirect before it is followed, and remembers hosts."""

    def __init__(self, settings: ISettings, ways: MutableMapping[str, Way | None]):
        """ways: by scheme and host; gets those that are found."""
        super().__init__()
        certificate = settings["client_cert"]
        self._certificate: Any = certificate[0] if len(certificate) == 1 else certificate or None
        self._settings = settings
        self._ways = ways
        self._hosts: dict[str, _Host] = {}
        self.headers["User-Agent"] = AGENT
        self.max_redirects = 10
        self.mount("http://", Adapter())
        self.mount("https://", Adapter())

    def answer(self, url: str, headers: Mapping[str, str], origin: str | None = None) -> tuple[Any, str]:
        """Return urllib3's answer to a GET, its body not yet read, and the URL that it is of. Raises FetchError.

        origin: scheme and host of a plain URL.
        """
        try:
            request = self._prepared(url, headers)
            host = self._host(request) if origin is None else self._known(origin, url)
            response = host.adapter.send(request, **host.options)
            if response.is_redirect:
                following = self.resolve_redirects(response, request, **host.options)
                # One that leads nowhere is followed by nothing.
                response = deque((response, *following), maxlen=1).pop()
        except requests.TooManyRedirects as error:
            raise FetchError(bare(url), "too many redirects") from error
        except requests.exceptions.SSLError as error:  # which is a ConnectionError, too
            raise failure(url, error, ()) from error
        except requests.RequestException as error:
            raise failure(url, error, _PASSING) from error
        return response.raw, response.url

    def close(self) -> None:
        super().close()
        while self._hosts:  # urllib3 closes connections when nobody knows their pool any more
            _, host = self._hosts.popitem()
            if host.way is not None:
                host.way.pool.close()

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

    def _known(self, origin: str, url: str) -> _Host:
        host = self._hosts.get(origin)
        if host is None:
            host = self._hosts[origin] = self._host(self._prepared(url, {}))
            self._ways.setdefault(origin, host.way)
        return host

    def _host(self, request: requests.PreparedRequest) -> _Host:
        url = str(request.url)
        options = self.merge_environment_settings(url, self._proxies(url), True, self._settings["ca_bundle"], self._certificate)
        adapter = self.get_adapter(url)
        way = None
        if not options["proxies"] and hasattr(adapter, "get_connection_with_tls_context"):  # requests 2.32
            pool = adapter.get_connection_with_tls_context(request, options["verify"], cert=options["cert"])
            way = Way(pool, dict(request.headers))
        return _Host(adapter, {**options, "timeout": self._settings["timeout"]}, way)

    def _prepared(self, url: str, headers: Mapping[str, str]) -> requests.PreparedRequest:
        # Given by themselves they count before what netrc has for the host.
        credentials = requests.utils.get_auth_from_url(url)
        auth = credentials if any(credentials) else None
        return self.prepare_request(requests.Request("GET", url, headers=headers, auth=auth))

    def _proxies(self, url: str) -> dict[str, str]:
        """Give the proxy as requests wants it, except for hosts that ``no_proxy`` in the environment names."""
        proxy = self._settings["proxy"]
        if not proxy or requests.utils.should_bypass_proxies(url, no_proxy=None):
            return {}
        return dict.fromkeys(("http", "https"), proxy)
