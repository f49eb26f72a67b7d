"""A systemd timer and the service that it starts."""

import os
import subprocess
from typing import NamedTuple

from zc.buildout import UserError

from .schedule import Schedule

_SERVICE = """\
# Written by buildout from the part {mark}; changes made here are lost.
[Unit]
Description=Package mirror of the part {mark}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
{user}ExecStart=/bin/sh -c {command}
# Another run holds the lock.
SuccessExitStatus=3
"""
_TIMER = """\
# Written by buildout from the part {mark}; changes made here are lost.
[Unit]
Description=Times of the package mirror of the part {mark}

[Timer]
{triggers}
Persistent=true

[Install]
WantedBy=timers.target
"""


class SystemctlNotFound(UserError):
    """The program ``systemctl`` can't be run."""


class Units(NamedTuple):
    """The texts of the two units."""

    service: str
    timer: str


def render(mark: str, schedule: Schedule, command: str, user: str = "") -> Units:
    """Return the units.

    mark: identifies part and buildout. command: for a shell. user: the user of the service; empty for the owner of the units.
    """
    described = mark.replace("%", "%%")
    return Units(_SERVICE.format(mark=described, user=f"User={user}\n" if user else "", command=_quoted(command)),
                 _TIMER.format(mark=described, triggers="\n".join(schedule.triggers)))


def folder(kind: str) -> str:
    """Return the directory of unit files. kind: user or system."""
    if kind == "system":
        return "/etc/systemd/system"
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "systemd", "user")


def enable(kind: str, name: str) -> None:
    """Enable and restart a timer with its current units. Raises UserError."""
    _systemctl(kind, "daemon-reload")
    _systemctl(kind, "enable", f"{name}.timer")
    _systemctl(kind, "restart", f"{name}.timer")


def disable(kind: str, name: str) -> None:
    """Stop and disable a timer, before its units are removed. Raises UserError."""
    _systemctl(kind, "disable", "--now", f"{name}.timer")


def reload(kind: str) -> None:
    """Make systemd notice removed units. kind: ``user`` or ``system``. Raises UserError."""
    _systemctl(kind, "daemon-reload")


def _systemctl(kind: str, *arguments: str) -> None:
    command = ["systemctl", *(["--user"] if kind == "user" else []), *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SystemctlNotFound(f"systemctl can't be run: {error.strerror}") from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise UserError(f"{' '.join(command)} failed: {said}")


def _quoted(command: str) -> str:
    """Return the command as one quoted argument in a unit file (systemd.service(5), command lines)."""
    text = command.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"'
