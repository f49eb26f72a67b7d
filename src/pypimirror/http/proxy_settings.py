"""Proxies and certificates from the environment, and a description of how requests are sent."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..interfaces import IFetcher, ISettings
from . import fetchers, tls
from .configured_url import hidden

#: Lists the hosts that are requested without a proxy; it is not a proxy itself.
_BUT = "no_proxy"


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
    yield f"fetcher {fetchers.chosen(settings)}: {told}"
    source = tls.bundle_origin(settings)
    yield f"CA bundle: {tls.bundle(settings)} (from {source})" if full or source != "certifi" else "CA bundle: that of certifi"
    proxy = settings["proxy"]
    if proxy:
        yield f"proxy: {proxy} (from proxy)"
        return
    found = proxies()
    yield "proxy: " + (", ".join(f"{value} (from {name})" for name, value in found.items()) or "none")
