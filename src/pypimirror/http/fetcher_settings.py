"""Which fetcher a mirror has, and how it sends requests: certificates, and proxies from the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

from ..interfaces import IFetcher, ISettings
from . import tls
from .configured_url import hidden

#: The libraries of the extra ``fast``.
_FAST = ("pycurl", "greenlet")
#: Lists the hosts that are requested without a proxy; it is not a proxy itself.
_BUT = "no_proxy"


def chosen(settings: ISettings) -> str:
    """Return the name of the fetcher: the configured one, else pycurl if it is installed, else requests."""
    return settings["fetcher"] or ("pycurl" if all(map(find_spec, _FAST)) else "requests")


def proxies() -> dict[str, str]:
    """Return the proxies of the environment by variable, without credentials, and hide these in all messages."""
    return {name: hidden(value) for name, value in sorted(os.environ.items())
            if value and name.lower().endswith("_proxy") and name.lower() != _BUT}


def describe(settings: ISettings, fetcher: IFetcher, full: bool = False) -> Iterator[str]:
    """Yield a line with value and origin for the fetcher, the CA bundle and the proxy, without passwords.

    fetcher: described by its ``about()`` if it has one, else by its class.
    full: show the path of certifi's bundle, too, which a run may not have to load.
    """
    about = getattr(fetcher, "about", None)
    told = about() if about is not None else f"{type(fetcher).__module__}.{type(fetcher).__qualname__}"
    yield f"fetcher {chosen(settings)}: {told}"
    source = tls.bundle_origin(settings)
    yield f"CA bundle: {tls.bundle(settings)} (from {source})" if full or source != "certifi" else "CA bundle: that of certifi"
    proxy = settings["proxy"]
    if proxy:
        yield f"proxy: {proxy} (from proxy)"
        return
    found = proxies()
    yield "proxy: " + (", ".join(f"{value} (from {name})" for name, value in found.items()) or "none")
