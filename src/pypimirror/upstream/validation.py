"""What of upstream's pages is taken at its word, and what is refused. Both forms of a page go through here."""

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
#: What no URL has: control characters, blanks, and halves of characters, which can't be sent or stored.
_BLANK = re.compile(r"[\0-\x20\x7f-\x9f\ud800-\udfff]")
#: What any reader of JSON understands as a number (RFC 8259, 6).
_LARGEST = (1 << 53) - 1
#: Characters of a serial, and numbers that have more digits.
_LONGEST_SERIAL = 100
_ENDLESS = 10 ** _LONGEST_SERIAL
#: As many files may be on a page of one project; the largest at PyPI has some ten thousand.
MOST_LINKS = 300_000
#: As many projects may be on a list; PyPI has some 800,000.
MOST_PROJECTS = 4_000_000
#: As many problems of one page are told as people will read.
MOST_PROBLEMS = 20


class InvalidEntry(ValueError):
    """One file of a page is left out; the message says why."""


def file_url(href: Any, page: str) -> tuple[str, dict[str, str]]:
    """Return the absolute URL of a file, without fragment, and the hashes that the fragment names. Raises Refused."""
    if not isinstance(href, str):
        raise InvalidEntry("its URL is no text")
    if len(href) <= _LONGEST_URL and PLAIN.fullmatch(href) and "?" not in href and ";" not in href:
        return href, {}  # nothing to resolve, nobody's credentials, no fragment: nearly all are like this
    try:
        url, fragment = urldefrag(urljoin(page, href.strip()))
        parts = urlsplit(url)
        _ = parts.port  # which is read when it is asked for
        allowed = {"http", "https"} | ({"file"} if urlsplit(page).scheme == "file" else set())
    except ValueError as error:
        raise InvalidEntry(f"its URL is none: {shown(href)}") from error
    if parts.scheme not in allowed or (parts.scheme != "file" and not parts.hostname):
        raise InvalidEntry(f"its URL is not one to fetch: {shown(href)}")
    if _BLANK.search(url) or len(url) > _LONGEST_URL:
        raise InvalidEntry(f"its URL is none: {shown(href)}")
    if "@" in parts.netloc and parts.netloc != urlsplit(page).netloc:
        raise InvalidEntry(f"its URL has credentials: {shown(strip_credentials(url))}")
    return url, fragment_hashes(fragment)


def link(href: Any, page: str) -> str | None:
    """Give an absolute URL, without fragment, or None for what is none to fetch."""
    try:
        return file_url(href, page)[0] if line(href) else None
    except InvalidEntry:
        return None


def fragment_hashes(fragment: str) -> dict[str, str]:
    """Return the hashes of a fragment such as ``egg=demo&sha256=...``, in any order. Raises Refused."""
    return _usable(part.partition("=")[::2] for part in unquote(fragment).split("&")) if "=" in fragment else {}


def hashes(value: Any) -> dict[str, str]:
    """Return the usable ones of the hashes that a page names: hex digests by algorithm. Raises Refused."""
    return _usable(value.items()) if isinstance(value, Mapping) else {}


def _usable(pairs: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    """Return hex digests by algorithm, both in lower case. Raises Refused where two digests of one algorithm differ."""
    found: dict[str, str] = {}
    for name, digest in pairs:
        if isinstance(name, str) and isinstance(digest, str):
            name, digest = name.strip().lower(), digest.strip().lower()
            if _ALGORITHM.fullmatch(name) and _HEX.fullmatch(digest) and found.setdefault(name, digest) != digest:
                raise InvalidEntry(f"it has two different hashes of {name}")
    return found


def both(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes that two places name for one file. Raises Refused if they differ."""
    return _usable((*one.items(), *other.items()))


def filename(value: Any) -> str:
    """Give a file name that is a distribution's and safe as a path. Raises Refused."""
    if not isinstance(value, str):
        raise InvalidEntry("its file name is no text")
    if not is_distribution(value):
        raise InvalidEntry("not the name of a distribution")
    return value


def presence(value: Any) -> bool | dict[str, str]:
    """Return what a page says of a metadata file (PEP 658, PEP 714): hashes, or whether there is one.

    Hashes of which none can be used mean that there is one. Raises Refused.
    """
    if isinstance(value, str):
        value = fragment_hashes(value) or value.strip().lower() not in ("", "false", "0", "none", "null")
    if isinstance(value, Mapping):
        return hashes(value) or bool(value)
    return isinstance(value, bool) and value


def line(value: Any) -> str | None:
    """Give a text that is fit for one line of any page, or None: without control characters and halves of characters."""
    if not isinstance(value, str) or len(value) > 2000:
        return None
    text = " ".join(value.split())
    return (text if text.isprintable() else "".join(filter(str.isprintable, text))) or None


def yank(value: Any) -> bool | str:
    """Return False, True, or the reason (PEP 592): what is empty or null means that a file is not yanked (PEP 691)."""
    if isinstance(value, str) and value:
        return line(value) or True
    return bool(value)


def serial(value: Any) -> int | str | None:
    """Give a serial as upstream has it: a number, a text, or None."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return value if abs(value) < _ENDLESS else None
    return value if 0 < len(value) <= _LONGEST_SERIAL and value.isprintable() else None


def size(value: Any) -> int | None:
    """Return a size in bytes, or None where it is not known, as for 0: no distribution file is empty."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST else None


def newer_version(value: Any, ours: str) -> str | None:
    """Return the version 1.x of upstream's interface (PEP 629) if it is above ours, whose fields are all passed on."""
    text = str(value)
    known = _VERSION.fullmatch(text)
    return text if known and int(known[1]) > int(ours.partition(".")[2]) else None


def unknown(value: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    """Give the keys that no standard we know names; those with an underscore are private (PEP 691)."""
    rest = {key: item for key, item in value.items() if key not in known and not key.startswith("_") and _is_plain(item)}
    return rest or NOTHING


def _is_plain(value: Any, deep: int = 8) -> bool:
    """Whether a value can be passed on: not nested without end, every number one that JSON has."""
    if isinstance(value, dict | list):
        return deep > 0 and all(_is_plain(item, deep - 1) for item in (value.values() if isinstance(value, dict) else value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -_LARGEST <= value <= _LARGEST


def distinct(files: list[File]) -> tuple[tuple[File, ...], list[str]]:
    """Give the files without repeated names, sorted, and a problem for each one left out.

    Names that differ in case only are one name on some file systems, and the tree can be copied there.
    """
    found: dict[str, File] = {}
    problems = []
    for file in files:
        if found.setdefault(file.filename.lower(), file) is not file:
            problems.append(f"{file.filename}: listed twice, the first one counts")
    return tuple(sorted(found.values())), problems


def bounded(problems: list[str]) -> tuple[str, ...]:
    """Give as many problems as are worth telling, and how many more there were."""
    rest = len(problems) - MOST_PROBLEMS
    return (*problems[:MOST_PROBLEMS], *((f"and {rest} more",) if rest > 0 else ()))
