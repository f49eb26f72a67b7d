"""First step of an import: checks signature, format, base and completeness, before anything is changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

from ..errors import InvalidBundle, MirrorError
from ..events import Notice
from ..interfaces import IRunContext
from ..regular_file import open_regular
from ..state.database import State
from . import signature
from .followed import check_base
from .manifest import MANIFEST, MOST_BYTES, SIGNATURE, Manifest
from .part_reader import check_parts

#: Name of the copy of the manifest in the state's directory.
_COPY = "bundle.jsonl"


def checked_manifest(mirror: IRunContext, state: State, folder: str, allow_deletions: bool,
                     notify: Callable[[Any], None]) -> Manifest:
    """Check a bundle; return a private copy of its manifest, the only file that is written.

    allow_deletions: as for ``followed.check_base``. Raises InvalidBundle, MirrorError, ConfigurationError.
    """
    manifest = _copy_manifest(mirror, folder, notify)
    if manifest.header.tree:
        raise InvalidBundle(f"{folder}: made with --tree, for sites without this program; export it without")
    check_base(state, manifest.header, allow_deletions)
    check_parts(folder, manifest)
    return manifest


def _copy_manifest(mirror: IRunContext, folder: str, notify: Callable[[Any], None]) -> Manifest:
    """Copy the manifest, and verify the signature of the copy: the medium may change meanwhile."""
    path = os.path.join(mirror.settings["state_path"], _COPY)
    source = os.path.join(folder, MANIFEST)
    try:
        with open_regular(source) as stream, open(path, "wb", opener=_open_private) as copy:
            if os.fstat(stream.fileno()).st_size > MOST_BYTES:
                raise InvalidBundle(f"{source}: larger than a manifest may be")
            shutil.copyfileobj(stream, copy, 1 << 20)
    except FileNotFoundError as error:
        raise InvalidBundle(f"{source}: missing; not the directory of a complete bundle") from error
    except OSError as error:
        raise MirrorError(f"{error.filename or source}: {error.strerror}") from error
    allowed, signed = mirror.settings["allowed_signers"], os.path.join(folder, SIGNATURE)
    if allowed:
        notify(Notice(f"signed by {signature.verify(path, signed, allowed)}"))
    elif os.path.exists(signed):
        notify(Notice("the signature is not verified, since allowed_signers is not set"))
    return Manifest(path, source)


def _open_private(path: str, flags: int) -> int:
    """Open a file that only this user may read, without following a symbolic link."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
