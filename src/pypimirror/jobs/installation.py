"""Installs the job of one mirror for a user or the system, and removes what is installed."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable, Mapping

from .. import written_file
from ..errors import ConfigurationError, MirrorError
from ..settings.reader import in_directory
from . import crontab, logrotate, systemd
from .identity import Identity

_CRON = "/etc/cron.d"
_ENDINGS = (".timer", ".socket", ".service")


class Installation:
    """The installed files of one job.

    root: writes below this directory in place of ``/``, as for an image, and starts nothing; empty for this machine.
    """

    def __init__(self, job: Identity, root: str = ""):
        self._job = job
        self._root = os.path.abspath(root) if root else ""
        #: What was done, one line each.
        self.done: list[str] = []

    def install_entry(self, kind: str, line: str) -> None:
        """Install an entry. kind: ``user`` or ``system``. Raises MirrorError."""
        if kind == "user":
            if crontab.install(self._job.mark, line):
                self.done.append("the entry is in the crontab")
            return
        self._write(os.path.join(self._path_below_root(_CRON), self._job.name), f"{self._job.note}{line}")

    def install_units(self, kind: str, units: Mapping[str, str]) -> None:
        """Install and enable units, by file name. Raises MirrorError; then no unit is new."""
        folder = self._path_below_root(systemd.unit_folder(kind))
        new = [path for name in units if not os.path.exists(path := os.path.join(folder, name))]
        changed = [self._write(os.path.join(folder, name), text) for name, text in units.items()]
        started = [name for name, text in units.items() if "\n[Install]\n" in text]
        try:
            if self._root:
                systemd.enable_below(self._root, started)
            elif any(changed):
                systemd.enable(kind, started)
        except MirrorError:
            for path in new:
                os.unlink(path)
            raise
        self.done.extend(f"{name} is enabled" for name in started)

    def install_logrotate(self, text: str) -> None:
        """Install a file of logrotate, if logrotate is there. Raises MirrorError."""
        folder = self._path_below_root(logrotate.FOLDER)
        if self._root or os.path.isdir(folder):
            self._write(os.path.join(folder, self._job.name), text)

    def remove(self) -> None:
        """Remove what is installed, wherever it is. Raises MirrorError."""
        self._remove_entries("user", "system")
        for kind in self._possible_kinds():
            self._remove_units(kind, (self._job.name, systemd.server_name(self._job)))
        self._remove_file(os.path.join(self._path_below_root(logrotate.FOLDER), self._job.name))

    def remove_other_updates(self, program: str, kind: str) -> None:
        """Remove all jobs that update the mirror but one. program: ``cron`` or ``systemd``. Raises MirrorError."""
        self._remove_entries(*(one for one in ("user", "system") if (program, kind) != ("cron", one)))
        for one in self._possible_kinds():
            if (program, kind) != ("systemd", one):
                self._remove_units(one, (self._job.name,))

    def _possible_kinds(self) -> tuple[str, ...]:
        return ("system",) if self._root else ("user", "system")

    def _remove_entries(self, *kinds: str) -> None:
        """Remove the entries of these kinds."""
        if "user" in kinds and not self._root:
            try:
                if crontab.remove(self._job.mark):
                    self.done.append("the entry in the crontab is removed")
            except crontab.CrontabNotFound:
                pass  # without cron there is no entry
        if "system" in kinds:
            self._remove_file(os.path.join(self._path_below_root(_CRON), self._job.name))

    def _remove_units(self, kind: str, stems: Iterable[str]) -> None:
        """Disable and remove the units with these names, those that start others first."""
        folder = self._path_below_root(systemd.unit_folder(kind))
        # Those that start others first.
        names = [name for ending in _ENDINGS for stem in stems if os.path.lexists(os.path.join(folder, name := stem + ending))]
        if not names:
            return
        if self._root:
            systemd.disable_below(self._root, names)
        else:
            systemd.disable(kind, names)
        for name in names:
            self._remove_file(os.path.join(folder, name))
        if not self._root:
            systemd.reload(kind)

    def _remove_file(self, path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise MirrorError(f"{path}: can't be removed: {error.strerror}; run this as root") from error
        self.done.append(f"{path} is removed")

    def _path_below_root(self, path: str) -> str:
        return self._root + path

    def _write(self, path: str, text: str) -> bool:
        try:
            if self._root or path.startswith(os.path.expanduser("~")):
                os.makedirs(os.path.dirname(path), exist_ok=True)
            changed = written_file.write(path, text, 0o644)
        except PermissionError as error:
            raise ConfigurationError(f"{path}: can't be written: {error.strerror}; run this as root") from error
        except OSError as error:
            raise MirrorError(f"{path}: can't be written: {error.strerror}") from error
        if changed:
            self.done.append(f"{path} is written")
        return changed


def job_user(mirror: str) -> str:
    """Return the user for a job of the system: the owner of the mirror, else ``pypimirror``; empty for root.

    mirror: the directory of the mirror or a URL.
    """
    try:
        owner = os.stat(mirror).st_uid if in_directory(mirror) else os.geteuid()
        return pwd.getpwuid(owner).pw_name if owner else ""
    except (OSError, KeyError):
        return "pypimirror"


def group_of(user: str) -> str:
    """Return the name of the main group of a user; the name of the user if it is unknown."""
    try:
        return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    except KeyError:
        return user


def check_user(user: str, mirror: str) -> None:
    """Check that the user of a job exists and owns the mirror; create a missing directory of the mirror for it.

    Raises ConfigurationError.
    """
    try:
        entry = pwd.getpwnam(user or "root")
    except KeyError:
        raise ConfigurationError(f"no user {user} on this machine; create it with: useradd --system --user-group "
                                 f"--no-create-home --shell /usr/sbin/nologin {user}; or name another with --user") from None
    if not in_directory(mirror):
        return
    try:
        if not os.path.isdir(mirror):
            os.makedirs(mirror)
            os.chown(mirror, entry.pw_uid, entry.pw_gid)
        owner = os.stat(mirror).st_uid
    except OSError as error:
        raise ConfigurationError(
            f"mirror_file_path: {mirror}: can't be created for {entry.pw_name}: {error.strerror}") from error
    if owner != entry.pw_uid:
        raise ConfigurationError(f"mirror_file_path: {mirror}: does not belong to {entry.pw_name}; "
                                 f"use chown -R {entry.pw_name}, or name its owner with --user")
