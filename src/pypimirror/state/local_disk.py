"""Refuses a state on a network file system, where SQLite's locks and shared memory don't work."""

from __future__ import annotations

import os

from ..errors import ConfigurationError

#: The mounted file systems on Linux (proc(5)); on other systems nothing is refused.
MOUNTS = "/proc/self/mounts"
_NETWORK = frozenset({
    "afs", "afp", "beegfs", "ceph", "cifs", "coda", "gfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
    "orangefs", "smb2", "smb3", "smbfs",
    "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuse.curlftpfs"})


def check_local(folder: str) -> None:
    """Raise ConfigurationError if a folder, existing or not, is on a network file system."""
    kind = file_system(folder)
    if kind in _NETWORK:
        raise ConfigurationError(f"{folder}: on a network file system ({kind}), where SQLite is not safe; "
                                 "set state_path to a directory on a local disk")


def file_system(path: str) -> str | None:
    """Return the type of a path's file system, as the kernel names it, or None if it is unknown."""
    path = os.path.realpath(path)
    best, kind = "", None
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as stream:
            for line in stream:
                _, point, found, *_ = line.split(" ")
                point = point.encode("latin-1", "surrogateescape").decode("unicode_escape") if "\\" in point else point
                if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
                    best, kind = point, found
    except (OSError, ValueError):
        return None
    return kind
