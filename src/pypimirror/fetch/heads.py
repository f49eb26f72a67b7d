"""Heads of answers, read without email's parser: for a small file that one takes as long as all the rest of its request.

What is not quite regular is left to it: lines that go on in the next one, lines without a colon, what is too long or too many.
"""

from __future__ import annotations

import http.client
import re
from io import BytesIO
from types import FunctionType
from typing import Any

#: A header on one line (RFC 9112, 5), without anything that a parser could take in another way.
_REGULAR = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\xa0-\xff]*)\r\n")
_LONGEST, _MOST = 65536, 90


def parsed(stream: Any, **options: Any) -> http.client.HTTPMessage:
    """Read headers as ``http.client.parse_headers`` does, and give the same message. Raises what that raises."""
    if any(option is not None for option in options.values()):  # newer versions have some
        return http.client.parse_headers(stream, **options)
    message = http.client.HTTPMessage()
    lines: list[bytes] = []
    while len(lines) < _MOST:
        line = stream.readline(_LONGEST + 1)
        if line == b"\r\n":
            return message
        lines.append(line)
        regular = _REGULAR.fullmatch(line)
        if regular is None or len(line) > _LONGEST:
            break
        message.set_raw(regular[1].decode("ascii"), regular[2].decode("iso-8859-1"))
    return http.client.parse_headers(_Again(lines, stream))


class _Again:
    """A stream of which some lines were read already."""

    def __init__(self, lines: list[bytes], stream: Any):
        self._lines = BytesIO(b"".join(lines))
        self._stream = stream

    def readline(self, limit: int = -1, /) -> bytes:
        """Return the next line, of so many bytes at most."""
        return self._lines.readline(limit) or self._stream.readline(limit)


def _with_ours(method: Any) -> Any:
    """Give a method of the library's that calls ``parsed`` where it calls ``parse_headers``."""
    if method.__code__.co_freevars:
        return method  # in none of the versions that are known
    made = FunctionType(method.__code__, {**vars(http.client), "parse_headers": parsed}, method.__name__, method.__defaults__)
    made.__kwdefaults__ = method.__kwdefaults__
    return made


class Answer(http.client.HTTPResponse):
    """An answer as the library reads it, but for the headers."""

    begin = _with_ours(http.client.HTTPResponse.begin)
