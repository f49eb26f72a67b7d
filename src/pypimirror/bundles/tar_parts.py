"""Parts of bundles: tar files (POSIX.1-2001) whose bytes follow from the manifest.

A reader compares each header with the one that it expects. So no name, link, device or size in a part is ever interpreted.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable

from .model import BundleHeader, BundleMember

#: The first member of a part: the bundle that it belongs to.
LABEL = ".bundle/part.json"
_BLOCK = 512
#: Two empty blocks end an archive.
END = bytes(2 * _BLOCK)
#: Mode of all members.
_MODE = 0o644


def label(header: BundleHeader, number: int) -> bytes:
    """Return the content of the first member of a part."""
    return json.dumps({"bundle": header.bundle, "part": number}).encode() + b"\n"


def member_header(path: str, size: int, time: int) -> bytes:
    """Return the blocks before the content of a member."""
    info = tarfile.TarInfo(path)
    info.size, info.mtime, info.mode = size, time, _MODE
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def padding(size: int) -> int:
    """Return the number of bytes that fill the last block of a content."""
    return -size % _BLOCK


def member_size(member: BundleMember, time: int) -> int:
    """Return the bytes that a member takes in a part."""
    return len(member_header(member.path, member.size, time)) + member.size + padding(member.size)


def beginning(header: BundleHeader, number: int) -> bytes:
    """Return the bytes of a part before its first member from the manifest."""
    content = label(header, number)
    return member_header(LABEL, len(content), header.time) + content + bytes(padding(len(content)))


def part_size(header: BundleHeader, number: int, members: Iterable[BundleMember]) -> int:
    """Return the size of a part."""
    return len(beginning(header, number)) + sum(member_size(member, header.time) for member in members) + len(END)
