"""Random access to an object of a bucket."""

from __future__ import annotations

import io
from typing import Any

from .bucket import Bucket

#: Bytes of a block for reading.
BLOCK = 1 << 20


class ObjectReader(io.RawIOBase):
    """Random access to an object by Range requests, for readers of archives."""

    def __init__(self, bucket: Bucket, path: str, size: int):
        self._bucket, self._path, self._size, self._position = bucket, path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        body = b"".join(self._bucket.blocks(self._path, BLOCK, f"bytes={self._position}-{end - 1}"))
        buffer[:len(body)] = body
        self._position += len(body)
        return len(body)
