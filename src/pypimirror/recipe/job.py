"""The job of cron or systemd that updates the mirror; it is installed or only written to files."""

import getpass
import logging
import os
import pwd
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from zc.buildout import UserError

from .. import written_file
from ..errors import MirrorError
from ..jobs import crontab, hardening, identity, logrotate, systemd
from ..jobs.schedule import Schedule
from ..settings.reader import read
from ..settings.values import Settings

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
        #: Whether the command is the mirror's own, so that its needs are known.
        self._is_own_command = value("cron-command") is None
        self.identity = identity.identity_of_part(part, directory)
        self._check_options()

    def computed_options(self) -> dict[str, str]:
        """Return the computed options, for other parts and for ``uninstall``, which gets only the options."""
        if not self._schedule:
            return {}
        return {"cron-command": self.command, "cron-entry": os.path.join(self.location, "cron-entry"),
                "cron-install": self._cron, "systemd-install": self._systemd,
                "job-mark": self.identity.mark, "job-name": self.identity.name}

    def install(self, config: str, made: Callable[[str], None]) -> None:
        """Write changed files and install the job. Raises UserError.

        config: the path of the mirror's configuration file. made: called with the path of each file.
        """
        if self._schedule is None:
            return
        self._log_warnings(self._schedule)
        user = self._user or (getpass.getuser() if self._cron == "system" else "")
        line = crontab.render_entry(self.times, self.command, user)
        try:
            self._write_file(self.location, "cron-entry", line, made)
            settings = read(config)
            self._install_units(self._schedule, settings, made)
            self._install_logrotate(settings, made)
            # Last, because the entry would not be removed if a later step failed.
            self._install_entry(line, made)
        except MirrorError as error:
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
            return  # ``_log_warnings`` reports it
        except OSError as error:
            raise UserError(f"{path}: can't change the owner to {self._user}: {error.strerror}") from error

    def _install_entry(self, line: str, made: Callable[[str], None]) -> None:
        name = self.identity.name
        if self._cron == "user" and crontab.install(self.identity.mark, line):
            self._log.info("The entry is in the crontab.")
        if self._cron == "system" and self._write_file(self._directory, name, f"{self.identity.note}{line}", made, 0o644):
            self._log.info("The entry is in %s.", os.path.join(self._directory, name))

    def _install_units(self, schedule: Schedule, settings: Settings, made: Callable[[str], None]) -> None:
        installed = self._systemd != "none"
        job = self.identity if installed else self.identity._replace(name="pypimirror")
        user = self._user if self._systemd == "system" else ""
        restrictions: list[str] = []
        if self._is_own_command:
            restrictions += hardening.render_restrictions("user" if self._systemd == "user" else "system", user,
                                                          hardening.writable_directories(settings), [self.location])
        folder = systemd.unit_folder(self._systemd) if installed else self.location
        if installed:
            os.makedirs(folder, exist_ok=True)
        units = systemd.update_units(job, schedule, self.command, user, restrictions)
        changed = [self._write_file(folder, name, text, made, 0o644) for name, text in units.items()]
        if installed and any(changed):
            systemd.enable(self._systemd, [f"{job.name}.timer"])
            self._log.info("The timer %s.timer is enabled.", job.name)

    def _install_logrotate(self, settings: Settings, made: Callable[[str], None]) -> None:
        """Write a file of logrotate if ``log-filename`` is set; install it with a job of the system."""
        if settings.origin("log_filename") == "default":
            return
        text = logrotate.render(self.identity, settings["log_filename"], self._user)
        system = "system" in (self._cron, self._systemd) and os.path.isdir(logrotate.FOLDER)
        folder, name = (logrotate.FOLDER, self.identity.name) if system else (self.location, "logrotate")
        self._write_file(folder, name, text, made, 0o644)

    def _write_file(self, folder: str, name: str, text: str, made: Callable[[str], None], mode: int | None = None) -> bool:
        """Write a file; return whether it changed. made: called with its path. Raises MirrorError."""
        path = os.path.join(folder, name)
        try:
            changed = written_file.write(path, text, mode)
        except OSError as error:
            raise MirrorError(f"{path} can't be written: {error.strerror}") from error
        made(path)
        return changed

    def _log_warnings(self, schedule: Schedule) -> None:
        if schedule.shortest < _SHORTEST:
            self._log.warning("cron-times = %s: %d minutes between two runs; every %d are enough, for upstream's list of "
                              "projects is not renewed more often.", self.times, schedule.shortest, _SHORTEST)
        if self._user and self._cron == "system":
            try:
                pwd.getpwnam(self._user)
            except KeyError:
                self._log.warning("cron-user = %s: no such user on this machine, so that cron won't run the entry.", self._user)

    def _check_options(self) -> None:
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
            systemd.disable(kind, [f"{options['job-name']}.timer"])
    except (crontab.CrontabNotFound, systemd.SystemctlNotFound) as error:
        log.warning("%s; what was installed with it is left as it is.", error)
    except MirrorError as error:
        raise UserError(str(error)) from error


def reload_systemd(options: Mapping[str, str]) -> None:
    """Reload systemd after the files of the job were removed. options: of the installed part."""
    kind = options.get("systemd-install", "none")
    if kind != "none":
        try:
            systemd.reload(kind)
        except MirrorError as error:
            # The timer is disabled already, so this has no consequence.
            logging.getLogger(__name__).warning("%s", error)
