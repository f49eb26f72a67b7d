"""The selection of a project's files in a compact form, in which it travels from the evaluation to publishing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..model import File, Project
from ..selected import LeftOut, Selected


class PackedSelection(NamedTuple):
    """A selection that refers to the files of the project's record by position. A run keeps one for each project to publish."""

    #: Bit n is set for the n-th file of the record.
    files: int
    #: The fields of ``LeftOut`` but the file, and the files that they apply to, as above.
    left_out: tuple[tuple[tuple[Any, ...], int], ...]
    #: The other fields of the selection.
    more: Selected


def pack(selected: Selected, project: Project) -> PackedSelection:
    """Return a selection in its compact form. project: the record with all files of the selection."""
    if not selected.left_out and len(selected.files) == len(project.files):
        return PackedSelection(_all(project), (), selected._replace(files=()))
    bits = {file.filename: 1 << number for number, file in enumerate(project.files)}
    left_out: dict[tuple[Any, ...], int] = {}
    for file, *reason in selected.left_out:
        left_out[tuple(reason)] = left_out.get(tuple(reason), 0) | bits[file.filename]
    return PackedSelection(_joined(bits[file.filename] for file in selected.files), tuple(left_out.items()),
                           selected._replace(files=(), left_out=()))


def unpack(packed: PackedSelection, project: Project) -> Selected:
    """Return the selection with the files of the same record; those that are left out are grouped by their reasons."""
    return packed.more._replace(
        files=project.files if packed.files == _all(project) else tuple(_chosen(packed.files, project)),
        left_out=tuple(LeftOut(file, *reason) for reason, files in packed.left_out for file in _chosen(files, project)))


def _all(project: Project) -> int:
    return (1 << len(project.files)) - 1


def _joined(bits: Iterable[int]) -> int:
    found = 0
    for bit in bits:
        found |= bit
    return found


def _chosen(files: int, project: Project) -> Iterator[File]:
    return (file for number, file in enumerate(project.files) if files >> number & 1)
