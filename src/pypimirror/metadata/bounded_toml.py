"""Parses untrusted TOML in memory and time proportional to its length.

For a dotted key the standard parser keeps a tuple of each leading part, and for each table a dictionary: 1 MB of keys takes
gigabytes, however short the lines. Therefore a scanner, linear in the length of the document, first estimates the cost.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, NoReturn

from ..names import shown
from .errors import InvalidContent

#: Levels of tables, arrays and parts of dotted keys, in total. Common documents have less than ten.
MAX_DEPTH = 100
#: Characters of a bare key, number or date.
_MAX_BARE = 1000
#: Limits on the estimated bytes that parsing takes: a constant, an amount for each character, and an absolute limit.
#: Common lock files and pyproject.toml files take less than half of that for each character.
_BASE_COST, _COST_PER_CHARACTER, _MAX_COST = 16 << 20, 40, 256 << 20
#: Estimated bytes for one table with the parser's bookkeeping (measured: 1,100 to 1,300), for a nested list or table, for a
#: value, and for one part of one tuple.
_TABLE, _NESTED, _VALUE, _PART = 1200, 200, 60, 8

#: Tokens outside of strings. Blanks are ignored; a bare word is a part of a key, a number or a date.
_TOKEN = re.compile(r"""[ \t\r]+ | \#[^\n]* | "{3} | '{3} | [\n"'\[\]{}=.,] | [^\s"'\#\[\]{}=.,]+ | .""",
                    re.VERBOSE | re.DOTALL)
#: Ends of strings and escape characters, by delimiter.
_STRING_PARTS = {'"': re.compile(r'["\\\n]'), '"""': re.compile(r'"{3}|\\'),
                 "'": re.compile(r"['\n]"), "'''": re.compile(r"'{3}")}


def loads(document: bytes | str) -> dict[str, Any]:
    """Parse a TOML document.

    document: bytes are UTF-8, with or without a byte order mark.
    Raises InvalidContent: not TOML, nested more than MAX_DEPTH levels, or too expensive to parse for its length.
    """
    try:
        text = document.decode("utf-8-sig") if isinstance(document, bytes) else document
        text = text.replace("\r\n", "\n")
        _Scanner(text).scan()
        parser = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
        data: dict[str, Any] = parser.loads(text)
    except InvalidContent:
        raise
    except UnicodeDecodeError as error:
        raise InvalidContent(f"not UTF-8 text (byte {error.start})") from error
    except (ValueError, OverflowError) as error:
        raise InvalidContent(shown(str(error))) from error
    except RecursionError as error:
        raise InvalidContent("nested too deeply") from error
    return data


def table_at(value: Any, *keys: str) -> Mapping[str, Any]:
    """Return a nested table of a document; an empty one if it is missing, or no table."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


class _Scanner:
    """Scans the structure of a document as far as the cost of parsing depends on it.

    Accepts some documents that are not valid TOML. The parser refuses them, and never gets further than the scanner.
    """

    def __init__(self, text: str):
        self._text = text
        self._position = 0
        self._cost = 0
        self._limit = min(_BASE_COST + _COST_PER_CHARACTER * len(text), _MAX_COST)
        self._state: Literal["start", "header", "key", "value", "end"] = "start"
        #: Numbers of parts of the current key or header, and of the last header.
        self._parts = self._header = 0
        #: Open brackets in a value, each with the levels of the tables around it.
        self._open: list[tuple[str, int]] = []
        #: Levels around the current position.
        self._level = 0

    def scan(self) -> None:
        """Raise InvalidContent if the document must not be parsed."""
        handlers = {"start": self._start, "header": self._in_header, "end": self._after_header, "key": self._in_key,
                    "value": self._in_value}
        text, end = self._text, len(self._text)
        while self._position < end:
            match = _TOKEN.match(text, self._position)
            if match is None:  # the expression takes any character
                break
            token = match[0]
            self._position = match.end()
            if token[0] in " \t\r#":
                continue
            if token in _STRING_PARTS:
                self._skip_string(token)
                token = '"'
            elif len(token) > _MAX_BARE:
                self._fail(f"a name or number of more than {_MAX_BARE} characters")
            handlers[self._state](token)

    def _start(self, token: str) -> None:
        """Handle the first token of a line."""
        if token == "[":
            self._state, self._parts = "header", 1
        elif token != "\n":
            self._state, self._parts, self._level = "key", 1, self._header
            self._in_key(token)

    def _in_header(self, token: str) -> None:
        if token == ".":
            self._add_part(0)
        elif token == "]":
            self._header = self._level = self._parts
            self._charge(_TABLE * self._parts + _PART * self._parts * self._parts)
            self._state = "end"
        elif token == "\n" or token in "={},":
            self._fail("a table's header is not closed")

    def _after_header(self, token: str) -> None:
        if token == "\n":
            self._state = "start"

    def _in_key(self, token: str) -> None:
        if token == ".":
            self._add_part(self._level)
        elif token == "=":
            # The parser makes a tuple of each leading part of the key, beginning with the header's parts.
            self._charge(_VALUE + _PART * self._parts * (self._level + self._parts) + _TABLE * (self._parts - 1))
            self._state = "value"
        elif token == "}" and self._open and self._open[-1][0] == "{":
            self._close(token)
        elif token in "[]{}," or (token == "\n" and not self._open):
            self._fail("a key without a value")

    def _in_value(self, token: str) -> None:
        if token == "\n":
            if not self._open:
                self._state = "start"
        elif token in "[{":
            # The parser keeps the same bookkeeping for a list or table directly under a key as for a table.
            self._charge(_NESTED if self._open else _NESTED + _TABLE * (self._level + self._parts))
            inner = self._level + (self._parts if not self._open or self._open[-1][0] == "{" else 0) + 1
            self._open.append((token, self._level))
            self._level, self._parts = inner, 1
            self._check_depth(inner)
            self._state = "key" if token == "{" else "value"
        elif token in "]}":
            self._close(token)
        elif token == ",":
            if not self._open:
                self._fail("a comma outside of a list")
            self._charge(_VALUE)
            if self._open[-1][0] == "{":
                self._state, self._parts = "key", 1
        elif token == "=":
            self._fail("a second '='")

    def _close(self, token: str) -> None:
        if not self._open or self._open[-1][0] != ("[" if token == "]" else "{"):
            self._fail(f"an unexpected {token!r}")
        _, self._level = self._open.pop()
        self._state = "value"

    def _skip_string(self, delimiter: str) -> None:
        """Move to the end of a string, by the rules of the parser."""
        expression, text, position = _STRING_PARTS[delimiter], self._text, self._position
        while match := expression.search(text, position):
            position = match.end()
            if match[0] == "\\":
                position += 1
            elif match[0] == "\n":
                break
            else:
                quote = delimiter[0]
                for _ in range(2 if len(delimiter) == 3 else 0):  # a multi-line string may end with two quotes
                    position += text.startswith(quote, position)
                self._position = position
                return
        self._fail("a string that is not closed")

    def _add_part(self, above: int) -> None:
        # Checked here, since the parser takes time quadratic in the parts before it notices a missing '='.
        self._parts += 1
        self._check_depth(above + self._parts)

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._fail(f"nested more than {MAX_DEPTH} levels deep")

    def _charge(self, cost: int) -> None:
        self._cost += cost
        if self._cost > self._limit:
            self._fail("too many tables or parts of keys for its length")

    def _fail(self, why: str) -> NoReturn:
        line = self._text.count("\n", 0, self._position) + 1
        raise InvalidContent(f"{why} (line {line})")
