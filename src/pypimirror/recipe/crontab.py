"""A user's own crontab: one marked block of ours in it, everything else untouched to the byte.

The block is known by its first and last line, which name the buildout and the part. It is changed by the program ``crontab``,
as POSIX has it: ``-l`` prints, ``-`` replaces, ``-r`` removes.
"""

import os
import re
import subprocess

from zc.buildout import UserError

#: What crons say, with exit status 1, where the user has no crontab at all.
_NONE = re.compile(rb"^(?:crontab: )?no crontab for \S+\s*$")


class CrontabNotFound(UserError):
    """There is no crontab program."""


def install(mark: str, entry: str) -> bool:
    """Have the block hold the entry; tell whether the crontab had to be changed for that.

    mark: one line that tells this block from others. entry: lines, each with its newline. Raises UserError.
    """
    begin, end = _borders(mark)
    block = begin + entry.encode("utf-8") + end
    before = _read()
    head, found, tail = _parts(before, begin, end)
    if not found and head and not head.endswith(b"\n"):
        head += b"\n"
    return _replace(before, head + block + tail)


def remove(mark: str) -> bool:
    """Take the block out; tell whether it was there. Raises UserError."""
    before = _read()
    head, _, tail = _parts(before, *_borders(mark))
    return _replace(before, head + tail)


def _borders(mark: str) -> tuple[bytes, bytes]:
    return f"# BEGIN {mark}\n".encode(), f"# END {mark}\n".encode()


def _parts(text: bytes, begin: bytes, end: bytes) -> tuple[bytes, bool, bytes]:
    """Give what stands before the block, whether there is one, and what stands after it. Further copies of it are left out."""
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
        raise UserError(f"crontab: the line {begin.decode().strip()!r} has no {end.decode().strip()!r} after it; "
                        "mend that with crontab -e first")
    return b"".join(head), found, b"".join(tail)


def _read() -> bytes:
    status, output, errors = _run("-l")
    if status == 0:
        return output
    if _NONE.match(errors) and not output:
        return b""
    raise UserError(f"crontab -l failed, so that nothing was changed: {_said(status, errors)}")


def _replace(before: bytes, after: bytes) -> bool:
    if before == after:
        return False
    status, _, errors = _run("-", content=after) if after else _run("-r")
    if status:
        raise UserError(f"crontab did not take the change: {_said(status, errors)}")
    return True


def _run(argument: str, content: bytes = b"") -> tuple[int, bytes, bytes]:
    try:
        done = subprocess.run(["crontab", argument], input=content, capture_output=True, check=False,
                              env={**os.environ, "LC_ALL": "C"})
    except OSError as error:
        raise CrontabNotFound(f"crontab can't be run: {error.strerror}") from error
    return done.returncode, done.stdout, done.stderr


def _said(status: int, errors: bytes) -> str:
    text = " ".join(errors.decode("utf-8", "replace").split())
    return text or f"exit status {status}"
