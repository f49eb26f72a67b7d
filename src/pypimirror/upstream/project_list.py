"""Compact storage of upstream's list of projects: about 30 bytes per name, where a dictionary takes 250."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping

from ..model import ListedProject

#: The serial at the end of a line.
_LAST = re.compile(rb"\t[^\t\n]*$", re.MULTILINE)
#: Number of lines in a block, which is searched linearly.
_LINES = 256


class CompactNames(Mapping[str, ListedProject]):
    """Projects by normalised name, in order of names. Iteration is faster than lookup."""

    def __init__(self, blocks: list[bytes], count: int):
        """blocks: lines of ``NameCollector`` in order of names; each block begins and ends with a newline."""
        self._blocks = blocks
        self._firsts = [block[1:block.index(b"\t")] for block in blocks]
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks:
            for line in block[1:-1].decode().split("\n"):
                yield line[:line.index("\t")]

    def items(self) -> Iterator[tuple[str, ListedProject]]:  # type: ignore[override]
        for block in self._blocks:
            for line in block[1:-1].decode().split("\n"):
                yield _read(line)

    def __getitem__(self, name: str) -> ListedProject:
        key = name.encode()
        place = bisect_right(self._firsts, key) - 1
        if place >= 0:
            block = self._blocks[place]
            start = block.find(b"\n" + key + b"\t")
            if start >= 0:
                return _read(block[start + 1:block.index(b"\n", start + 1)].decode())[1]
        raise KeyError(name)


def in_order(projects: Mapping[str, ListedProject]) -> Iterator[tuple[str, ListedProject]]:
    """Yield projects in order of names."""
    return iter(projects.items() if isinstance(projects, CompactNames) else sorted(projects.items()))


class NameCollector:
    """Collects the names of a list while it is read."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._lines: list[str] = []
        self._last = ""
        self._sorted = True
        self._count = 0
        #: Names with several serials, of which one is old; complete after ``names``.
        self.contradicted: set[str] = set()
        #: Whether all projects so far have a serial.
        self.serials = True

    def add(self, name: str, display: str, serial: int | str | None) -> None:
        """Add a project; a later one of the same name replaces it. display: the registered name."""
        if serial is None:
            self.serials = False
        if name <= self._last:
            self._sorted = False
        self._last = name
        text = serial if isinstance(serial, int) else "" if serial is None else ascii(serial)
        self._lines.append(f"{name}\t{'' if display == name else display}\t{text}")
        self._count += 1
        if len(self._lines) == _LINES:
            self._flush()

    def names(self, serials: bool = True) -> CompactNames:
        """Return all projects. serials: whether to keep their serials."""
        self._flush()
        if not serials:
            self._blocks = [_LAST.sub(b"\t", block) for block in self._blocks]
        if not self._sorted:
            lines: dict[str, str] = {}
            for line in (line for block in self._blocks for line in block[1:-1].decode().split("\n")):
                name = line[:line.index("\t")]
                if line.rpartition("\t")[2] != lines.setdefault(name, line).rpartition("\t")[2]:
                    self.contradicted.add(name)
                lines[name] = line
            self._blocks, self._count = [], len(lines)
            for name in sorted(lines):
                self._lines.append(lines.pop(name))
                if len(self._lines) == _LINES:
                    self._flush()
            self._flush()
            self._sorted = True
        return CompactNames(self._blocks, self._count)

    def _flush(self) -> None:
        if self._lines:
            self._blocks.append("\n".join(("", *self._lines, "")).encode())
            self._lines.clear()


def _read(line: str) -> tuple[str, ListedProject]:
    name, display, text = line.split("\t")
    serial = None if not text else int(text) if text[0] not in "'\"" else _unquote(text)
    return name, ListedProject(display or name, serial)


def _unquote(text: str) -> str:
    from ast import literal_eval  # rarely needed: most serials are numbers

    return str(literal_eval(text))
