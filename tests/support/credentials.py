"""Upstreams that ask for a password, and where a user keeps one."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from support.upstream import Upstream


def basic(user: str, password: str) -> str:
    """Return user and password as they travel."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def guard(upstream: Upstream, user: str, password: str) -> None:
    """Let the upstream answer those alone who know the password."""
    answers = upstream.respond
    expected = f"Basic {basic(user, password)}"

    def respond(path: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        if headers.get("Authorization") != expected:
            return 401, {"WWW-Authenticate": 'Basic realm="site"'}, b""
        return answers(path, headers)

    upstream.respond = respond  # type: ignore[method-assign]


def in_netrc(folder: Path, monkeypatch: pytest.MonkeyPatch, user: str, password: str) -> None:
    """Write a user's netrc, with the password for this machine."""
    netrc = folder / "netrc"
    netrc.write_text(f'machine 127.0.0.1 login {user} password "{password}"\n')
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
