"""What an sdist needs to be built and states about itself, read without running any of its code.

Build requirements: ``build-system.requires`` in pyproject.toml (PEP 518), and what the backend adds to them (``backends``).
"""

import bz2
import configparser
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

from .. import zips
from ..filters.metadata import fields
from ..metadata.bounded_toml import loads
from ..names import normalize, shown
from . import backends
from .pep508 import parse_requirement


#: What builds an sdist that says nothing.
DEFAULT = ("setuptools", "wheel")

#: Of one file in an sdist, bytes. Real ones have some kilobytes.
_MOST_BYTES = 1 << 20
#: Of everything in an sdist, unpacked: stops archives that unpack without end.
_MOST_UNPACKED = 1 << 30
_MOST_MEMBERS = 50_000
_WANTED = re.compile(r"(?:\./)?[^/]+/(pyproject\.toml|hatch\.toml|setup\.cfg|setup\.py|CMakeLists\.txt|PKG-INFO|"
                     r"(?:[^/]+/){0,2}[^/]+\.egg-info/requires\.txt)")
_IN_EGG = re.compile(r"EGG-INFO/(PKG-INFO|requires\.txt)")
_BROKEN = (OSError, EOFError, ValueError, RecursionError, MemoryError, NotImplementedError, RuntimeError, tarfile.TarError,
           zipfile.BadZipFile, zlib.error, lzma.LZMAError)


class Sdist(NamedTuple):
    """What an sdist, or an egg, states about itself."""

    #: Requirements to build it (PEP 508).
    build_requires: tuple[str, ...]
    #: The core metadata, or None. May lack the run-time requirements: see ``requires``.
    metadata: bytes | None = None
    #: Run-time requirements (PEP 508), or None where they are known only by building.
    requires: tuple[str, ...] | None = None
    #: Lines about what could not be read, and what is assumed instead.
    problems: tuple[str, ...] = ()
    #: Lines about what it may need beyond that.
    notes: tuple[str, ...] = ()


def read_sdist(stream: IO[bytes], filename: str) -> Sdist:
    """Read an sdist or an egg. stream: seekable. One that can't be read counts as one that says nothing, with a problem."""
    problems: list[str] = []
    egg = filename.endswith(".egg")
    try:
        found = contents(stream, filename)
    except ValueError as error:
        told = "" if egg else "; setuptools and wheel are taken to build it"
        return Sdist(() if egg else DEFAULT, problems=(f"{filename}: can't be read ({error}){told}",))
    metadata = found.get("PKG-INFO")
    text = next((found[name] for name in sorted(found) if name.endswith("requires.txt")), None)
    requires = None if text is None else _egg_requires(text)
    if egg:
        return Sdist((), metadata, requires)
    notes: list[str] = []
    build = _build_requires(found, filename, _requires_dist(metadata) if requires is None else requires, problems, notes)
    return Sdist(build, metadata, requires, tuple(problems), tuple(f"{filename}: {note}" for note in notes))


def contents(stream: IO[bytes], filename: str) -> dict[str, bytes]:
    """Return the files of an sdist or an egg that are read, without its top folder. Raises ValueError for what is none."""
    try:
        if filename.endswith((".zip", ".egg")):
            return dict(_zip(stream, _IN_EGG if filename.endswith(".egg") else _WANTED))
        return dict(_tar(stream, filename))
    except _BROKEN as error:
        raise ValueError(shown(str(error) or type(error).__name__)) from error


def _build_requires(found: dict[str, bytes], filename: str, requires_dist: tuple[str, ...], problems: list[str],
                    notes: list[str]) -> tuple[str, ...]:
    pyproject = _toml(found, "pyproject.toml", filename, problems)
    build_system = pyproject.get("build-system")
    stated = build_system.get("requires") if isinstance(build_system, dict) else None
    requires = _valid(stated if isinstance(stated, list) else DEFAULT, f"{filename}: build-system.requires", problems)
    source = backends.Source(pyproject, _toml(found, "hatch.toml", filename, problems), _setup_requires(found.get("setup.cfg")),
                             found.get("setup.py", b""), found.get("CMakeLists.txt", b""), requires_dist)
    more = backends.requested(source, [normalize(requirement.name) for requirement in requires])
    notes += more.notes
    # Places within the sdist are none of an index.
    requires += _valid([text for text in more.requires if "{" not in text], f"{filename}: build requirement", problems)
    return tuple(dict.fromkeys(map(str, requires)))


