"""Opens folders of a tree one path part at a time with ``O_NOFOLLOW``, so that no symbolic link in the tree is followed."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from .paths import parts

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: Mode of published folders, independent of the umask.
PUBLISHED = 0o755
#: Mode of private folders.
PRIVATE = 0o700


@contextmanager
def opened(root: str, parts: Sequence[str], make: bool = False) -> Iterator[int]:
    """Open a folder below the root; yield its descriptor.

    make: whether to create missing folders. Raises OSError. ``root`` itself may be a symbolic link.
    """
    handle = _below(os.open(root, _FLAGS), parts, make, os.close)
    try:
        yield handle
    finally:
        os.close(handle)


class DirHandleCache:
    """Opens folders below a root and caches descriptors: those of the root, of one frequent folder, and of ``keep_open``."""

    def __init__(self, root: str, often: str):
        self.root = root
        self._lasting = ("", often)
        self._lock = threading.Lock()
        #: Cached descriptors by path.
        self.handles: dict[str, int] = {}
        #: Descriptors of folders under ``keep_open``, by name; several if the folder was removed and created again.
        self._near: dict[str, list[int]] = {}
        #: Users of each folder under ``keep_open``; a task that seemed lost may run twice at once.
        self._users: Counter[str] = Counter()
        #: Descriptors that ``leave`` must not close.
        self._kept: set[int] = set()

    def enter(self, folder: str, make: bool = False) -> int:
        """Return the descriptor of a folder, for ``leave``.

        make: whether to create missing folders. Raises OSError, StorageError.
        """
        handle = self.handles.get(folder)
        if handle is not None:
            return handle
        if folder in self._lasting:
            return self._open_permanently(folder, make)
        inside = parts(folder)
        root = self.enter("")
        opened = self._near.get(folder)
        if opened is None:
            return _below(root, inside, make, self.leave)
        handle = _open_subfolder(root, folder, make)
        with self._lock:
            self._kept.add(handle)
            opened.append(handle)
            self.handles[folder] = handle
        return handle

    @contextmanager
    def opened(self, folder: str) -> Iterator[int]:
        """Open a folder for listing; yield a descriptor that is not shared. Raises OSError, StorageError."""
        shared = self.enter(folder)
        try:
            handle = os.open(".", _FLAGS, dir_fd=shared)
        finally:
            self.leave(shared)
        try:
            yield handle
        finally:
            os.close(handle)

    def leave(self, handle: int) -> None:
        """Close a descriptor that ``enter`` returned, unless it is cached."""
        if handle not in self._kept:
            os.close(handle)

    @contextmanager
    def keep_open(self, folder: str) -> Iterator[None]:
        """Cache the descriptor of a folder in the root while the context is active."""
        with self._lock:
            opened = self._near.setdefault(folder, [])
            self._users[folder] += 1
        try:
            yield
        finally:
            with self._lock:
                self._users[folder] -= 1
                if not self._users[folder]:
                    del self._near[folder], self._users[folder]
                    self.handles.pop(folder, None)
                    for handle in opened:
                        self._kept.discard(handle)
                        os.close(handle)

    def invalidate(self, folder: str) -> None:
        """Drop the cached descriptor of a removed folder."""
        if folder in self._near:
            self.handles.pop(folder, None)

    def forget(self) -> None:
        """Close the lasting descriptors, since the folders may have been replaced. No thread may use a folder meanwhile."""
        with self._lock:
            for folder in self._lasting:
                if (handle := self.handles.pop(folder, None)) is not None:
                    self._kept.discard(handle)
                    os.close(handle)

    def _open_permanently(self, folder: str, make: bool) -> int:
        with self._lock:
            if folder not in self.handles:
                with opened(self.root, parts(folder) if folder else (), make) as found:
                    handle = os.dup(found)
                    self._kept.add(handle)
                    self.handles[folder] = handle
            return self.handles[folder]

    def __del__(self) -> None:
        self.forget()


def _below(handle: int, parts: Sequence[str], make: bool, leave: Callable[[int], None]) -> int:
    """Open a nested folder, starting at an open one; release each folder after the next is open, and on errors."""
    try:
        for part in parts:
            inner = _open_subfolder(handle, part, make)
            leave(handle)
            handle = inner
    except BaseException:
        leave(handle)
        raise
    return handle


def _open_subfolder(handle: int, part: str, make: bool) -> int:
    flags = _FLAGS | os.O_NOFOLLOW
    try:
        return os.open(part, flags, dir_fd=handle)
    except FileNotFoundError:
        if not make:
            raise
    except NotADirectoryError as error:
        if stat.S_ISLNK(os.stat(part, dir_fd=handle, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, "a symbolic link, which is not followed in a mirror", part) from error
        raise
    made = True
    try:
        os.mkdir(part, PUBLISHED, dir_fd=handle)
    except FileExistsError:
        made = False  # by another thread, just now
    inner = os.open(part, flags, dir_fd=handle)
    if made:
        os.fchmod(inner, PUBLISHED)
    return inner


def make(path: str, mode: int = PUBLISHED) -> None:
    """Create a folder and its missing parents, independent of the umask. Raises OSError.

    mode: of the folder itself; created parents are world-readable.
    """
    path = os.path.abspath(path)  # a relative path ends with an empty parent, which is no folder
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        with suppress(FileExistsError):
            final = mode if folder == missing[0] else PUBLISHED
            os.mkdir(folder, final)
            os.chmod(folder, final)
