"""Reads untrusted tar archives forward in bounded memory and time.

The standard library keeps a copy of all extended headers for each member, and needs time quadratic in the length of some
headers: a small archive takes gigabytes. Sdists need only names, sizes and contents.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .compression import Unpacker
from .errors import InvalidContent

_BLOCK = 512
_MAX_MEMBERS = 50_000
#: Bytes of a header with a long name or other attributes (pax), and the number of such headers before one member.
_MAX_HEADER = 1 << 16
_MAX_HEADERS = 10
#: Attributes of all extended headers together. Tools write up to five for each file.
_MAX_ATTRIBUTES = 10 * _MAX_MEMBERS
#: Types without content (POSIX, ``ustar``): links, devices, folders, pipes.
_WITHOUT_CONTENT = frozenset(b"123456")
_REGULAR = frozenset(b"0\x007")
_LARGEST = 1 << 50


class TarMember(NamedTuple):
    """One member, from its headers."""

    name: str
    size: int
    is_file: bool


class TarReader:
    """Iterates over the members of an archive; ``read`` returns the content of the last member.

    Raises InvalidContent: not an archive, damaged, truncated, or beyond a limit.
    """

    def __init__(self, unpacker: Unpacker):
        self._unpacker = unpacker
        self._left = self._padding = 0
        self._attributes = 0

    def __iter__(self) -> Iterator[TarMember]:
        count = 0
        while (member := self._next(count == 0)) is not None:
            count += 1
            if count > _MAX_MEMBERS:
                raise InvalidContent("too many files")
            yield member

    def read(self) -> bytes:
        """Return the content. Callers check ``size`` first."""
        data = self._unpacker.read(self._left)
        if len(data) < self._left:
            raise InvalidContent("cut off")
        self._left = 0
        return data

    def _next(self, first: bool) -> TarMember | None:
        """Return the next member, or None at the end."""
        self._unpacker.skip(self._left + self._padding)
        self._left = self._padding = 0
        name: str | None = None
        size: int | None = None
        for number in range(_MAX_HEADERS):
            header = self._unpacker.read(_BLOCK)
            if not header and number == 0 and not first:
                return None
            if not header.strip(b"\0") and len(header) == _BLOCK:
                return None
            kind, field_size = _checked(header), _number(header[124:136])
            if kind not in b"LKxgX":
                return self._member(header, kind, name, field_size if size is None else size)
            data = self._read_extension(field_size)
            if kind == ord("L"):
                name = _text(data.partition(b"\0")[0])
            elif kind in b"xX":
                self._attributes += data.count(b"=")
                if self._attributes > _MAX_ATTRIBUTES:
                    raise InvalidContent("too many headers")
                name, size = _pax(data, name, size)
        raise InvalidContent("too many headers of one file")

    def _member(self, header: bytes, kind: int, name: str | None, size: int) -> TarMember:
        content = 0 if kind in _WITHOUT_CONTENT else size
        if kind == ord("S"):
            self._skip_sparse(header)
        self._left, self._padding = content, -content % _BLOCK
        return TarMember(_name(header) if name is None else name, content, kind in _REGULAR)

    def _read_extension(self, size: int) -> bytes:
        if size > _MAX_HEADER:
            raise InvalidContent("a header that is too long")
        data = self._unpacker.read(size)
        self._unpacker.skip(-size % _BLOCK)
        return data

    def _skip_sparse(self, header: bytes) -> None:
        """Skip the maps of a sparse file (GNU)."""
        more, count = header[482], 0
        while more:
            count += 1
            block = self._unpacker.read(_BLOCK)
            if len(block) < _BLOCK or count > _MAX_HEADER // _BLOCK:
                raise InvalidContent("a header that is too long")
            more = block[504]


def _checked(header: bytes) -> int:
    """Check the checksum of a header and return its type."""
    if len(header) < _BLOCK:
        raise InvalidContent("cut off" if header else "it is empty")
    rest = header[:148] + header[156:]
    checksum, total = header[148:156].partition(b"\0")[0].strip(b" "), 256 + sum(rest)
    if checksum.strip(b"01234567") or not checksum:
        raise InvalidContent("not a tar archive, or damaged")
    # Some old tools add up signed characters.
    if int(checksum, 8) != total and int(checksum, 8) != total - 256 * sum(byte > 127 for byte in rest):
        raise InvalidContent("not a tar archive, or damaged")
    return header[156]


def _number(field: bytes) -> int:
    """Decode a number in octal digits, or in base 256 (GNU)."""
    if field[0] == 0x80:
        value = int.from_bytes(field[1:], "big")
    else:
        digits = field.partition(b"\0")[0].strip(b" ")
        if digits.strip(b"01234567"):
            raise InvalidContent("a header with an invalid number")
        value = int(digits or b"0", 8)
    if value > _LARGEST:
        raise InvalidContent("a file that is too large")
    return value


def _name(header: bytes) -> str:
    name, prefix = (field.partition(b"\0")[0] for field in (header[:100], header[345:500]))
    return _text(prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name)


def _pax(data: bytes, name: str | None, size: int | None) -> tuple[str | None, int | None]:
    """Return name and size from extended attributes: lines of ``length key=value`` (POSIX, pax)."""
    position = 0
    while position < len(data) and data[position]:
        length, blank, _ = data[position:position + 20].partition(b" ")
        if not (blank and length.isdigit()) or not 0 < int(length) <= len(data) - position:
            raise InvalidContent("a damaged header")
        key, _, value = data[position + len(length) + 1:position + int(length) - 1].partition(b"=")
        if key == b"path":
            name = _text(value)
        elif key == b"size":
            if not (value.isdigit() and len(value) < 20 and int(value) <= _LARGEST):
                raise InvalidContent("a header with an invalid number")
            size = int(value)
        position += int(length)
    return name, size


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
