"""Whether the environment has a say in how things are fetched. What it says is for requests to find out."""

from __future__ import annotations

import os
import sys

from ..settings.urls import hidden

#: Says which hosts are asked without any of the proxies, so by itself it says nothing.
_BUT = "no_proxy"
#: Platforms that have proxies among their own settings (urllib.request.getproxies).
_WITH_PROXIES = ("win32", "darwin")


def proxies() -> dict[str, str]:
    """Return the proxies of the environment by variable, without user and password, which are no part of any message then."""
    return {name: hidden(value) for name, value in sorted(os.environ.items())
            if value and name.lower().endswith("_proxy") and name.lower() != _BUT}


def speaks() -> bool:
    """Whether requests could act on anything there but a bundle of certificates: proxies."""
    return (sys.platform in _WITH_PROXIES
            or bool(proxies()))
