"""The job of cron or systemd that updates the mirror; it is installed or only written to files."""

import getpass
import hashlib
import logging
import os
import pwd
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from zc.buildout import UserError

from . import crontab, files, systemd
from .schedule import Schedule

#: Intervals below this number of minutes get a warning.
_SHORTEST = 30


class Job:
    """The job of one part."""

    def __init__(self, part: str, directory: str, location: str, value: Callable[[str], Any], times: str, script: str):
        """
        directory: of the buildout. location: of the part's files. value: returns the checked value of an option.
        times: the text of ``cron-times``, empty for no job. script: the path of the mirror's script.
        Raises UserError for contradictory options.
        """
        self.part, self.location, self.times = part, location, times
        self._schedule: Schedule | None = value("cron-times")
        self.command: str = value("cron-command") or f"{shlex.quote(script)} --update-fetch -q"
        self._cron, self._systemd = value("cron-install"), value("systemd-install")
        self._directory: str = value("cron-directory")
        self._user: str = value("cron-user") or ""
        self._log = logging.getLogger(part)
        #: Identifies the job among those of other parts and buildouts, for people and in a crontab.
        self.mark = f"[{part}] in {directory}"
        #: Identifies the job in file names: cron ignores files whose names have dots.
        self.name = f"pypimirror-{_plain(part)}-{hashlib.sha256(self.mark.encode()).hexdigest()[:8]}"
        self._check()

    def options(self) -> dict[str, str]:
        """Return the computed options, for other parts and for ``uninstall``, which gets only the options."""
        if not self._schedule:
            return {}
        return {"cron-command": self.command, "cron-entry": os.path.join(self.location, "cron-entry"),
                "cron-install": self._cron, "systemd-install": self._systemd, "job-mark": self.mark, "job-name": self.name}

    def install(self, made: Callable[[str], None]) -> None:
        """Write changed files and install the job. made: called with the path of each file. Raises UserError."""
        if self._schedule is None:
            return
        self._warn(self._schedule)
        user = self._user or (getpass.getuser() if self._cron == "system" else "")
        line = crontab.entry(self.times, self.command, user)
        try:
            self._write(self.location, "cron-entry", line, made)
            self._install_units(self._schedule, made)
            # Last, because the entry would not be removed if a later step failed.
            self._install_entry(line, made)
        except UserError as error:
            raise UserError(f"[{self.part}] {error}") from error
        if self._cron == self._systemd == "none":
            self._log.info("No job is installed. For that: cron-install = user in [%s], or add %s to a crontab.",
                           self.part, os.path.join(self.location, "cron-entry"))

    def change_owner(self, path: str) -> None:
        """Change the owner of a private file to the user of a system entry, who must read it. Raises UserError."""
        if self._cron != "system" or not self._user or os.geteuid() != 0 or os.stat(path).st_mode & 0o077:
            return
        try:
            os.chown(path, pwd.getpwnam(self._user).pw_uid, -1)
        except KeyError:
            return  # ``_warn`` reports it
        except OSError as error:
            raise UserError(f"{path}: can't change the owner to {self._user}: {error.strerror}") from error

    def _install_entry(self, line: str, made: Callable[[str], None]) -> None:
        if self._cron == "user" and crontab.install(self.mark, line):
            self._log.info("The entry is in the crontab.")
        text = crontab.system_file(self.mark, line)
        if self._cron == "system" and self._write(self._directory, self.name, text, made, 0o644):
            self._log.info("The entry is in %s.", os.path.join(self._directory, self.name))

    def _install_units(self, schedule: Schedule, made: Callable[[str], None]) -> None:
        units = systemd.render(self.mark, schedule, self.command, self._user if self._systemd == "system" else "")
        installed = self._systemd != "none"
        folder = systemd.folder(self._systemd) if installed else self.location
        name = self.name if installed else "pypimirror"
        if installed:
            os.makedirs(folder, exist_ok=True)
        changed = [self._write(folder, f"{name}{ending}", text, made, 0o644)
                   for ending, text in ((".service", units.service), (".timer", units.timer))]
        if installed and any(changed):
            systemd.enable(self._systemd, self.name)
            self._log.info("The timer %s.timer is enabled.", self.name)

    def _write(self, folder: str, name: str, text: str, made: Callable[[str], None], mode: int | None = None) -> bool:
        path = os.path.join(folder, name)
        try:
            changed = files.write(path, text, mode)
        except OSError as error:
            raise UserError(f"{path} can't be written: {error.strerror}") from error
        made(path)
        return changed

    def _warn(self, schedule: Schedule) -> None:
        if schedule.shortest < _SHORTEST:
            self._log.warning("cron-times = %s: %d minutes between two runs; every %d are enough, for upstream's list of "
                              "projects is not renewed more often.", self.times, schedule.shortest, _SHORTEST)
        if self._user and self._cron == "system":
            try:
                pwd.getpwnam(self._user)
            except KeyError:
                self._log.warning("cron-user = %s: no such user on this machine, so that cron won't run the entry.", self._user)

    def _check(self) -> None:
        for name, value in (("cron-install", self._cron), ("systemd-install", self._systemd)):
            if value != "none" and self._schedule is None:
                raise UserError(f"[{self.part}] {name} = {value}: needs cron-times")
        if self._user and self._cron == "user":
            raise UserError(f"[{self.part}] cron-user = {self._user}: a user's own crontab has no such field; "
                            "set cron-install = system to use it")


def uninstall(options: Mapping[str, str]) -> None:
    """Uninstall the job, without its files. options: of the installed part. Raises UserError.

    If cron or systemd is no longer installed, the job can't run, and only a warning is logged.
    """
    log = logging.getLogger(__name__)
    try:
        if options.get("cron-install") == "user":
            crontab.remove(options["job-mark"])
        kind = options.get("systemd-install", "none")
        if kind != "none":
            systemd.disable(kind, options["job-name"])
    except (crontab.CrontabNotFound, systemd.SystemctlNotFound) as error:
        log.warning("%s; what was installed with it is left as it is.", error)


def forget(options: Mapping[str, str]) -> None:
    """Reload systemd after the files of the job were removed. options: of the installed part."""
    kind = options.get("systemd-install", "none")
    if kind != "none":
        try:
            systemd.reload(kind)
        except UserError as error:
            # The timer is disabled already, so this has no consequence.
            logging.getLogger(__name__).warning("%s", error)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
