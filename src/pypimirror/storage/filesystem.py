"""Storage in a local directory."""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import BinaryIO

from zope.interface import implementer

from ..errors import ConfigurationError, StorageError
from ..interfaces import ISettings, IStorage, IUpload
from ..names import OWN
from . import directories, uploads
from .atomic import write
from .dirfd import FolderPath, OpenFolder
from .failures import NoFile, as_storage_error, storage_errors
from .ownership import check_own, current_user
from .paths import UNFINISHED
from .syncfs import SyncFs
from .uploads import FileUpload, LinkUpload

#: Bytes of a block for hashing: few system calls, and the block still fits the processor's cache.
_BLOCK = 1 << 18
#: One buffer per thread.
_buffers = threading.local()
_READABLE = 0o444
#: Marker file: the tree of an older mirror is being adopted in place, and other commands must refuse to run.
ADOPTING = f"{OWN}/adopting"
#: Names that a new mirror's directory may contain.
_HARMLESS = frozenset({"lost+found", "robots.txt", "favicon.ico"})


@implementer(IStorage)
class FileSystem:
    """Files in a directory. Unfinished and removed files are in ``.pypimirror``, on the same file system."""

    def __init__(self, settings: ISettings):
        self.root = settings["mirror_file_path"]
        self._own = os.path.join(self.root, OWN)
        self._unfinished = os.path.join(self.root, UNFINISHED)
        self._flush = SyncFs()
        #: Prefix of temporary names, unique for this process.
        self._name, self._numbers = os.urandom(16).hex(), itertools.count()
        #: Whether created files may lack read permission for others (umask); False once it is known that they don't.
        self._closed = True
        self._kept = directories.DirHandleCache(self.root, UNFINISHED)
        #: Files that a new mirror may contain because the configuration puts them there.
        self._expected = {os.path.abspath(settings[key]) for key in ("lock_file_name", "log_filename", "state_path",
                                                                     "report_filename", "metrics_filename") if settings[key]}

    #: ``prepare`` sets it.
    case_insensitive = False
    cheap_listing = True

    def prepare(self) -> None:
        with storage_errors(self.root):
            directories.make(self.root)
            directories.make(self._own, directories.PRIVATE)
            with directories.opened(self.root, (OWN,)) as own:
                os.fchmod(own, directories.PRIVATE)
            if os.path.lexists(self._unfinished) and (os.path.islink(self._unfinished) or not os.path.isdir(self._unfinished)):
                os.unlink(self._unfinished)
            if not os.path.isdir(self._unfinished) or os.listdir(self._unfinished):
                import shutil  # few runs find files there

                shutil.rmtree(self._unfinished, ignore_errors=True)
                os.makedirs(self._unfinished, exist_ok=True)
            self._kept.forget()
            self.case_insensitive = os.path.exists(self._unfinished.replace(OWN, OWN.upper()))

    def check(self) -> None:
        place = self.root
        while not os.path.lexists(place):
            place = os.path.dirname(place)
        is_mirror = os.path.lexists(self._own)
        if is_mirror:
            check_own(self._own)
        if not os.path.isdir(place):
            raise ConfigurationError(f"{place}: not a directory")
        if not os.access(place, os.W_OK | os.X_OK):
            raise ConfigurationError(f"{place}: can't be written by {current_user()}; run it as the owner of the mirror, or "
                                     "create the mirror's directory for this user")
        if is_mirror:  # before listing, which may be slow
            if os.path.exists(os.path.join(self.root, ADOPTING)):
                raise ConfigurationError(f"{self.root}: an adoption was interrupted; continue with: adopt {self.root}")
            return
        try:
            names = os.listdir(self.root)
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigurationError(f"{self.root}: {error.strerror}") from None
        strange = [name for name in sorted(names) if name not in _HARMLESS and not name.startswith(".")
                   and os.path.join(self.root, name) not in self._expected]
        if strange:
            raise ConfigurationError(
                f"{self.root}: neither empty nor a mirror (it holds {strange[0]!r}); choose an empty mirror_file_path, or take "
                f"over an older mirror in this directory with: adopt {self.root}")

    def finish(self) -> None:
        """Do nothing: ``prepare`` of the next run clears the temporary folder in any case."""

    def create(self) -> IUpload:
        return FileUpload(self)

    def create_temporary(self) -> tuple[str, int]:
        """Create a temporary file; return its path and descriptor. Raises StorageError."""
        name = self._unfinished_name()
        try:
            handle = os.open(name, uploads.NEW, uploads.PUBLISHED, dir_fd=self._kept.enter(UNFINISHED, make=True))
            if self._closed:  # the same for all files that one process creates in one folder
                self._closed = uploads.make_readable(handle)
        except OSError as error:
            raise as_storage_error(os.path.join(self.root, UNFINISHED, name), error) from error
        return f"{UNFINISHED}/{name}", handle

    def place(self, name: str, path: str) -> None:
        """Move a temporary file of ``unfinished`` or ``link`` to its path; replaces an existing file. Raises StorageError."""
        source = name.rpartition("/")[2]
        with FolderPath(self._kept, path, make=True) as (folder, last):
            unfinished = self._kept.enter(UNFINISHED)
            if os.access(last, os.F_OK, dir_fd=folder):  # quicker than the exception of ``stat``
                uploads.make_newer(source, unfinished, last, folder)
            os.replace(source, last, src_dir_fd=unfinished, dst_dir_fd=folder)

    def link(self, source: str) -> IUpload | None:
        name = f"{UNFINISHED}/{self._unfinished_name()}"
        with self._in_folder(name, make=True) as (folder, last):
            try:
                os.link(source, last, dst_dir_fd=folder, follow_symlinks=False)
                if os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode & _READABLE == _READABLE:
                    return LinkUpload(self, name)
                os.unlink(last, dir_fd=folder)
            except FileNotFoundError as error:
                raise StorageError(f"{source}: {error.strerror}") from error
            except OSError:
                pass  # another file system, one without hard links, or too many of them
        return None

    def size(self, path: str) -> int | None:
        found = self._status(path)
        return None if found is None else found.st_size

    def modified(self, path: str) -> float | None:
        found = self._status(path)
        return None if found is None else found.st_mtime

    def _status(self, path: str) -> os.stat_result | None:
        """Return the status of a file, or None if there is no file or a symbolic link."""
        try:
            with self._in_folder(path) as (folder, last):
                found = os.stat(last, dir_fd=folder, follow_symlinks=False)
        except NoFile:
            return None
        return None if stat.S_ISLNK(found.st_mode) else found

    def read(self, path: str) -> bytes | None:
        try:
            with self._opened(path) as handle:
                blocks = []
                while block := os.read(handle, _BLOCK):
                    blocks.append(block)
                return b"".join(blocks)
        except NoFile:
            return None

    def open(self, path: str) -> BinaryIO:
        with self._opened(path) as handle:
            return open(os.dup(handle), "rb")

    def write(self, path: str, blocks: Iterable[bytes]) -> None:
        write(self, path, blocks)

    def digest(self, path: str, algorithm: str = "sha256") -> str | None:
        try:
            with self._opened(path) as handle:
                block = _buffer()
                digest = hashlib.new(algorithm)
                while size := os.readv(handle, (block,)):
                    digest.update(block[:size])
                return digest.hexdigest()
        except NoFile:
            return None

    def move(self, path: str, target: str) -> None:
        with self._in_folder(path) as (source, name), self._in_folder(target, make=True) as (folder, last):
            os.replace(name, last, src_dir_fd=source, dst_dir_fd=folder)
        self._remove_empty_parents(path)

    def remove(self, path: str) -> None:
        with suppress(NoFile), self._in_folder(path) as (folder, last):
            os.unlink(last, dir_fd=folder)
        self._remove_empty_parents(path)

    def _remove_empty_parents(self, path: str) -> None:
        """Remove the folder of a path, and its parents, as far as they are empty."""
        parent = path.rpartition("/")[0]
        with suppress(StorageError):  # not empty
            while parent not in ("", UNFINISHED):
                with self._in_folder(parent) as (folder, last):
                    os.rmdir(last, dir_fd=folder)
                    self._kept.invalidate(parent)
                parent = parent.rpartition("/")[0]

    def keep_open(self, folder: str) -> AbstractContextManager[None]:
        return self._kept.keep_open(folder)

    def flush(self) -> None:
        with storage_errors(self.root):
            self._flush(self.root)

    def listdir(self, folder: str) -> list[str]:
        try:
            with self._kept.opened(folder) as handle, os.scandir(handle) as entries:
                return sorted(_listed(entries))
        except FileNotFoundError:  # as for each new project
            return []
        except OSError as error:
            found = as_storage_error(os.path.join(self.root, folder), error)
            if isinstance(found, NoFile):
                raise StorageError(f"{found}; a file or a link in place of the folder") from error
            raise found from error

    def close(self) -> None:
        self._flush.close()
        self._kept.forget()

    def free(self) -> int | None:
        place = self.root
        while True:
            try:
                found = os.statvfs(place)
                return found.f_bavail * found.f_frsize
            except (FileNotFoundError, NotADirectoryError):
                place = os.path.dirname(place)

    def pending(self) -> int:
        """Return the bytes that unfinished files have reserved and not written: they have a size, but no blocks yet."""
        pending = 0
        with suppress(FileNotFoundError), storage_errors(self.root), os.scandir(self._unfinished) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    pending += max(0, found.st_size - 512 * found.st_blocks) if stat.S_ISREG(found.st_mode) else 0
        return pending

    def _unfinished_name(self) -> str:
        return f"{self._name}-{next(self._numbers)}"

    def _in_folder(self, path: str, make: bool = False) -> FolderPath:
        """Return a context manager for the folder's descriptor and the last part of a path. Raises StorageError, NoFile."""
        return FolderPath(self._kept, path, make)

    def _opened(self, path: str) -> OpenFolder:
        """Return a context manager for the descriptor of a file, no symbolic link. Raises StorageError, NoFile."""
        return OpenFolder(self._kept, path, make=False)


def _listed(entries: Iterable[os.DirEntry[str]]) -> Iterator[str]:
    """Yield the names of a folder's entries, without symbolic links. Nearly all are files, which one call recognises."""
    for entry in entries:
        if entry.is_file(follow_symlinks=False):
            yield entry.name
        elif entry.is_dir(follow_symlinks=False):
            yield entry.name + "/"
        elif not entry.is_symlink():
            yield entry.name


def _buffer() -> memoryview:
    """Return the buffer of the current thread, of ``_BLOCK`` bytes."""
    found: memoryview | None = getattr(_buffers, "block", None)
    if found is None:
        found = _buffers.block = memoryview(bytearray(_BLOCK))
    return found
