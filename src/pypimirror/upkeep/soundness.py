"""Whether a file of unknown origin is a distribution in one piece: the last resort where nobody says what its hash is."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from ..distributions import parse

_BLOCK = 1 << 20
#: What undoes the compression of an archive; all of these find a body that was cut off or changed.
_OPENERS: dict[tuple[str, ...], Callable[..., Any]] = {
    (".tar.gz", ".tgz"): gzip.open, (".tar.bz2", ".tbz"): bz2.open, (".tar.xz",): lzma.open}
_BROKEN = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, tarfile.TarError,
           zipfile.BadZipFile)


def is_sound(path: str, filename: str, project: str) -> bool:
    """Whether a file is an archive that can be read to its end, with checksums that hold, and named like one of the project's.

    filename: what it is to be called. project: the normalised name. A format without checksums is never sound.
    """
    if not parse(filename, project).project:
        return False
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        opener = next((opener for suffixes, opener in _OPENERS.items() if filename.endswith(suffixes)), None)
        if opener is None:
            return False
        with opener(path) as stream:
            while stream.read(_BLOCK):
                pass
        with tarfile.open(path) as members:
            return bool(members.getmembers())
    except _BROKEN:
        return False
