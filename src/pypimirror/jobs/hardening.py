"""Restrictions for systemd services (systemd.exec(5))."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from ..settings.reader import in_directory

#: Restrictions that also work in a user's instance of systemd, without mount namespaces.
_FOR_ALL = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
    "SystemCallFilter=@system-service",
)
_FOR_SYSTEM = (
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    # Credentials for upstreams may be in the home directory: .netrc, .aws.
    "ProtectHome=read-only",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProtectSystem=strict",
    "RemoveIPC=yes",
)
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108  # names what PrivateTmp replaces
#: The keys with directories that a run writes to, and those with files.
_FOLDERS, _FILES = ("mirror_file_path", "state_path", "extends_cache"), (
    "lock_file_name", "log_filename", "report_filename", "metrics_filename")


def writable_directories(settings: Any) -> tuple[str, ...]:
    """Return the directories that a run writes to."""
    found = {settings[key] for key in _FOLDERS} | {os.path.dirname(settings[key]) for key in _FILES if settings[key]}
    return without_nested(path for path in found if path and in_directory(path))


def without_nested(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths without those in a directory that is listed, too."""
    found: list[str] = []
    for path in sorted(paths):
        if not found or not path.startswith(os.path.join(found[-1], "")):
            found.append(path)
    return tuple(found)


def render_restrictions(kind: str, user: str, paths: Iterable[str], used: Iterable[str] = (), network: bool = True,
                        low_port: bool = False) -> Iterator[str]:
    """Yield the lines of a service.

    kind: ``user`` or ``system``. user: of the service; empty for root or the user of the instance. paths: directories to
    write to. used: other paths that the service reads. network: whether it opens connections. low_port: whether it listens
    below 1024.
    """
    paths = tuple(paths)
    yield from _FOR_ALL
    families = "AF_INET AF_INET6 AF_NETLINK AF_UNIX" if network else "AF_UNIX"
    yield f"RestrictAddressFamilies={families}"
    if kind != "system":
        return
    yield from _FOR_SYSTEM
    # root does not own the mirror and the script of other users.
    capabilities = "CAP_NET_BIND_SERVICE" if low_port else "" if user else "CAP_DAC_OVERRIDE CAP_FOWNER"
    yield f"CapabilityBoundingSet={capabilities}"
    if low_port:
        yield f"AmbientCapabilities={capabilities}"
    if not network:
        yield "PrivateNetwork=yes"
    if not any(_is_below(path, folder) for path in (*paths, *used) for folder in _TEMPORARY):
        yield "PrivateTmp=yes"
    for path in paths:
        # A missing directory is the business of the run, whose message names it.
        yield f"ReadWritePaths={quote_word('-' + path)}"


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def quote_word(text: str) -> str:
    """Return a word of a unit file in quotes (systemd.syntax(7)); ``%`` would start a specifier."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
