"""Fetcher for ``file:`` URLs in configured directories."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from typing import BinaryIO

from zope.interface import implementer

from ..errors import FetchError
from ..http.file_urls import inside, path_of
from ..interfaces import IFetcher, IReceiver
from ..model import Head
from ..names import METADATA

_BLOCK = 1 << 18


@implementer(IFetcher)
class FileFetcher:
    """Reads files below some directories only.

    Files are copied, not linked: a rebuild of a distribution may overwrite the original.
    """

    def __init__(self, trees: Iterable[str]):
        """trees: absolute paths of the directories."""
        self._trees = tuple(trees)

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        """Pass the file to the receiver; a missing ``.metadata`` file is read from the distribution.

        The status is 200, or 404 if the file is missing. Raises FetchError for files outside of the directories.
        """
        from email.utils import formatdate  # not loaded where nothing changed

        path = inside(path_of(url), self._trees)
        try:
            with _opened(path) as stream:
                status = os.fstat(stream.fileno())
                head = Head(200, {"content-length": str(status.st_size),
                                  "last-modified": formatdate(status.st_mtime, usegmt=True)}, url)
                receiver.start(head)
                while block := stream.read(_BLOCK):
                    receiver.write(block)
                return head
        except (FileNotFoundError, NotADirectoryError):
            body = self._metadata(path)
        except OSError as error:
            raise FetchError(url, error.strerror or str(error)) from error
        head = Head(404, {}, url) if body is None else Head(200, {"content-length": str(len(body))}, url)
        receiver.start(head)
        if body is not None:
            receiver.write(body)
        return head

    def close(self) -> None:
        pass

    def _metadata(self, path: str) -> bytes | None:
        whole = path.removesuffix(METADATA)
        if whole == path or not os.path.isfile(whole):
            return None
        from ..metadata.archives import core_metadata  # rarely needed
        from ..metadata.errors import InvalidContent

        try:
            return core_metadata(inside(whole, self._trees))
        except InvalidContent as error:
            raise FetchError(path, str(error)) from error


def _opened(path: str) -> BinaryIO:
    """Open a regular file; opening a pipe, for example, would block."""
    stream = open(path, "rb", buffering=0, opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK))
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise FileNotFoundError(path)
    return stream
