"""Core metadata (METADATA, PKG-INFO) from elsewhere, parsed in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..names import normalize, shown
from .errors import InvalidContent
from .filenames import parse, release

#: Bytes that are parsed: parsers take more than a hundred times as much memory for lines that are no fields.
MAX_PARSED = 2 << 20


def fields(content: bytes) -> dict[str, list[str]]:
    """Return the values by field in lower case, each on one line; the description is left out. Raises InvalidContent."""
    from email.parser import HeaderParser

    found: dict[str, list[str]] = {}
    try:
        for name, value in HeaderParser().parsestr(content[:MAX_PARSED].decode("utf-8", "replace")).items():
            found.setdefault(name.lower(), []).append(" ".join(str(value).split()))
    except Exception as error:  # the library's parser of mail has many ways to fail
        raise _invalid(error) from error
    return found


def parse_email(content: bytes) -> tuple[Mapping[str, Any], Mapping[str, list[str]]]:
    """Return the fields as ``packaging.metadata`` has them, and those that it does not understand. Raises InvalidContent."""
    from packaging import metadata

    try:
        raw, unparsed = metadata.parse_email(content[:MAX_PARSED])
    except Exception as error:  # AssertionError for a body of several parts, HeaderParseError and others
        raise _invalid(error) from error
    return raw, unparsed


def check_release(content: bytes, project: str, filename: str) -> None:
    """Raise InvalidContent unless Name and Version are those of a distribution file.

    project: the normalised name.
    """
    found = fields(content)
    name, version = (next(iter(found.get(field, ())), "") for field in ("name", "version"))
    written = parse(filename, project).version
    if normalize(name) != project or (written is not None and release(written) != release(version)):
        told = f"{shown(name)} {shown(version)}".strip()
        raise InvalidContent(f"not the metadata of {filename}: " + (f"it is that of {told}" if told else "no Name and Version"))


def _invalid(error: Exception) -> InvalidContent:
    return InvalidContent(f"core metadata that can't be parsed ({type(error).__name__})")
