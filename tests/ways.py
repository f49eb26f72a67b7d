"""The two ways of the default fetcher: a plain request by http.client alone, or by requests where it is more than that."""

from __future__ import annotations

import os
import re

import pytest

from pypimirror.model import Head

WAYS = ("plain", "session")
_SAYS = re.compile(r".*_proxy|netrc|(requests|curl)_ca_bundle", re.IGNORECASE)


class Body:
    """Keeps what comes (IReceiver)."""

    def __init__(self) -> None:
        self.body = b""

    def start(self, head: Head) -> None:
        pass

    def write(self, block: bytes) -> None:
        self.body += block


def silent() -> dict[str, str]:
    """Give the environment without what it says of how things are fetched."""
    return {name: value for name, value in os.environ.items() if not _SAYS.fullmatch(name)}


def take(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have fetchers of this process take one of the ways, or ``netrc``: the plain one, with what requests says of it.

    Those of processes that it starts never leave the plain way.
    """
    for name in set(os.environ) - set(silent()):
        monkeypatch.delenv(name)
    if way != "plain":
        # Of no request that is sent, so that requests finds nothing in it.
        monkeypatch.setenv("ftp_proxy", "http://127.0.0.1:9")
    if way == "session":
        monkeypatch.setattr("pypimirror.http.sessions.HTTPSession.way", lambda *_: None)
