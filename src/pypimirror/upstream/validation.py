"""Validates the fields of upstream pages, of both formats."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from ..http.urls import PLAIN, strip_credentials
from ..model import NOTHING, File
from ..names import is_distribution, shown

_HEX = re.compile(r"[0-9a-fA-F]{32,128}")
_ALGORITHM = re.compile(r"[a-z0-9_]{2,20}")
_VERSION = re.compile(r"1\.([1-9][0-9]{0,5}|0)")
_LONGEST_URL = 4000
#: White space around a URL (HTML). Other white space, such as a no-break space, is part of it.
_WHITE = " \t\n\f\r"
#: Characters that are invalid in URLs: control characters, white space, and lone surrogates.
_BLANK = re.compile(r"[\0-\x20\x7f-\x9f\ud800-\udfff]")
#: The largest integer that all JSON readers support (RFC 8259, 6).
_LARGEST = (1 << 53) - 1
#: Maximum length of a serial, and the first number with more digits.
_LONGEST_SERIAL = 100
_ENDLESS = 10 ** _LONGEST_SERIAL
#: Maximum number of files on a project page; PyPI's largest has some ten thousand.
MOST_LINKS = 300_000
#: Maximum number of projects on a list; PyPI has some 800,000.
MOST_PROJECTS = 4_000_000
#: Maximum number of problems to report for one page.
MOST_PROBLEMS = 20


class InvalidEntry(ValueError):
    """A file on a page is invalid and left out; the message is the reason."""


def file_url(href: Any, page: str) -> tuple[str, dict[str, str]]:
    """Return the absolute URL of a file, without fragment, and the hashes in the fragment. Raises InvalidEntry."""
    if not isinstance(href, str):
        raise InvalidEntry("its URL is not a string")
    if len(href) <= _LONGEST_URL and PLAIN.fullmatch(href) and "?" not in href and ";" not in href:
        return href, {}  # nothing to resolve, no credentials, no fragment: nearly all URLs
    try:
        url, fragment = urldefrag(urljoin(page, href.strip(_WHITE)))
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError for an invalid port
        allowed = {"http", "https"} | ({"file"} if urlsplit(page).scheme == "file" else set())
    except ValueError as error:
        raise InvalidEntry(f"invalid URL: {shown(href)}") from error
    if parts.scheme not in allowed or (parts.scheme != "file" and not parts.hostname):
        raise InvalidEntry(f"unsupported URL: {shown(href)}")
    if _BLANK.search(url) or len(url) > _LONGEST_URL:
        raise InvalidEntry(f"invalid URL: {shown(href)}")
    if "@" in parts.netloc and parts.netloc != urlsplit(page).netloc:
        raise InvalidEntry(f"URL with credentials: {shown(strip_credentials(url))}")
    return url, fragment_hashes(fragment)


def link(href: Any, page: str) -> str | None:
    """Return an absolute URL without fragment, or None if it is invalid."""
    try:
        return file_url(href, page)[0] if line(href) else None
    except InvalidEntry:
        return None


def fragment_hashes(fragment: str) -> dict[str, str]:
    """Return the hashes of a fragment such as ``egg=demo&sha256=...``, in any order. Raises InvalidEntry."""
    return _usable(part.partition("=")[::2] for part in unquote(fragment).split("&")) if "=" in fragment else {}


def hashes(value: Any) -> dict[str, str]:
    """Return the valid hashes of a page's value: hex digests by algorithm. Raises InvalidEntry."""
    return _usable(value.items()) if isinstance(value, dict) else {}


def _usable(pairs: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    """Return hex digests by algorithm, both in lower case. Raises InvalidEntry if two digests of one algorithm differ."""
    found: dict[str, str] = {}
    for name, digest in pairs:
        if isinstance(name, str) and isinstance(digest, str):
            name, digest = name.strip().lower(), digest.strip().lower()
            if _ALGORITHM.fullmatch(name) and _HEX.fullmatch(digest) and found.setdefault(name, digest) != digest:
                raise InvalidEntry(f"two different {name} hashes")
    return found


def union(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """Return the union of two results of ``hashes``. Raises InvalidEntry if they differ."""
    if not other:
        return one
    return _usable((*one.items(), *other.items()))


def filename(value: Any) -> str:
    """Return a valid file name of a distribution, safe as a path. Raises InvalidEntry."""
    if not isinstance(value, str):
        raise InvalidEntry("its file name is not a string")
    if not is_distribution(value):
        raise InvalidEntry("not the name of a distribution")
    return value


def presence(value: Any) -> bool | dict[str, str]:
    """Return the hashes of a metadata file, or whether there is one (PEP 658, PEP 714).

    Hashes without a usable one mean that there is one, also an empty table, as pip and uv have it. Raises InvalidEntry.
    """
    if isinstance(value, str):
        value = fragment_hashes(value) or value.strip().lower() not in ("", "false", "0", "none", "null")
    if isinstance(value, dict):
        return hashes(value) or True
    return isinstance(value, bool) and value


def line(value: Any) -> str | None:
    """Return a text as one line, without control characters and lone surrogates, or None if it is empty or too long."""
    if not isinstance(value, str) or len(value) > 2000:
        return None
    text = " ".join(value.split())
    return (text if text.isprintable() else "".join(filter(str.isprintable, text))) or None


def yank(value: Any) -> bool | str:
    """Return False, True, or the reason (PEP 592); an empty value or null means not yanked (PEP 691)."""
    if isinstance(value, str) and value:
        return line(value) or True
    return bool(value)


def serial(value: Any) -> int | str | None:
    """Return a valid serial, a number or a string, or None."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return value if abs(value) < _ENDLESS else None
    return value if 0 < len(value) <= _LONGEST_SERIAL and value.isprintable() else None


def size(value: Any) -> int | None:
    """Return a size in bytes, or None if it is unknown or invalid; no distribution file is empty."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST else None


def newer_version(value: Any, ours: str) -> str | None:
    """Return upstream's API version 1.x (PEP 629) if it is newer than the supported one, else None.

    ours: the supported version."""
    text = str(value)
    known = _VERSION.fullmatch(text)
    return text if known and int(known[1]) > int(ours.partition(".")[2]) else None


def unknown(value: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    """Return the non-standard keys, without private ones, which begin with an underscore (PEP 691)."""
    if value.keys() <= known:
        return NOTHING
    rest = {key: item for key, item in value.items() if key not in known and not key.startswith("_") and _is_plain(item)}
    return rest or NOTHING


def _is_plain(value: Any, deep: int = 8) -> bool:
    """Whether a value can be passed on as JSON: limited nesting, portable numbers."""
    if isinstance(value, dict | list):
        return deep > 0 and all(_is_plain(item, deep - 1) for item in (value.values() if isinstance(value, dict) else value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -_LARGEST <= value <= _LARGEST


def distinct(files: list[File]) -> tuple[tuple[File, ...], list[str]]:
    """Return the files with distinct names, sorted, and a problem for each duplicate.

    Names that differ in case only are duplicates, because some file systems are case-insensitive.
    """
    found: dict[str, File] = {}
    problems = []
    for file in files:
        if found.setdefault(file.filename.lower(), file) is not file:
            problems.append(f"{file.filename}: listed twice; the first one is used")
    return tuple(sorted(found.values())), problems


def bounded(problems: list[str]) -> tuple[str, ...]:
    """Return the first problems, and the number of further ones."""
    rest = len(problems) - MOST_PROBLEMS
    return (*problems[:MOST_PROBLEMS], *((f"and {rest} more",) if rest > 0 else ()))
