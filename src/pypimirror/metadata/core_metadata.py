"""Parses untrusted core metadata (METADATA, PKG-INFO) in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..names import normalize, shown
from .errors import InvalidContent
from .filenames import parse, release

#: Bytes that are parsed. Parsers use more than a hundred times as much memory for lines that are not fields.
MAX_PARSED = 2 << 20
_BLANK = re.compile(rb"\n\r?\n")


def fields(content: bytes) -> dict[str, list[str]]:
    """Return the values, each as one line, by lower-case field name; without the body. Raises InvalidContent."""
    from email.parser import HeaderParser

    found: dict[str, list[str]] = {}
    head = content[:MAX_PARSED]
    if end := _BLANK.search(head):
        head = head[:end.end()]  # the parser would split the description into lines
    try:
        for name, value in HeaderParser().parsestr(head.decode("utf-8", "replace")).items():
            found.setdefault(name.lower(), []).append(" ".join(str(value).split()))
    except Exception as error:  # the standard parser of mail raises many kinds of errors
        raise _invalid(error) from error
    return found


def parse_email(content: bytes) -> tuple[Mapping[str, Any], Mapping[str, list[str]]]:
    """Return the fields as parsed by ``packaging.metadata``, and the unparsed ones. Raises InvalidContent."""
    from packaging import metadata

    try:
        raw, unparsed = metadata.parse_email(content[:MAX_PARSED])
    except Exception as error:  # AssertionError for a multipart body, HeaderParseError and others
        raise _invalid(error) from error
    return raw, unparsed


def check_release(content: bytes, project: str, filename: str) -> None:
    """Raise InvalidContent unless Name and Version match those in the name of a distribution file.

    project: the normalised name.
    """
    found = fields(content)
    name, version = (next(iter(found.get(field, ())), "") for field in ("name", "version"))
    written = parse(filename, project).version
    if normalize(name) != project or (written is not None and release(written) != release(version)):
        found_release = f"{shown(name)} {shown(version)}".strip()
        raise InvalidContent(f"not the metadata of {filename}: "
                             + (f"it is that of {found_release}" if found_release else "no Name and Version"))


def _invalid(error: Exception) -> InvalidContent:
    return InvalidContent(f"core metadata that can't be parsed ({type(error).__name__})")
