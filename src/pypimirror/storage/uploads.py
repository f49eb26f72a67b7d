"""Uploads into a local directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zope.interface import implementer

from ..errors import StorageError
from ..interfaces import IReservingUpload, IUpload
from .failures import as_storage_error, storage_errors

if TYPE_CHECKING:
    from .filesystem import FileSystem


#: Bytes buffered in memory: most files need a single write, and rejected ones none.
HELD = 1 << 18
#: Flags for a new file.
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
#: Mode of published files, independent of the umask.
PUBLISHED = 0o644


@implementer(IReservingUpload)
class FileUpload:
    """Upload of a file: buffered in memory, then a temporary file that is renamed into place.

    Reserved space is the part of the temporary file without content: its size is set in advance.
    """

    def __init__(self, storage: FileSystem):
        self._storage = storage
        self._held: list[bytes] = []
        self._size = self._reserved = 0
        self._name: str | None = None
        self._handle = -1

    def write(self, block: bytes) -> None:
        self._size += len(block)
        if self._name is not None:
            self._put(block)
            return
        self._held.append(bytes(block))
        if self._size > HELD:
            self._begin()

    def stage(self) -> None:
        if self._name is None:
            self._begin()
        if self._size < self._reserved:
            self._truncate(self._size)

    def _begin(self) -> None:
        """Create the temporary file."""
        self._name, self._handle = self._storage.create_temporary()
        held, self._held = self._held, []
        self._put(held[0] if len(held) == 1 else b"".join(held))

    def reserve(self, size: int) -> None:
        if self._name is None:
            self._begin()
        if size > self._size:
            self._truncate(size)

    def pending(self) -> int:
        return self._storage.pending()

    def restart(self) -> None:
        self._held, self._size = [], 0
        if self._name is not None:
            with storage_errors(self._storage.root):
                os.lseek(self._handle, 0, os.SEEK_SET)
            reserved = self._reserved
            self._truncate(0)
            if reserved:
                self._truncate(reserved)

    def commit(self, path: str, modified: float | None = None) -> None:
        self.stage()
        if modified is not None:
            with storage_errors(self._storage.root):
                os.utime(self._handle, (modified, modified))
        self._close()
        self._storage.place(str(self._name), path)
        self._name = None

    def abort(self) -> None:
        if self._name is None:
            self._held.clear()
        else:
            self._close()
            self._storage.remove(self._name)
            self._name = None

    def _put(self, block: bytes) -> None:
        try:
            written = os.write(self._handle, block)
            while written < len(block):
                written += os.write(self._handle, memoryview(block)[written:])
        except OSError as error:
            raise as_storage_error(self._storage.root, error) from error

    def _truncate(self, size: int) -> None:
        with storage_errors(self._storage.root):
            os.truncate(self._handle, size)
        self._reserved = size if size > self._size else 0

    def _close(self) -> None:
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            try:
                os.close(handle)
            except OSError as error:
                raise as_storage_error(self._storage.root, error) from error


def make_readable(handle: int) -> bool:
    """Make a new file world-readable; return whether the umask or the folder had prevented that."""
    if os.fstat(handle).st_mode & 0o777 == PUBLISHED:
        return False
    os.fchmod(handle, PUBLISHED)
    return True


def make_newer(name: str, folder: int, replaced: str, its_folder: int) -> None:
    """Make a file's time at least one whole second later than that of the file it is about to replace.

    nginx makes an ETag of whole seconds and size, and ``If-Modified-Since`` and rsync compare no more: a client that has seen
    both within a second would keep the old one. A file with several links is not only ours, and stays as it is. Raises OSError.
    """
    try:
        old = os.stat(replaced, dir_fd=its_folder, follow_symlinks=False)
    except FileNotFoundError:  # meanwhile
        return
    new = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if int(new.st_mtime) <= int(old.st_mtime) and new.st_nlink == 1:
        later = int(old.st_mtime) + 1
        os.utime(name, (later, later), dir_fd=folder, follow_symlinks=False)


@implementer(IUpload)
class LinkUpload:
    """Upload by a hard link to a file outside of the mirror; its content is never written to."""

    def __init__(self, storage: FileSystem, name: str):
        self._storage = storage
        self._name = name

    def stage(self) -> None:
        """Do nothing: the content exists."""

    def write(self, block: bytes) -> None:
        raise StorageError(f"{self._name}: a hard link to another file, which must not be written to")

    def restart(self) -> None:
        raise StorageError(f"{self._name}: a hard link to another file, which must not be written to")

    def commit(self, path: str, modified: float | None = None) -> None:
        """Move the link into place; the time of the file that it shares stays as it is."""
        self._storage.place(self._name, path)
        self.abort()  # rename(2) does nothing if the path is a link to the same file

    def abort(self) -> None:
        self._storage.remove(self._name)
