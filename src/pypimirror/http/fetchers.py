"""Selects the fetcher of a mirror."""

from __future__ import annotations

from importlib.util import find_spec

from ..interfaces import ISettings

#: The libraries of the extra ``fast``.
_FAST = ("pycurl", "greenlet")


def chosen(settings: ISettings) -> str:
    """Return the name of the fetcher: the configured one, else pycurl if it is installed, else requests."""
    return settings["fetcher"] or ("pycurl" if all(map(find_spec, _FAST)) else "requests")
