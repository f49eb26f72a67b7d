"""Kinds of values: how the text of a key becomes a plain value.

A kind is a function of the text and the folder that relative paths start from; it returns the value or raises ValueError with
what would be right.
"""

import os
import re
from collections.abc import Callable
from typing import Any

Kind = Callable[[str, str], Any]

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def text(value: str, folder: str) -> str:
    """Any text on one line."""
    if "\n" in value:
        raise ValueError("one line")
    return value


def boolean(value: str, folder: str) -> bool:
    """True or False in any case."""
    word = value.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("True or False")
    return word in _TRUE


def integer(value: str, folder: str) -> int:
    """A whole number from 0."""
    if not re.fullmatch(r"\d{1,9}", value):
        raise ValueError("a whole number")
    return int(value)


def positive(value: str, folder: str) -> int:
    """A whole number from 1."""
    number = integer(value, folder)
    if number < 1:
        raise ValueError("a whole number from 1")
    return number


def words(value: str, folder: str) -> tuple[str, ...]:
    """A list separated by white space; lines that start with ``#`` are comments."""
    return tuple(word for line in lines(value, folder) for word in line.split())


def lines(value: str, folder: str) -> tuple[str, ...]:
    """A list with one item a line; lines that start with ``#`` are comments."""
    stripped = (line.strip() for line in value.splitlines())
    return tuple(line for line in stripped if line and not line.startswith("#"))


def path(value: str, folder: str) -> str:
    """A path; a relative one starts at the configuration file's folder, ``~`` is the home directory. URLs stay as they are."""
    value = text(value, folder)
    if _SCHEME.match(value) or not value:
        return value
    return os.path.normpath(os.path.join(folder, os.path.expanduser(value)))


def paths(value: str, folder: str) -> tuple[str, ...]:
    """A list of paths or URLs separated by white space."""
    return tuple(path(word, folder) for word in words(value, folder))


def size(value: str, folder: str) -> int:
    """A size in bytes, with ``K``, ``M``, ``G`` or ``T`` for powers of 1024."""
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError("a size such as 500M or 1G")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def share(value: str, folder: str) -> float:
    """A share of the whole: ``10%``."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*%", value)
    if match is None or float(match[1]) > 100:
        raise ValueError("a percentage from 0% to 100%")
    return float(match[1]) / 100


def web_address(value: str, folder: str) -> str:
    """An http or https URL, or nothing; without the slash at its end."""
    if value and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", value, re.IGNORECASE):
        raise ValueError("a URL that starts with http:// or https://")
    return value.rstrip("/")


def choice(*names: str) -> Kind:
    """Give the kind of a key that takes one of these words."""

    def chosen(value: str, folder: str) -> str:
        if value not in names:
            raise ValueError("one of " + ", ".join(names))
        return value

    chosen.__doc__ = "One of " + ", ".join(f"``{name}``" for name in names) + "."
    return chosen
