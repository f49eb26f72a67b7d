"""Heads of answers, read without email's parser: for a small file that one takes as long as all the rest of its request.

What is not quite regular is left to it: lines that go on in the next one, lines without a colon, what comes in pieces, what is
too long or too many.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable
from io import BufferedReader
from types import FunctionType
from typing import Any

#: Headers on one line each (RFC 9112, 5), without anything that a parser could take in another way.
_REGULAR = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\xa0-\xff]*\r\n)+")
_MOST = 90


def parsed(stream: BufferedReader, **options: Any) -> dict[str, str]:
    """Read headers as ``http.client.parse_headers`` does; return them by name in lower case, those of one name in one.

    Raises what that raises, and ValueError where the length of the body is told in several ways.
    """
    if not any(option is not None for option in options.values()):  # newer versions have some
        there = stream.peek()
        end = there.find(b"\r\n\r\n") + 2
        if end > 1 and _REGULAR.fullmatch(there, 0, end) and there.count(b"\r\n", 0, end) <= _MOST:
            stream.read(end + 2)
            return _one_length(joined(there[:end - 2].decode("iso-8859-1").split("\r\n")))
    return _one_length(joined(f"{name}:{value}" for name, value in http.client.parse_headers(stream, **options).items()))


def joined(lines: Iterable[str]) -> dict[str, str]:
    """Give headers by name in lower case, those of one name in one (RFC 9110, 5.3). lines: without their ends."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.lower()
        value = value.lstrip(" \t")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _one_length(found: dict[str, str]) -> dict[str, str]:
    lengths = found.get("content-length", "")
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
    begin = _with_ours(http.client.HTTPResponse.begin)
