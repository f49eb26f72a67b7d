"""Folders opened step by step, so that no symbolic link that somebody put into a tree is ever followed."""

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
#: What everybody may read, whatever the umask says.
PUBLISHED = 0o755
#: What nobody but we may read.
PRIVATE = 0o700


@contextmanager
def opened(root: str, parts: Sequence[str], make: bool = False) -> Iterator[int]:
    """Open a folder below the root and give its descriptor.

    make: whether folders that are missing are made. Raises OSError; ``root`` itself may be a link, its owner's.
    """
    handle = _below(os.open(root, _FLAGS), parts, make, os.close)
    try:
        yield handle
    finally:
        os.close(handle)


class DirHandleCache:
    """Opens folders below a root, and keeps open the root, one folder that is needed all the time, and those that are near."""

    def __init__(self, root: str, often: str):
        self.root = root
        self._lasting = ("", often)
        self._lock = threading.Lock()
        #: Those that are kept open, by path.
        self.handles: dict[str, int] = {}
        #: By name of a folder in the root, as it was opened; more than once where it was removed meanwhile.
        self._near: dict[str, list[int]] = {}
        #: For how many each of them is near: a task that seemed lost may be done twice at once.
        self._users: Counter[str] = Counter()
        #: All that are not to be closed by who used them.
        self._kept: set[int] = set()

    def enter(self, folder: str, make: bool = False) -> int:
        """Open a folder and give its descriptor; make: whether folders that are missing are made.

        Raises OSError, StorageError.
        """
        handle = self.handles.get(folder)
        if handle is not None:
            return handle
        if folder in self._lasting:
            return self._lasting_one(folder, make)
        inside = parts(folder)
        root = self.enter("")
        opened = self._near.get(folder)
        if opened is None:
            return _below(root, inside, make, self.leave)
        handle = _entered(root, folder, make)
        with self._lock:
            self._kept.add(handle)
            opened.append(handle)
            self.handles[folder] = handle
        return handle

    @contextmanager
    def opened(self, folder: str) -> Iterator[int]:
        """Open a folder to list it: a descriptor of its own, which nobody else reads from. Raises OSError, StorageError."""
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
        """Close what ``enter`` gave, unless it is kept."""
        if handle not in self._kept:
            os.close(handle)

    @contextmanager
    def keep_open(self, folder: str) -> Iterator[None]:
        """Keep a folder in the root open meanwhile, from when it is used first."""
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

    def gone(self, folder: str) -> None:
        """Take note that a folder was removed."""
        if folder in self._near:
            self.handles.pop(folder, None)

    def forget(self) -> None:
        """Close what is kept: other folders may be there now. No folder is open meanwhile."""
        with self._lock:
            for folder in self._lasting:
                if (handle := self.handles.pop(folder, None)) is not None:
                    self._kept.discard(handle)
                    os.close(handle)

    def _lasting_one(self, folder: str, make: bool) -> int:
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
    """Go down from the root, which is open, and leave each folder for the next one, or where there is none."""
    try:
        for part in parts:
            inner = _entered(handle, part, make)
            leave(handle)
            handle = inner
    except BaseException:
        leave(handle)
        raise
    return handle


def _entered(handle: int, part: str, make: bool) -> int:
    flags = _FLAGS | os.O_NOFOLLOW
    try:
        return os.open(part, flags, dir_fd=handle)
    except FileNotFoundError:
        if not make:
            raise
    except NotADirectoryError as error:
        if stat.S_ISLNK(os.stat(part, dir_fd=handle, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, "a symbolic link, and none is followed in a mirror", part) from error
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
    """Make a folder if it is not there, and those above that are missing, whatever the umask says. Raises OSError.

    mode: that of the folder itself; those above can be read by everybody.
    """
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(folder, PRIVATE)
            os.chmod(folder, mode if folder == missing[0] else PUBLISHED)
