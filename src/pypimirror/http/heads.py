"""Heads of answers, read without email's parser: for a small file that one takes as long as all the rest of its request.

What is not quite regular is left to it: lines that go on in the next one, lines without a colon, what comes in pieces, what is
too long or too many.
"""

from __future__ import annotations

import http.client
import re
import string
from collections.abc import Iterable
from io import BufferedReader
from types import FunctionType
from typing import Any

from .translate_error import NO_LENGTH

#: Headers on one line each (RFC 9112, 5), without anything that a parser could take in another way.
_REGULAR = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\xa0-\xff]*\r\n)+")
_MOST = 90
#: What no value may have (RFC 9110, 5.5), and what comes before one that goes on in the next line (RFC 9112, 5.2).
_BREAK = re.compile(r"[\r\n\0]+[ \t]*")
#: Bytes of a line with a chunk's length, and digits of that; more are none.
_LONGEST, _MOST_DIGITS = 1 << 16, 16
#: Answers without a body, whatever their headers say of one (RFC 9112, 6.3).
BODILESS = frozenset({204, 304})
#: Those that come before the final one (RFC 9110, 15.2); of 100 the library knows, and after 101 it would be another protocol.
_INTERIM = range(102, 200)
_DIGITS = frozenset(string.hexdigits.encode())


def parsed(stream: BufferedReader, **options: Any) -> dict[str, str]:
    """Read headers as ``http.client.parse_headers`` does; return them by name in lower case, those of one name in one.

    Raises what that raises, and ValueError where the length of the body is told in several ways, or in one that is unknown.
    """
    if not any(option is not None for option in options.values()):  # newer versions have some
        there = stream.peek()
        end = there.find(b"\r\n\r\n") + 2
        if end > 1 and _REGULAR.fullmatch(there, 0, end) and there.count(b"\r\n", 0, end) <= _MOST:
            stream.read(end + 2)
            return one_length(joined(there[:end - 2].decode("iso-8859-1").split("\r\n")))
    found = http.client.parse_headers(stream, **options).items()
    return one_length(joined(f"{name}:{one_line(value)}" for name, value in found))


def one_line(value: str) -> str:
    """Return a header's value in the form in which it can be sent back, as an ETag is."""
    return _BREAK.sub(" ", value)


def joined(lines: Iterable[str]) -> dict[str, str]:
    """Give headers by name in lower case, those of one name in one (RFC 9110, 5.3). lines: without their ends."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip(" \t").lower()
        value = value.strip(" \t")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def one_length(found: dict[str, str]) -> dict[str, str]:
    """Give headers that tell the body's length in one way. Raises ValueError for several, or one that is unknown."""
    lengths, codings = found.get("content-length", ""), found.pop("transfer-encoding", None)
    if codings is not None:
        for coding in {coding.strip(" \t").lower() for coding in codings.split(",")} - {"", "identity"}:
            if coding != "chunked":
                raise ValueError(f"Transfer-Encoding {codings}, which was not asked for")
            found["transfer-encoding"] = coding
    if "," in lengths and "transfer-encoding" not in found:
        different = {length.strip() for length in lengths.split(",")}
        if len(different) > 1:
            raise ValueError(f"Content-Length contained multiple unmatching values ({lengths})")
        found["content-length"] = different.pop()
    return found


def _with_ours(method: Any) -> Any:
    """Give a method of the library's that calls ``parsed`` where it calls ``parse_headers``."""
    if method.__code__.co_freevars:
        return method  # in none of the versions that are known
    made = FunctionType(method.__code__, {**vars(http.client), "parse_headers": parsed}, method.__name__, method.__defaults__)
    made.__kwdefaults__ = method.__kwdefaults__
    return made


class Response(http.client.HTTPResponse):
    """An answer as the library reads it, but for the headers: a dictionary by name in lower case."""

    headers: dict[str, str]  # type: ignore[assignment]
    _begin = _with_ours(http.client.HTTPResponse.begin)

    def begin(self) -> None:
        self._begin()
        while self.status in _INTERIM:
            self.headers = None  # type: ignore[assignment]
            self._begin()
        if self.status in BODILESS:
            self.chunked = False

    def _read_next_chunk_size(self) -> int:
        """Read a chunk's length: of digits alone (RFC 9112, 7.1), on a line that is there to its end."""
        line = self.fp.readline(_LONGEST)
        ended = line.endswith(b"\n")
        if not ended and len(line) < _LONGEST:
            raise http.client.IncompleteRead(b"")
        digits = line.partition(b";")[0].strip()
        if not ended or not 0 < len(digits) <= _MOST_DIGITS or not _DIGITS.issuperset(digits):
            raise http.client.HTTPException(NO_LENGTH)
        return int(digits, 16)
