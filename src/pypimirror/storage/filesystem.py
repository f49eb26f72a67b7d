"""The mirror in a directory."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from zope.interface import implementer

from ..errors import ConfigurationError, Full, StorageError
from ..interfaces import ISettings, IStorage, IUpload
from ..settings.reader import OWN

#: Bytes read at once where files are hashed: few system calls, and the block is still in the processor's cache when hashed.
_BLOCK = 1 << 18
#: Errors that say that there is no file at a path: nothing, something below a file, a folder, a symbolic link.
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})
#: Each thread's own buffer.
_buffers = threading.local()
_READABLE = 0o444
#: Lies there while the tree of an older mirror becomes ours where it is: until that is done nothing else may work on it.
ADOPTING = f"{OWN}/adopting"
#: What may lie in a directory that is to become a mirror.
_HARMLESS = frozenset({"lost+found", "robots.txt", "favicon.ico"})


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn an error of the operating system into one that names the path."""
    try:
        yield
    except OSError as error:
        # Of two names in an error the second is where something was to go; the first is a temporary one.
        kind = Full if error.errno in (errno.ENOSPC, errno.EDQUOT) else StorageError
        raise kind(f"{error.filename2 or error.filename or path}: {error.strerror or error}") from error


@implementer(IStorage)
class FileSystem:
    """Files in a directory; all that is unfinished or taken down lies in ``.pypimirror``, on the same file system."""

    def __init__(self, settings: ISettings):
        self.root = settings["mirror_file_path"]
        self._own = os.path.join(self.root, OWN)
        self._unfinished = os.path.join(self._own, "tmp")
        #: Files that may lie in a new mirror, since the configuration puts them there.
        self._expected = {os.path.abspath(settings[key]) for key in ("lock_file_name", "log_filename", "state_path",
                                                                     "report_filename", "metrics_filename") if settings[key]}

    #: Until ``prepare`` knows better.
    folds_case = False

    def prepare(self) -> None:
        with _told(self.root):
            os.makedirs(self.root, exist_ok=True)
            os.makedirs(self._own, 0o700, exist_ok=True)
            os.chmod(self._own, 0o700)
            shutil.rmtree(self._unfinished, ignore_errors=True)
            os.makedirs(self._unfinished, exist_ok=True)
            self.folds_case = os.path.exists(self._unfinished.replace(OWN, OWN.upper()))

    def check(self) -> None:
        place = self.root
        while not os.path.lexists(place):
            place = os.path.dirname(place)
        if not os.access(place, os.W_OK | os.X_OK):
            raise ConfigurationError(f"{place}: not a directory that can be written")
        try:
            names = os.listdir(self.root)
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigurationError(f"{self.root}: {error.strerror}") from None
        if OWN in names:
            if os.path.exists(os.path.join(self.root, ADOPTING)):
                raise ConfigurationError(f"{self.root}: taking over what lies there was cut off; go on with: adopt {self.root}")
            return
        strange = [name for name in sorted(names) if name not in _HARMLESS and not name.startswith(".")
                   and os.path.join(self.root, name) not in self._expected]
        if strange:
            raise ConfigurationError(
                f"{self.root}: neither empty nor a mirror (it holds {strange[0]!r}); choose an empty mirror_file_path, or take "
                f"over an older mirror that lies there with: adopt {self.root}")

    def create(self) -> IUpload:
        with _told(self._unfinished):
            handle, name = tempfile.mkstemp(dir=self._unfinished)
            return Upload(self, handle, name)

    def link(self, source: str) -> IUpload | None:
        name = os.path.join(self._unfinished, uuid.uuid4().hex)
        try:
            os.link(source, name)
            if os.stat(name).st_mode & _READABLE == _READABLE:
                return Linked(self, name)
            os.unlink(name)
        except FileNotFoundError as error:
            raise StorageError(f"{source}: {error.strerror}") from error
        except OSError:
            pass  # another file system, one without hard links, or too many of them
        return None

    def size(self, path: str) -> int | None:
        try:
            return os.stat(self.full(path), follow_symlinks=False).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageError(f"{error.filename}: {error.strerror}") from error

    def read(self, path: str) -> bytes | None:
        try:
            with open(self.full(path), "rb") as stream:
                return stream.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageError(f"{error.filename}: {error.strerror}") from error

    def open(self, path: str) -> BinaryIO:
        full = self.full(path)
        with _told(full):
            return open(full, "rb")

    def write(self, path: str, blocks: Iterable[bytes]) -> None:
        upload = self.create()
        try:
            for block in blocks:
                upload.write(block)
            upload.commit(path)
        finally:
            upload.abort()

    def digest(self, path: str, algorithm: str = "sha256") -> str | None:
        full = self.full(path)
        try:
            # Without waiting, should somebody have put a named pipe there.
            handle = os.open(full, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in _NO_FILE:
                return None
            raise StorageError(f"{full}: {error.strerror}") from error
        try:
            block = _buffer()
            digest = hashlib.new(algorithm)
            while size := os.readv(handle, (block,)):
                digest.update(block[:size])
            return digest.hexdigest()
        except OSError as error:
            if error.errno in _NO_FILE:
                return None
            raise StorageError(f"{full}: {error.strerror}") from error
        finally:
            os.close(handle)

    def move(self, path: str, target: str) -> None:
        full = self.full(path)
        self.place(full, target)
        self._tidy(full)

    def remove(self, path: str) -> None:
        full = self.full(path)
        with _told(full), suppress(FileNotFoundError):
            os.unlink(full)
        self._tidy(full)

    def _tidy(self, full: str) -> None:
        """Remove the folder that something was taken out of, if it is empty now, and those above that are."""
        parent = os.path.dirname(full)
        with suppress(OSError):  # not empty: files that are not ours stay
            while parent not in (self.root, self._unfinished):
                os.rmdir(parent)
                parent = os.path.dirname(parent)

    def names(self, folder: str) -> list[str]:
        try:
            with os.scandir(self.full(folder) if folder else self.root) as entries:
                return sorted(e.name + "/" if e.is_dir(follow_symlinks=False) else e.name for e in entries)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StorageError(f"{error.filename}: {error.strerror}") from error

    def free(self) -> int | None:
        place = self.root
        while not os.path.isdir(place):
            place = os.path.dirname(place)
        return shutil.disk_usage(place).free

    def full(self, path: str) -> str:
        """Give the path in the file system. Raises StorageError for one that would leave the mirror."""
        parts = path.split("/")
        if any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts):
            raise StorageError(f"{path!r}: not a path in a mirror")
        return os.path.join(self.root, *parts)

    def place(self, source: str, path: str) -> None:
        """Put a file of the same file system at a path of the mirror."""
        target = self.full(path)
        with _told(target):
            try:
                os.replace(source, target)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.replace(source, target)


