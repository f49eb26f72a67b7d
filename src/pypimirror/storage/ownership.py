"""Whose files of ours are: what another user owns may have been put there to mislead us, or would be in that user's way."""

from __future__ import annotations

import os
import stat

from ..errors import ConfigurationError


def check_own(path: str) -> None:
    """Raise ConfigurationError if what lies at a path is a symbolic link or belongs to another user. Nothing there is fine."""
    try:
        found = os.lstat(path)
    except OSError:
        return  # whoever opens it says what is wrong with it
    if stat.S_ISLNK(found.st_mode):
        raise ConfigurationError(f"{path}: a symbolic link, and none is followed here; put the file itself there")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(f"{path}: belongs to {_name(found.st_uid)}, and this runs as {_name(os.geteuid())}; "
                                 "run as the user whom the mirror belongs to")


def _name(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
