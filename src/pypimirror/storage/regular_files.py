"""Checks for files that the configuration names for writing: regular files, not behind another user's symbolic link.

Opening a FIFO blocks until there is a reader, a device does not store data, and another user's link can lead anywhere.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection

from ..errors import ConfigurationError
from ..regular_file import check_kind


def check_regular(path: str, key: str) -> None:
    """Raise ConfigurationError if a path is not a regular file, or a link to another user's. A missing path is accepted."""
    try:
        link = os.lstat(path)
        found = os.stat(path) if stat.S_ISLNK(link.st_mode) else link
    except FileNotFoundError:
        found = link = None  # type: ignore[assignment]
        if os.path.islink(path):
            link = os.lstat(path)
    except OSError as error:
        raise ConfigurationError(f"{key}: {path}: {error.strerror}") from error
    if found is not None:
        _check_kind(found, path, key)
    if link is not None and stat.S_ISLNK(link.st_mode):
        _check_link(link, found, path, key)


def check_folder(path: str, key: str, made: Collection[str] = ()) -> None:
    """Raise ConfigurationError if the folder of a file does not exist, unless it is among those that a run makes."""
    folder = os.path.dirname(path)
    if folder not in made and not os.path.isdir(folder):
        raise ConfigurationError(f"{key}: {path}: the folder {folder} does not exist; create it, or correct the path")


def open_for_append(path: str, key: str) -> int:
    """Open a regular file for appending, without blocking; create it if it is missing. Raises ConfigurationError, OSError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    check_regular(path, key)
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EMLINK):
            raise
        # A link of this user or of root.
        descriptor = os.open(path, flags | os.O_CREAT, 0o666)
    try:
        found = os.fstat(descriptor)
        _check_kind(found, path, key)
        link = os.lstat(path)
        if stat.S_ISLNK(link.st_mode):
            _check_link(link, found, path, key)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_kind(found: os.stat_result, path: str, key: str) -> None:
    try:
        check_kind(found)
    except OSError as error:
        raise ConfigurationError(f"{key}: {path}: {error.strerror}") from error


def _check_link(link: os.stat_result, found: os.stat_result | None, path: str, key: str) -> None:
    if link.st_uid not in (os.geteuid(), 0) or (found is not None and found.st_uid != os.geteuid()):
        raise ConfigurationError(f"{key}: {path}: a symbolic link that another user made, or to a file of another user")
