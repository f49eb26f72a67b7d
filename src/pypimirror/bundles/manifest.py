"""Reads and writes manifests: JSON lines, in the order of the members of the parts, so that both are read side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from ..errors import InvalidBundle
from ..names import is_project, shown
from ..regular_file import open_regular
from .model import (
    AGAINST,
    DELTA,
    FORMAT,
    FULL,
    RECORDS,
    VERSION,
    BundleHeader,
    BundleMember,
    End,
    Line,
    PartLine,
    ProjectLine,
    RemovedPath,
    RemovedProject,
)

MANIFEST, SIGNATURE = "manifest.jsonl", "manifest.jsonl.sig"
#: Limits of a manifest: bytes of a line, and of the whole; the sizes of a mirror of all of PyPI are well below.
_LONGEST_LINE, MOST_BYTES = 1 << 20, 8 << 30
#: Limits of a path, of a number, and of a record.
_LONGEST_PATH, _LARGEST, MOST_RECORD = 600, (1 << 53) - 1, 64 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_IDENTIFIER = re.compile(r"[0-9a-f]{8,64}")
_MARK = re.compile(r"[0-9]{1,16}-[0-9a-f]{8}")
_KINDS: dict[str, type[Any]] = {
    "project": ProjectLine, "path": BundleMember, "part": PartLine, "removed": RemovedPath, "gone": RemovedProject, "end": End}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_DUMP = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


def dump_header(header: BundleHeader) -> bytes:
    """Return the first line of a manifest."""
    return _DUMP({"format": FORMAT, **header._asdict(), "pages": dict(header.pages)}).encode() + b"\n"


def dump(line: Line) -> bytes:
    """Return one of the other lines."""
    return _DUMP([_NAMES[type(line)], *line]).encode() + b"\n"


def is_identifier(value: Any) -> bool:
    """Whether a value may be the identifier of a mirror or of a bundle."""
    return _matches(_IDENTIFIER, value)


def is_path(path: str) -> bool:
    """Whether a text is a path that a bundle may contain: relative, in the tree of a mirror, without hidden folders."""
    parts = path.removeprefix(RECORDS).split("/")
    return (0 < len(path) <= _LONGEST_PATH and path.isprintable() and "\\" not in path
            and all(part and not part.startswith(".") and part == part.strip() for part in parts))


class Manifest:
    """A manifest in a file. Iterating yields its lines after the first one; each iteration reads the file again."""

    def __init__(self, path: str, name: str = ""):
        """name: for messages, if the file is a copy. Raises InvalidBundle if it is not a manifest, or of a newer format."""
        self.path, self.name = path, name or path
        with self._open() as stream:
            self.header = _parse_header(self._read_line(stream), self.name)

    def __iter__(self) -> Iterator[Line]:
        number = 1
        with self._open() as stream:
            self._read_line(stream)
            ended = False
            while text := self._read_line(stream):
                number += 1
                if ended:
                    raise self._line_error(number, "lines after the end")
                line = _parse_line(text)
                if line is None:
                    raise self._line_error(number, f"not valid: {shown(text.decode('ascii', 'replace'))}")
                ended = isinstance(line, End)
                yield line
        if not ended:
            raise InvalidBundle(f"{self.name}: truncated after line {number}; copy it again")

    def _open(self) -> BinaryIO:
        try:
            return open_regular(self.path)
        except OSError as error:
            raise InvalidBundle(f"{self.name}: {error.strerror}") from error

    def _read_line(self, stream: BinaryIO) -> bytes:
        """Return the next line, empty at the end. Raises InvalidBundle for one that is too long or truncated."""
        try:
            line = stream.readline(_LONGEST_LINE + 1)
        except OSError as error:
            raise InvalidBundle(f"{self.name}: {error.strerror}") from error
        if len(line) > _LONGEST_LINE or stream.tell() > MOST_BYTES:
            raise InvalidBundle(f"{self.name}: larger than a manifest may be")
        if line and not line.endswith(b"\n"):
            raise InvalidBundle(f"{self.name}: truncated; copy it again")
        return line

    def _line_error(self, number: int, why: str) -> InvalidBundle:
        return InvalidBundle(f"{self.name}: line {number}: {why}")


def _parse_header(line: bytes, name: str) -> BundleHeader:
    """Return the first line. name: of the manifest."""
    found = _parse_json(line)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InvalidBundle(f"{name}: not the manifest of a bundle")
    version = found.get("version")
    if type(version) is not int:
        raise InvalidBundle(f"{name}: no version of its format")
    if version > VERSION:
        raise InvalidBundle(f"{name}: made by a newer version of this program (format {version}, this one reads {VERSION}); "
                            "update it here first")
    try:
        values = {"advisories": "", **found}  # manifests of version 1 have none
        values = {key: values[key] for key in BundleHeader._fields}
        header = BundleHeader(**values | {"pages": tuple(sorted(values["pages"].items())), "pins": tuple(values["pins"])})
    except (KeyError, AttributeError, TypeError) as error:
        raise InvalidBundle(f"{name}: invalid first line: {shown(str(error))}") from error
    if not _is_valid_header(header):
        raise InvalidBundle(f"{name}: invalid first line")
    return header


def _is_valid_header(header: BundleHeader) -> bool:
    base = header.base is None if header.kind in (FULL, AGAINST) else header.kind == DELTA and _matches(_MARK, header.base)
    return (base and _matches(_MARK, header.end) and is_identifier(header.bundle) and is_identifier(header.mirror)
            and _is_number(header.serial) and _is_number(header.time)
            and isinstance(header.tree, bool) and header.advisories in ("", FULL, DELTA)
            and _are_valid_pages(header.pages)
            and _are_valid_pins(header.pins))


def _are_valid_pages(pages: Iterable[tuple[Any, ...]]) -> bool:
    return all(isinstance(text, str) for pair in pages for text in pair)


def _are_valid_pins(names: Iterable[Any]) -> bool:
    return all(isinstance(name, str) and is_path(name) and "/" not in name for name in names)


def _parse_line(text: bytes) -> Line | None:
    """Return a line, or None if it is not valid."""
    values = _parse_json(text)
    if not isinstance(values, list) or not values or not isinstance(values[0], str):
        return None
    kind = _KINDS.get(values[0])
    if kind is None or len(values) != len(kind._fields) + 1:
        return None
    line: Line = kind(*values[1:])
    return line if _is_valid_line(line) else None


def _is_valid_line(line: Line) -> bool:
    if isinstance(line, ProjectLine):
        return _is_project_name(line.name) and _is_number(line.serial) and isinstance(line.display, str)
    if isinstance(line, BundleMember):
        return (isinstance(line.path, str) and is_path(line.path) and _is_number(line.size) and _matches(_SHA256, line.sha256)
                and (not line.path.startswith(RECORDS) or line.size <= MOST_RECORD))
    if isinstance(line, RemovedPath):
        return isinstance(line.path, str) and is_path(line.path) and isinstance(line.reason, str)
    if isinstance(line, RemovedProject):
        return _is_project_name(line.name) and isinstance(line.reason, str)
    return all(map(_is_number, line))


def _is_project_name(value: Any) -> bool:
    return isinstance(value, str) and is_project(value)


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _parse_json(line: bytes) -> Any:
    """Return the value of a JSON text, or None if it is not valid."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
