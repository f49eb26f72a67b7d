"""Entries of cron, and the files in which systems keep them (cron(8), crontab(5))."""

import re


def entry(times: str, command: str, user: str = "") -> str:
    """Give an entry, with its newline. user: the user field that files of the system have, empty in a user's own crontab."""
    return " ".join([*times.split(), *([user] if user else []), _escaped(command)]) + "\n"


def system_file(mark: str, line: str) -> str:
    """Give the text of a file in a directory such as /etc/cron.d."""
    return f"# Written by buildout from the part {mark}; changes made here are lost.\n{line}"


def _escaped(command: str) -> str:
    """Give the command with each ``%`` as ``\\%``: cron takes a bare one for the end of the command."""
    return re.sub(r"(?<!\\)%", r"\\%", command)
