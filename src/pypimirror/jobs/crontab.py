"""Renders cron entries (cron(8), crontab(5)) and installs them in a user's crontab, in a marked block.

All other content of the crontab stays identical to the byte.

The first and last line of the block name the buildout and the part. The program ``crontab`` (POSIX) makes the change: ``-l``
prints, ``-`` replaces, ``-r`` removes.
"""

import os
import re
import subprocess

from ..errors import MirrorError

#: The message of ``crontab -l``, with exit status 1, if the user has no crontab: that of Vixie cron, cronie and others, and
#: that of busybox, on Alpine Linux for example, which names the missing file in its spool directory.
_NONE = re.compile(rb"^(?:(?:crontab: )?no crontab for \S+|crontab: can't open '[^/'\n]+': No such file or directory)\s*$")


class CrontabNotFound(MirrorError):
    """The program ``crontab`` can't be run."""


def render_entry(times: str, command: str, user: str = "") -> str:
    """Return an entry with its newline. user: the user field of a system-wide entry; empty in a user's crontab."""
    return " ".join([*times.split(), *([user] if user else []), _escape_percent(command)]) + "\n"


def install(mark: str, entry: str) -> bool:
    """Write the block with the entry; return whether the crontab changed.

    mark: one line that identifies the block. entry: lines, each with its newline. Raises MirrorError.
    """
    begin, end = _border_lines(mark)
    block = begin + entry.encode("utf-8") + end
    before = _read_crontab()
    head, found, tail = _split_at_block(before, begin, end)
    if not found and head and not head.endswith(b"\n"):
        head += b"\n"
    return _write_crontab(before, head + block + tail)


def remove(mark: str) -> bool:
    """Remove the block; return whether there was one. Raises MirrorError."""
    before = _read_crontab()
    head, _, tail = _split_at_block(before, *_border_lines(mark))
    return _write_crontab(before, head + tail)


def _escape_percent(command: str) -> str:
    """Return the command with each ``%`` escaped: cron treats a bare one as the end of the command."""
    return re.sub(r"(?<!\\)%", r"\\%", command)


def _border_lines(mark: str) -> tuple[bytes, bytes]:
    return f"# BEGIN {mark}\n".encode(), f"# END {mark}\n".encode()


def _split_at_block(text: bytes, begin: bytes, end: bytes) -> tuple[bytes, bool, bytes]:
    """Return the text before the block, whether there is one, and the text after it, without further copies of the block."""
    head: list[bytes] = []
    tail: list[bytes] = []
    found = inside = False
    for line in text.splitlines(keepends=True):
        if not inside and line in (begin, begin[:-1]):
            found = inside = True
        elif inside and line in (end, end[:-1]):
            inside = False
        elif not inside:
            (tail if found else head).append(line)
    if inside:
        raise MirrorError(f"crontab: the line {begin.decode().strip()!r} has no {end.decode().strip()!r} after it; "
                        "fix it with crontab -e")
    return b"".join(head), found, b"".join(tail)


def _read_crontab() -> bytes:
    """Return the crontab of this user, empty without one. Raises MirrorError."""
    status, output, errors = _run_crontab("-l")
    if status == 0:
        return output
    if _NONE.match(errors) and not output:
        return b""
    raise MirrorError(f"crontab -l failed, so that nothing was changed: {_describe_failure(status, errors)}")


def _write_crontab(before: bytes, after: bytes) -> bool:
    """Write the crontab, or remove it if it is empty now; return whether it differs. Raises MirrorError."""
    if before == after:
        return False
    status, _, errors = _run_crontab("-", content=after) if after else _run_crontab("-r")
    if status:
        raise MirrorError(f"crontab rejected the change: {_describe_failure(status, errors)}")
    return True


def _run_crontab(argument: str, content: bytes = b"") -> tuple[int, bytes, bytes]:
    """Run crontab; return exit status, output and errors. Raises CrontabNotFound."""
    try:
        done = subprocess.run(["crontab", argument], input=content, capture_output=True, check=False,
                              env={**os.environ, "LC_ALL": "C"})
    except OSError as error:
        raise CrontabNotFound(f"crontab can't be run: {error.strerror}") from error
    return done.returncode, done.stdout, done.stderr


def _describe_failure(status: int, errors: bytes) -> str:
    text = " ".join(errors.decode("utf-8", "replace").split())
    return text or f"exit status {status}"
