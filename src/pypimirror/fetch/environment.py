"""Whether the environment has a say in how things are fetched. What it says is for requests to find out."""

from __future__ import annotations

import os
import sys

#: Says which hosts are asked without any of the proxies, so by itself it says nothing.
_BUT = "no_proxy"
#: Platforms that have proxies among their own settings (urllib.request.getproxies).
_WITH_PROXIES = ("win32", "darwin")


def speaks() -> bool:
    """Whether requests could act on anything there but a bundle of certificates: proxies."""
    return (sys.platform in _WITH_PROXIES
            or any(value for name, value in os.environ.items() if name.lower().endswith("_proxy") and name.lower() != _BUT))
