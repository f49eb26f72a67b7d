"""Ownership checks: files of another user may be an attack, and files created by the wrong user break later runs."""

from __future__ import annotations

import os
import stat

from ..errors import ConfigurationError


def check_own(path: str) -> None:
    """Raise ConfigurationError if a path is a symbolic link or belongs to another user. A missing path is accepted."""
    try:
        found = os.lstat(path)
    except OSError:
        return  # opening it later reports the error
    if stat.S_ISLNK(found.st_mode):
        raise ConfigurationError(f"{path}: a symbolic link, which is not followed; put the file itself there")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(f"{path}: owned by {_name(found.st_uid)}, but this process runs as {current_user()}; "
                                 "run it as the owner of the mirror")


def current_user() -> str:
    """Return the name of the user of this process."""
    return _name(os.geteuid())


def _name(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
