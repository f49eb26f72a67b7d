"""Units of systemd: a timer with the service that it starts, and a server with or without a socket."""

import os
import subprocess
from collections.abc import Iterable

from ..errors import MirrorError
from .hardening import quote_word
from .identity import Identity
from .schedule import Schedule

_SERVICE = """\
{note}[Unit]
Description=Package mirror of {subject}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
{user}ExecStart=/bin/sh -c {command}
# Another run holds the lock.
SuccessExitStatus=3
{restrictions}"""
_TIMER = """\
{note}[Unit]
Description=Times of the package mirror of {subject}

[Timer]
{triggers}
Persistent=true
RandomizedDelaySec=5min

[Install]
WantedBy=timers.target
"""
_SERVER = """\
{note}[Unit]
Description=Index server of the package mirror of {subject}
{dependency}
[Service]
{user}ExecStart={command}
Restart=on-failure
{restrictions}{install}"""
_SOCKET = """\
{note}[Unit]
Description=Socket of the index server of the package mirror of {subject}

[Socket]
ListenStream={address}

[Install]
WantedBy=sockets.target
"""
_INSTALL = "\n[Install]\nWantedBy={}\n"


class SystemctlNotFound(MirrorError):
    """The program ``systemctl`` can't be run."""


def update_units(job: Identity, schedule: Schedule, command: str, user: str = "",
                 restrictions: Iterable[str] = ()) -> dict[str, str]:
    """Return the service and the timer of updates, by file name.

    command: for a shell. user: the user of the service; empty for the owner of the units.
    """
    values = _template_values(job, user, restrictions)
    command = quote_word(command).replace("$", "$$")
    return {f"{job.name}.service": _SERVICE.format(**values, command=command),
            f"{job.name}.timer": _TIMER.format(**values, triggers="\n".join(schedule.triggers))}


def server_units(job: Identity, command: Iterable[str], address: str, has_socket: bool, kind: str, user: str = "",
                 restrictions: Iterable[str] = ()) -> dict[str, str]:
    """Return the service of ``serve``, and its socket if systemd listens, by file name.

    command: its words. address: to listen on, such as ``127.0.0.1:8080``. kind: ``user`` or ``system``.
    """
    values = _template_values(job, user, restrictions)
    name = server_name(job)
    words = " ".join(quote_word(word).replace("$", "$$") for word in command)
    target = "default.target" if kind == "user" else "multi-user.target"
    dependency = f"Requires={name}.socket\nAfter={name}.socket\n" if has_socket else "After=network.target\n"
    found = {f"{name}.service": _SERVER.format(**values, command=words, dependency=dependency,
                                               install="" if has_socket else _INSTALL.format(target))}
    if has_socket:
        found[f"{name}.socket"] = _SOCKET.format(**values, address=address)
    return found


def server_name(job: Identity) -> str:
    """Return the name of the units of ``serve``."""
    return f"{job.name}-serve"


def _template_values(job: Identity, user: str, restrictions: Iterable[str]) -> dict[str, str]:
    return {"note": job.note, "subject": job.subject.replace("%", "%%"), "user": f"User={user}\n" if user else "",
            "restrictions": "".join(f"{line}\n" for line in restrictions)}


def unit_folder(kind: str) -> str:
    """Return the directory of unit files. kind: user or system."""
    if kind == "system":
        return "/etc/systemd/system"
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "systemd", "user")


def enable(kind: str, units: Iterable[str]) -> None:
    """Enable and restart units with their current files. Raises MirrorError."""
    _run_systemctl(kind, "daemon-reload")
    for unit in units:
        _run_systemctl(kind, "enable", unit)
        _run_systemctl(kind, "restart", unit)


def disable(kind: str, units: Iterable[str]) -> None:
    """Stop and disable units, before their files are removed. Raises MirrorError."""
    for unit in units:
        _run_systemctl(kind, "disable", "--now", unit)


def reload(kind: str) -> None:
    """Make systemd notice removed units. kind: ``user`` or ``system``. Raises MirrorError."""
    _run_systemctl(kind, "daemon-reload")


def enable_below(root: str, units: Iterable[str]) -> None:
    """Enable units of a system that does not run. root: its directory. Raises MirrorError."""
    for unit in units:
        _run_systemctl("system", f"--root={root}", "enable", unit)


def disable_below(root: str, units: Iterable[str]) -> None:
    """Disable units of a system that does not run. root: its directory. Raises MirrorError."""
    for unit in units:
        _run_systemctl("system", f"--root={root}", "disable", unit)


def _run_systemctl(kind: str, *arguments: str) -> None:
    command = ["systemctl", *(["--user"] if kind == "user" else []), *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SystemctlNotFound(f"systemctl can't be run: {error.strerror}") from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise MirrorError(f"{' '.join(command)} failed: {said}")
