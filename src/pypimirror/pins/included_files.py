"""Reads a pin file and the files that it includes, within limits for all of them together."""

import re
import time
from collections.abc import Callable

from ..errors import MirrorError
from ..names import shown
from .model import InvalidPins, redact

#: Reads a path or URL; raises FetchError.
Read = Callable[[str], bytes]

#: Files that one pin file includes, itself among them, and their bytes.
MAX_FILES = 5_000
MAX_TOTAL_BYTES = 32 << 20
#: Limits for those from the network, where one host can name files without end: their number, the seconds that they take
#: together, the characters of a URL and the segments of its path.
MAX_REMOTE_FILES = 1_000
MAX_REMOTE_SECONDS = 600
MAX_URL = 2_000
MAX_SEGMENTS = 50

_WEB = re.compile(r"https?://", re.IGNORECASE)


class IncludedFiles:
    """Reads files, and counts what they cost."""

    def __init__(self, root: str, read: Read, verb: str, clock: Callable[[], float] = time.monotonic):
        """root: path or URL of the pin file. read: see Read. verb: what the pin file does with the others, for messages."""
        self._root = root
        self._read = read
        self._verb = verb
        self._clock = clock
        self._files = self._remote_files = self._bytes = 0
        self._seconds = 0.0

    def read(self, source: str, is_root: bool) -> bytes:
        """Return the content of a file. Raises InvalidPins; FetchError only for the root."""
        self._files += 1
        if self._files > MAX_FILES:
            raise self._refusal(f"more than {MAX_FILES} files")
        is_remote = _WEB.match(source) is not None
        if is_remote and not is_root:
            self._check_remote(source)
        start = self._clock()
        try:
            content = self._read(source)
        except MirrorError as error:
            if is_root or isinstance(error, InvalidPins):
                raise
            raise InvalidPins(f"{redact(self._root)}: can't read a file that it {self._verb}:"
                              f" {shown(str(error), 500)}") from error
        if is_remote:
            self._seconds += self._clock() - start
        self._bytes += len(content)
        if self._bytes > MAX_TOTAL_BYTES:
            raise self._refusal(f"more than {MAX_TOTAL_BYTES >> 20} MB")
        return content

    def _check_remote(self, url: str) -> None:
        self._remote_files += 1
        if self._remote_files > MAX_REMOTE_FILES:
            raise self._refusal(f"more than {MAX_REMOTE_FILES} files from the network; use local copies")
        if self._seconds > MAX_REMOTE_SECONDS:
            raise self._refusal(f"files from the network that take more than {MAX_REMOTE_SECONDS} seconds; use local copies")
        if len(url) > MAX_URL or url.count("/") > MAX_SEGMENTS:
            raise self._refusal(f"{redact(url)}: longer than {MAX_URL} characters or {MAX_SEGMENTS} segments")

    def _refusal(self, what: str) -> InvalidPins:
        return InvalidPins(f"{redact(self._root)}: {self._verb} {what}")
