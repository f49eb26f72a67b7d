"""What transfers run on, in words, for ``config`` and the log: fetcher, TLS library, CA bundle, proxy."""

from __future__ import annotations

from collections.abc import Iterator

from ..interfaces import IFetcher, ISettings
from . import environment, tls


def describe(settings: ISettings, fetcher: IFetcher, full: bool = False) -> Iterator[str]:
    """Yield a line for each of them, with where it comes from; none shows a password.

    full: load for it what a run may not need. fetcher: a plugin's is described by its own ``about()``, if it has one, and by its class otherwise.
    """
    if full:
        import requests  # its versions are told

        del requests
    about = getattr(fetcher, "about", None)
    told = about() if about is not None else f"{type(fetcher).__module__}.{type(fetcher).__qualname__}"
    yield f"fetcher {settings['fetcher']}: {told}"
    source = tls.bundle_origin(settings)
    yield f"CA bundle: {tls.bundle(settings)} (from {source})" if full or source != "certifi" else "CA bundle: that of certifi"
    proxy = settings["proxy"]
    if proxy:
        yield f"proxy: {proxy} (from proxy)"
        return
    found = environment.proxies()
    yield "proxy: " + (", ".join(f"{value} (from {name})" for name, value in found.items()) or "none")
