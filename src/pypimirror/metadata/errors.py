"""Errors of the readers of foreign files."""

from __future__ import annotations

from ..errors import MirrorError


class InvalidContent(MirrorError, ValueError):
    """A foreign file that is damaged, malformed or beyond a limit; the message is one short printable line."""
