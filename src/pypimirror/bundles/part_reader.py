"""Reads the parts of a bundle side by side with its manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from ..errors import InvalidBundle
from ..names import list_first, shown
from ..regular_file import open_regular
from . import tar_parts
from .manifest import Manifest
from .model import BundleHeader, BundleMember, End, PartLine, ProjectLine, part_name

#: Number of parts that a message names.
_SHOWN = 10


class PartReader:
    """Reads one part, in the order of its members."""

    def __init__(self, stream: BinaryIO, header: BundleHeader, number: int):
        self._stream, self._header, self.number = stream, header, number

    def check_label(self) -> None:
        """Raise InvalidBundle unless the part belongs to the bundle."""
        expected = tar_parts.beginning(self._header, self.number)
        found = self._stream.read(len(expected))
        if found != expected:
            raise InvalidBundle(f"{self._stream.name}: not part {self.number} of this bundle ({self._header.bundle}), but "
                                f"{_describe_label(found)}; copy the right file")

    def member(self, member: BundleMember, put: Callable[[Callable[[int], bytes]], bool] | None) -> None:
        """Read the next member. put: receives a function that reads, and returns whether the content is right; None to skip it.

        Raises InvalidBundle if the part is damaged.
        """
        expected = tar_parts.member_header(member.path, member.size, self._header.time)
        if self._stream.read(len(expected)) != expected:
            raise self._damaged_error(member)
        padding = tar_parts.padding(member.size)
        if put is None:
            self._stream.seek(member.size + padding, os.SEEK_CUR)
        elif not put(self._stream.read) or len(self._stream.read(padding)) != padding:
            raise self._damaged_error(member)

    def _damaged_error(self, member: BundleMember) -> InvalidBundle:
        return InvalidBundle(f"{self._stream.name}: damaged at {shown(member.path)}; copy this part again, then import again")


@contextmanager
def open_part(folder: str, header: BundleHeader, number: int) -> Iterator[PartReader]:
    """Open a part, and check that it belongs to the bundle. Raises InvalidBundle."""
    path = os.path.join(folder, part_name(number))
    try:
        with open_regular(path) as stream:
            reader = PartReader(stream, header, number)
            reader.check_label()
            yield reader
    except OSError as error:
        raise InvalidBundle(f"{path}: {error.strerror}") from error


def check_parts(folder: str, manifest: Manifest) -> End:
    """Check that all parts are there, whole and of this bundle; return the last line of the manifest. Raises InvalidBundle."""
    end, sizes = _check_lines(manifest)
    missing = []
    for number, size in enumerate(sizes, 1):
        path = os.path.join(folder, part_name(number))
        try:
            found = os.stat(path).st_size
        except OSError:
            missing.append(part_name(number))
            continue
        if found != size:
            raise InvalidBundle(f"{path}: {found} bytes of {size}: truncated, or another file; copy this part again")
        with open_part(folder, manifest.header, number):
            pass
    if missing:
        raise InvalidBundle(f"{folder}: {len(missing)} of {len(sizes)} parts are missing: {list_first(missing, _SHOWN)}; "
                            "copy them, or let export write them again")
    return end


def _check_lines(manifest: Manifest) -> tuple[End, list[int]]:
    """Check that a manifest has all lines, and that they agree; return the last one, and the sizes of the parts."""
    sizes: list[int] = []
    time, size = manifest.header.time, 0
    projects = members = total = removed = 0
    end = End(0, 0, 0, 0, 0)
    for line in manifest:
        if isinstance(line, BundleMember):
            members, total = members + 1, total + line.size
            size += tar_parts.member_size(line, time)
        elif isinstance(line, PartLine):
            if line != (len(sizes) + 1, size + tar_parts.part_size(manifest.header, line.number, ())):
                raise InvalidBundle(f"{manifest.name}: the part {line.number} is out of order, or has another size than its "
                                    "members")
            sizes.append(line.size)
            size = 0
        elif isinstance(line, End):
            end = line
        else:
            projects += isinstance(line, ProjectLine)
            removed += not isinstance(line, ProjectLine)
    if end != (projects, members, total, len(sizes), removed) or size:
        raise InvalidBundle(f"{manifest.name}: lines are missing; copy it again")
    return end, sizes


def _describe_label(found: bytes) -> str:
    """Describe the beginning of a file that is not the part."""
    content = found[512:].partition(b"\n")[0]
    return f"one labelled {shown(content.decode('ascii', 'replace'))}" if content.startswith(b"{") else "something else"
