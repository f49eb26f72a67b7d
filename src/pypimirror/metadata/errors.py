"""Error of the readers of untrusted files."""

from __future__ import annotations

from ..errors import MirrorError


class InvalidContent(MirrorError, ValueError):
    """An untrusted file is damaged, malformed or beyond a limit. The message is one short printable line."""
