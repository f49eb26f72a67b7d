"""The two ways of the default fetcher: a plain request by urllib3 alone, or by requests where the environment has a say."""

from __future__ import annotations

import os
import re

import pytest

WAYS = ("plain", "session")
_SAYS = re.compile(r".*_proxy|netrc|(requests|curl)_ca_bundle", re.IGNORECASE)


def silent() -> dict[str, str]:
    """Give the environment without what it says of how things are fetched."""
    return {name: value for name, value in os.environ.items() if not _SAYS.fullmatch(name)}


def take(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have fetchers of this process, and of those that it starts, take one of the ways."""
    for name in set(os.environ) - set(silent()):
        monkeypatch.delenv(name)
    if way == "session":
        monkeypatch.setenv("NETRC", os.devnull)
