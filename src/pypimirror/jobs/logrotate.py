"""Renders a configuration file of logrotate."""

from __future__ import annotations

from .identity import Identity

#: The directory of logrotate's files.
FOLDER = "/etc/logrotate.d"
_TEXT = """\
{note}{filename} {{
    weekly
    rotate 8
    compress
    delaycompress
    missingok
    notifempty
    nocreate
{su}}}
"""


def render(job: Identity, filename: str, user: str = "", group: str = "") -> str:
    """Return the file for a log. user, group: the owner of the log; empty for root."""
    escaped = filename.replace("\\", "\\\\").replace('"', '\\"')
    return _TEXT.format(note=job.note, filename=f'"{escaped}"', su=f"    su {user} {group or user}\n" if user else "")