def _buffer() -> memoryview:
    """Give the thread's own buffer of ``_BLOCK`` bytes."""
    found: memoryview | None = getattr(_buffers, "block", None)
    if found is None:
        found = _buffers.block = memoryview(bytearray(_BLOCK))
    return found


@implementer(IUpload)
class Upload:
    """A temporary file that becomes a file of the mirror."""

    def __init__(self, storage: FileSystem, handle: int, name: str):
        self._storage = storage
        self._stream = open(handle, "wb", buffering=0)
        self._name: str | None = name

    def write(self, block: bytes) -> None:
        with _told(str(self._name)):
            view = memoryview(block)
            while view:
                view = view[self._stream.write(view):]

    def restart(self) -> None:
        with _told(str(self._name)):
            self._stream.seek(0)
            self._stream.truncate()

    def commit(self, path: str) -> None:
        with _told(path):
            os.fchmod(self._stream.fileno(), 0o644)
            self._stream.close()
            self._storage.place(str(self._name), path)
            self._name = None

    def abort(self) -> None:
        if self._name is not None:
            self._stream.close()
            os.unlink(self._name)
            self._name = None


@implementer(IUpload)
class Linked:
    """A further name of a file that lies elsewhere, which becomes a file of the mirror. Nothing is ever written to it."""

    def __init__(self, storage: FileSystem, name: str):
        self._storage = storage
        self._name = name

    def write(self, block: bytes) -> None:
        raise StorageError(f"{self._name}: linked, not to be written to")

    def restart(self) -> None:
        raise StorageError(f"{self._name}: linked, not to be written to")

    def commit(self, path: str) -> None:
        with _told(path):
            self._storage.place(self._name, path)
        self.abort()  # where the path was a name of the same file already, replacing does nothing

    def abort(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._name)
