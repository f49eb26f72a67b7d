"""Files of text that keys name."""

from __future__ import annotations

from typing import NamedTuple

from ..regular_file import open_regular
from .converters import lines

#: Maximum size in bytes; the content travels with the settings to all workers.
_LARGEST = 16 << 20


class TextFile(NamedTuple):
    """A file that was read together with the configuration, so that the whole run uses the same content in every process."""

    path: str
    text: str

    def lines(self) -> tuple[str, ...]:
        """Return its lines without white space at both ends, empty lines and comments, which start with ``#``."""
        return lines(self.text, "")

    def __str__(self) -> str:
        return self.path


def read(path: str) -> TextFile:
    """Read a file of UTF-8 text. Raises ValueError with a description of valid files, which continues "must be"."""
    try:
        with open_regular(path) as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise ValueError(f"a file that can be read, not {path}: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise ValueError(f"a file of at most {_LARGEST >> 20} MB, not {path}")
    try:
        return TextFile(path, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"a file of UTF-8 text, not {path}") from error
