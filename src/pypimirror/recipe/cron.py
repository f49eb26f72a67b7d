"""Renders cron entries and files of system-wide entries (cron(8), crontab(5))."""

import re


def entry(times: str, command: str, user: str = "") -> str:
    """Return an entry with its newline. user: the user field of a system-wide entry; empty in a user's crontab."""
    return " ".join([*times.split(), *([user] if user else []), _escaped(command)]) + "\n"


def system_file(mark: str, line: str) -> str:
    """Return the text of a file in a directory such as /etc/cron.d."""
    return f"# Written by buildout from the part {mark}; changes made here are lost.\n{line}"


def _escaped(command: str) -> str:
    """Return the command with each ``%`` escaped: cron treats a bare one as the end of the command."""
    return re.sub(r"(?<!\\)%", r"\\%", command)