def _valid(texts: Iterable[object], where: str, problems: list[str]) -> list[Requirement]:
    found: list[Requirement] = []
    for text in texts:
        try:
            found.append(parse_requirement(text if isinstance(text, str) else ""))
        except InvalidRequirement:
            problems.append(f"{where}: {shown(str(text))!r} is not a requirement")
    return found


def _toml(found: dict[str, bytes], name: str, filename: str, problems: list[str]) -> dict[str, Any]:
    """Parse a file of the sdist; an empty table where there is none."""
    try:
        return loads(found.get(name, b""))
    except ValueError as error:
        assumed = "; setuptools and wheel are taken to build it" if name == "pyproject.toml" else ""
        problems.append(f"{filename}: {name}: {shown(str(error))}{assumed}")
        return {}


def _requires_dist(metadata: bytes | None) -> tuple[str, ...]:
    return tuple(fields(metadata).get("requires-dist", ())) if metadata is not None else ()


def _setup_requires(content: bytes | None) -> tuple[str, ...]:
    """Return ``setup_requires`` of a setup.cfg; nothing where it can't be read: setuptools reads it itself later."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string((content or b"").decode())
        text = parser.get("options", "setup_requires", fallback="").strip()
        lines = text.splitlines() if "\n" in text else text.split(";")
        return tuple(str(parse_requirement(line)) for line in map(str.strip, lines) if line and not line.startswith("#"))
    except (configparser.Error, ValueError, RecursionError):
        return ()


def _egg_requires(content: bytes) -> tuple[str, ...]:
    """Turn setuptools' requires.txt into requirements: sections are ``[extra:marker]``."""
    found: list[str] = []
    condition = ""
    for line in content.decode("utf-8", "replace").splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
            parts = [f'extra == "{extra}"'] if extra else []
            condition = " and ".join([*([f"({marker})"] if marker else []), *parts])
        elif line and not line.startswith("#"):
            text = f"{line} ; {condition}" if condition else line
            try:
                found.append(str(parse_requirement(text)))
            except InvalidRequirement:
                continue
    return tuple(found)


def _zip(stream: IO[bytes], wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with zips.opened(stream) as archive:
        for info in archive.infolist():
            if (match := wanted.fullmatch(info.filename)) and info.file_size <= _MOST_BYTES:
                yield match[1], zips.content(archive, info)


def _tar(stream: IO[bytes], filename: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=_Bounded(_unpacked(stream, filename)), mode="r:") as archive:
        for number, member in enumerate(archive):
            if number > _MOST_MEMBERS:
                raise ValueError("too many files")
            match = _WANTED.fullmatch(member.name)
            if match and member.isreg() and member.size <= _MOST_BYTES:
                content = archive.extractfile(member)
                if content is not None:
                    yield match[1], content.read(_MOST_BYTES)


def _unpacked(stream: IO[bytes], filename: str) -> IO[bytes]:
    """Undo the compression that the file shows to have; its name may lie."""
    start = stream.read(6)
    stream.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=stream)  # type: ignore[return-value]
    if start.startswith(b"BZh"):
        return bz2.BZ2File(stream)
    if start.startswith(b"\xfd7zXZ\x00"):
        raise ValueError("compressed with xz")
    return stream


class _Bounded(io.RawIOBase):
    """An unpacked archive that can be read forward, in small pieces and not without end."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream
        self._position = 0

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        # Headers that name long paths are read in one piece: as large as the archive says, without this.
        if not 0 <= size <= _MOST_BYTES:
            raise ValueError("a header that is too long")
        data = self._stream.read(size)
        self._position += len(data)
        if self._position > _MOST_UNPACKED:
            raise ValueError("unpacks to too much")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        ahead = offset - self._position
        if whence != io.SEEK_SET or ahead < 0:
            raise ValueError("a header that points back")
        while ahead > 0:
            data = self.read(min(ahead, 1 << 16))
            if not data:
                break
            ahead -= len(data)
        return self._position


