"""``job``: the job that updates the mirror, and units for ``serve``; printed, installed or removed."""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import shutil
import sys
from typing import Any

from ..errors import ConfigurationError
from ..jobs import crontab, hardening, identity, logrotate, schedule, systemd
from ..jobs.installation import Installation, check_user, group_of, job_user
from ..settings import converters
from ..settings.reader import nearest
from ..settings.values import Settings
from ..zcml.plugins import read

_KINDS = ("cron", "systemd", "remove")
_PLACES = ("user", "system")
#: Options that only some of the kinds take.
_ONLY = {"serve": ("systemd",), "socket": ("systemd",), "host": ("systemd",), "port": ("systemd",),
         "times": ("cron", "systemd"), "command": ("cron", "systemd"), "install": ("cron", "systemd"),
         "user": ("cron", "systemd")}
_LAST_PORT, _FIRST_FREE_PORT = 65535, 1024


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print a job, install it, or remove what is installed."""
    kind = _parse_kind(arguments)
    job = _Job(config, arguments)
    if kind == "remove":
        job.installation.remove()
        if not arguments.quiet:
            print("\n".join(job.installation.done) or f"no job of {config} is installed")
        return 0
    files = job.render_cron() if kind == "cron" else job.render_units()
    if arguments.install is None:
        print("\n".join(text if kind == "cron" else f"# {name}\n{text}" for name, text in files.items()), end="")
    else:
        for line in job.install(kind, files):
            if not arguments.quiet:
                print(line)
    return 0


def _parse_kind(arguments: argparse.Namespace) -> str:
    """Return the kind of job, checked with its options. Raises ConfigurationError."""
    kind = arguments.words[0] if len(arguments.words) == 1 else ""
    if kind not in _KINDS:
        raise ConfigurationError(f"job takes one of {', '.join(_KINDS)}{nearest(kind, _KINDS) if kind else ''}")
    for option, kinds in _ONLY.items():
        if kind not in kinds and getattr(arguments, option):
            raise ConfigurationError(f"--{option} is not an option of job {kind}")
    return kind


class _Job:
    """The job of one configuration file, as options describe it."""

    def __init__(self, config: str, arguments: argparse.Namespace):
        self._config = os.path.abspath(config)
        if "\n" in self._config:
            raise ConfigurationError(f"{self._config!r}: the path of a job's configuration must be one line")
        self._arguments = arguments
        self._settings: Settings = read(config)
        self._kind = arguments.install or "user"
        if self._kind not in _PLACES:
            raise ConfigurationError(f"--install {arguments.install!r}: must be one of {', '.join(_PLACES)}")
        if arguments.root and self._kind == "user" and arguments.install:
            raise ConfigurationError("--root: needs --install system")
        #: Whether units and entries are for the system; those that are only printed are, if they can have a user.
        self._system = arguments.install == "system" or (
            arguments.install is None and (arguments.user is not None or arguments.words == ["systemd"]))
        self._identity = identity.identity_of_config(self._config)
        self.installation = Installation(self._identity, arguments.root or "")
        self._words = [*_program_words(config, arguments.builtin)]
        self._user = self._service_user()

    def render_cron(self) -> dict[str, str]:
        """Return the entry, by the name of its file."""
        user = self._user or "root" if self._system else ""
        return {self._identity.name: crontab.render_entry(self._parse_times()[0], self._update_command(), user)}

    def render_units(self) -> dict[str, str]:
        """Return the units by file name."""
        kind = "system" if self._system else "user"
        paths, used = hardening.writable_directories(self._settings), [self._config, *self._words]
        if not (self._arguments.serve or self._arguments.socket):
            restrictions: Any = () if self._arguments.command else hardening.render_restrictions(kind, self._user, paths, used)
            return systemd.update_units(self._identity, self._parse_times()[1], self._update_command(), self._user,
                                        restrictions)
        if self._arguments.times or self._arguments.command:
            raise ConfigurationError("--times and --command are for updates, not for --serve and --socket")
        host, port = self._arguments.host or "127.0.0.1", 8080 if self._arguments.port is None else self._arguments.port
        if not 0 < port <= _LAST_PORT:
            raise ConfigurationError(f"--port {port}: must be a number from 1 to {_LAST_PORT}")
        with_socket = bool(self._arguments.socket)
        restrictions = hardening.render_restrictions(kind, self._user, [self._settings["state_path"]], [*used, *paths],
                                                     network=not with_socket,
                                                     low_port=port < _FIRST_FREE_PORT and not with_socket)
        command = [*self._words, "serve", *([] if with_socket else ["--host", host, "--port", str(port)])]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return systemd.server_units(self._identity, command, address, with_socket, kind, self._user, restrictions)

    def install(self, kind: str, files: dict[str, str]) -> list[str]:
        """Install what ``render_cron`` or ``render_units`` returned; return what was done, one line each."""
        if self._kind == "system":
            if not self._arguments.root:
                check_user(self._user, self._settings["mirror_file_path"])
            if self._settings.origin("log_filename") != "default":
                self.installation.install_logrotate(logrotate.render(
                    self._identity, self._settings["log_filename"], self._user, group_of(self._user)))
        if kind == "cron":
            [line] = files.values()
            self.installation.install_entry(self._kind, line)
        else:
            self.installation.install_units(self._kind, files)
        if kind == "cron" or f"{self._identity.name}.timer" in files:
            self.installation.remove_other_updates(kind, self._kind)
        return self.installation.done

    def _service_user(self) -> str:
        """Return the user of the service or entry: the one that is named, or the owner of the mirror; empty for root."""
        if self._arguments.user is not None:
            from ..recipe.options import user

            try:
                name = user(self._arguments.user, "")
            except ValueError as error:
                raise ConfigurationError(f"--user {self._arguments.user!r}: must be {error}") from None
            if self._arguments.install == "user":
                raise ConfigurationError("--user: a job of --install user runs as its owner; use --install system")
            return "" if name == "root" else name
        return job_user(self._settings["mirror_file_path"]) if self._system else ""

    def _parse_times(self) -> tuple[str, schedule.Schedule]:
        """Return the times and what they mean; by default every six hours, at a minute that depends on the path."""
        minute = int(hashlib.sha256(self._config.encode()).hexdigest(), 16) % 59 + 1
        times = self._arguments.times or f"{minute} */6 * * *"
        try:
            return times, schedule.parse(converters.text(times, ""))
        except ValueError as error:
            raise ConfigurationError(f"--times {times!r}: must be {error}") from None

    def _update_command(self) -> str:
        """Return the command of an update: that of the option, else this program."""
        command = self._arguments.command
        if command is None:
            return f"{shlex.join(self._words)} --update-fetch -q"
        if "\n" in command or not command.strip():
            raise ConfigurationError("--command: must be one line")
        return str(command)


def _program_words(config: str, builtin: bool) -> tuple[str, ...]:
    """Return the words that run this program with the configuration file."""
    own = os.path.abspath(sys.argv[0])
    if builtin:
        return (own,)
    path = os.path.abspath(config)
    if os.path.basename(own) == "pypimirror" and os.access(own, os.X_OK):
        return own, path
    found = None if own.endswith(".py") else shutil.which("pypimirror")
    return (os.path.abspath(found), path) if found else (sys.executable, "-m", "pypimirror", path)
