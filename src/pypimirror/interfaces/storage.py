"""Contracts of the storage of the mirror's tree."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import BinaryIO

from zope.interface import Attribute, Interface


class IStorage(Interface):
    """Stores the mirror's tree. Named by the scheme of ``mirror_file_path``.

    Paths are relative, separated by ``/``, and never leave the mirror. All methods raise StorageError.
    """

    def check() -> None:
        """Raise ConfigurationError if the storage can't be written or is neither empty nor a mirror. Changes nothing."""

    def prepare() -> None:
        """Prepare the storage for a run: create it, and delete unfinished files of earlier runs. The caller holds the lock."""

    def finish() -> None:
        """Record that the run ended regularly, so that the next ``prepare`` can skip the search for unfinished files."""

    def create() -> IUpload:
        """Return a new IUpload."""

    def link(source: str) -> IUpload | None:
        """Return an IUpload with the content of a local file, shared as a hard link; None if the file can't be linked.

        source: its absolute path, not a symbolic link. The file must be readable by all users, as web servers need it.
        """

    def size(path: str) -> int | None:
        """Return the size in bytes of a file, or None if there is no such file."""

    def modified(path: str) -> float | None:
        """Return the time of a file's last modification in seconds since 1970, or None if there is no such file.

        It is the one of ``IUpload.commit``, else that of the commit. Moves, also into the trash and back, keep it.
        """

    def read(path: str) -> bytes | None:
        """Return the content of a file, or None if there is no such file."""

    def open(path: str) -> BinaryIO:
        """Open a file as a seekable binary stream for reading. Raises StorageError if there is no such file."""

    def write(path: str, blocks: Iterable[bytes]) -> None:
        """Write a file atomically: readers see either the complete old or the complete new content."""

    def digest(path: str, algorithm: str = "sha256") -> str | None:
        """Return the hex digest of a regular file, or None if there is no such file; symbolic links are not followed."""

    def move(path: str, target: str) -> None:
        """Move a file; an existing target is replaced."""

    def remove(path: str) -> None:
        """Remove a file, if it exists, and its parent folders that become empty."""

    def keep_open(folder: str) -> AbstractContextManager[None]:
        """Return a context manager that speeds up many accesses to one top-level folder, by any thread, in its block."""

    def flush() -> None:
        """Block until all earlier writes, moves and removals are durable, also those of other processes on this machine.

        Does nothing if each change is durable at once.
        """

    case_insensitive: bool = Attribute("Whether names that differ only in case are the same file; known after ``prepare``.")

    cheap_listing: bool = Attribute("Whether ``listdir`` and reading a new file are cheap, as on a local disk.")

    def listdir(folder: str) -> list[str]:
        """Return the names in a folder, those of folders with a trailing ``/``; an empty list if there is no such folder.

        Raises StorageError if the path is not a folder.
        """

    def free() -> int | None:
        """Return the free space in bytes, or None if it is unlimited."""

    def close() -> None:
        """Close open files and connections. Later calls open them again."""


class ICopyingStorage(IStorage):
    """A storage that copies files without a transfer; snapshots need it where there are no folders."""

    def duplicate(path: str, target: str) -> int:
        """Copy a file; an existing target is replaced. Return its size. Raises StorageError if there is no such file."""


class IUpload(Interface):
    """A temporary file that becomes visible in the storage with ``commit``."""

    def write(block: bytes) -> None:
        """Append a block."""

    def restart() -> None:
        """Truncate the file."""

    def stage() -> None:
        """Complete the content, so that ``IStorage.flush`` makes it durable."""

    def commit(path: str, modified: float | None = None) -> None:
        """Move the complete file to the path; an existing file is replaced.

        modified: the time of modification to record, in whole seconds since 1970; None for the present time.
        """

    def abort() -> None:
        """Discard the file. Does nothing after ``commit``."""


class IReservingUpload(IUpload):
    """An upload whose space can be reserved in advance; needed to keep ``min_free`` where ``IStorage.free`` returns a number.

    Without it, an upload counts only as far as it is written.
    """

    def reserve(size: int) -> None:
        """Reserve space for the whole content, until ``commit`` or ``abort``; may be called again with another size.

        All processes that write to the storage must see the reservation. Raises StorageError.
        """

    def pending() -> int:
        """Return the bytes that uploads of all processes have reserved and not written yet."""
