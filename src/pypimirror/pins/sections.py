"""Buildout's configuration syntax: from text to blocks, and from blocks to sections for one environment.

The rules are those of zc.buildout's parser (``zc/buildout/configparser.py``), but conditions are kept as text and evaluated
later, for any number of environments.
"""

import io
import re
import textwrap
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..names import shown
from .model import InvalidPins, redact

#: Options by name. A name that ends with `` +`` or `` -`` adds lines to the value in other files, or removes lines from it.
Section = dict[str, str]
Sections = dict[str, Section]

_HEADER = re.compile(r"\[\s*(?P<name>[^\s#[\]:;{}]+)\s*(:(?P<condition>[^#;]*))?]\s*([#;].*)?$")
#: Sections in one file: more conditions, each different, would take hours to evaluate.
_MAX_BLOCKS = 10_000
#: Characters of a value with its additions by ``+=``.
_MAX_SUM = 1 << 16
_OPTION = re.compile(r"(?P<name>[^\s{}[\]=:]+\s*[-+]?)=(?P<value>.*)$")
_BLANK_START = re.compile(r"^(\s*\n)+")


class Option(NamedTuple):
    """One option of a block."""

    #: Without operator.
    name: str
    #: Empty, ``+`` or ``-``.
    operator: str
    #: With continuation lines; starts with a line break if nothing follows the equals sign.
    value: str
    line: int

    @property
    def key(self) -> str:
        return f"{self.name} {self.operator}" if self.operator else self.name


class Block(NamedTuple):
    """One header with its options."""

    section: str
    #: As written in the header; empty without condition.
    condition: str
    options: tuple[Option, ...]
    line: int


def parse(text: str, source: str) -> tuple[Block, ...]:
    """Parse a buildout file. source: for messages. Raises InvalidPins with file and line."""
    parser = _SectionParser(source)
    for number, line in enumerate(io.StringIO(text.removeprefix("\ufeff"), newline=None), 1):
        parser.feed(line, number)
    return parser.blocks()


class _SectionParser:
    """Collects the blocks of a file line by line."""

    def __init__(self, source: str):
        self._source = source
        self._blocks: list[tuple[str, str, list[Option], int]] = []
        #: Lines of the current option, which is the last of the last block; None at the beginning of a block.
        self._value: list[str] | None = None
        #: Whether continuation lines keep blank lines and indentation: those of a value that starts on a separate line.
        self._verbatim = False

    def blocks(self) -> tuple[Block, ...]:
        self._finish_option()
        return tuple(Block(section, condition, tuple(options), line) for section, condition, options, line in self._blocks)

    def feed(self, line: str, number: int) -> None:
        """Parse the next line. Raises InvalidPins."""
        if line[0] in "#;":
            return
        if line[0].isspace() and self._value is not None:
            self._continue(self._value, line)
        elif match := _HEADER.match(line):
            self._start_block(match, number)
        elif line.strip():
            self._start_option(line, number)

    def _continue(self, value: list[str], line: str) -> None:
        if self._verbatim:
            value.append(line.rstrip())
        elif line.strip():
            value.append(line.strip())

    def _finish_option(self) -> None:
        """Add the continuation lines to the current option."""
        if self._value is not None and len(self._value) > 1:
            options = self._blocks[-1][2]
            options[-1] = options[-1]._replace(value="\n".join(self._value))
        self._value = None

    def _start_block(self, header: re.Match[str], number: int) -> None:
        self._finish_option()
        if len(self._blocks) == _MAX_BLOCKS:
            raise self._invalid(number, f"more than {_MAX_BLOCKS} sections")
        self._blocks.append((header["name"], (header["condition"] or "").strip(), [], number))

    def _start_option(self, line: str, number: int) -> None:
        self._finish_option()
        if not self._blocks:
            raise self._invalid(number, f"{shown(line.strip())!r} precedes the first [section]")
        if line.startswith("=>"):
            line = f"<part-dependencies> = {line[2:]}"
        match = _OPTION.match(line)
        if match is None:
            raise self._invalid(number, f"{shown(line.strip())!r} is neither [section] nor name = value")
        name, value = match["name"].rstrip(), match["value"].strip()
        operator = name[-1] if name[-1] in "+-" else ""
        self._value, self._verbatim = [value], not value
        self._blocks[-1][2].append(Option(name.removesuffix(operator).rstrip() or name, operator, value, number))

    def _invalid(self, number: int, why: str) -> InvalidPins:
        return InvalidPins(f"{redact(self._source)}, line {number}: {why}")


def sections(blocks: Iterable[Block], holds: Callable[[Block], bool]) -> Sections:
    """Merge the blocks of one file whose condition holds."""
    found: Sections = {}
    for block in blocks:
        if block.condition and not holds(block):
            continue
        section = found.setdefault(block.section, {})
        for option in block.options:
            if option.operator and option.key in section:
                more = option.value if option.value[:1] in ("", "\n") else f"\n{option.value}"
                section[option.key] = _bounded(option.key, section[option.key].rstrip() + more)
                continue
            if not option.operator:
                section.pop(f"{option.name} +", None)
                section.pop(f"{option.name} -", None)
            section[option.key] = option.value
    for section in found.values():
        for key, value in section.items():
            if value[:1].isspace():
                section[key] = _BLANK_START.sub("", textwrap.dedent(value.rstrip()))
    return found


def merge(base: Sections, over: Sections) -> None:
    """Merge the sections of one file into ``base``, the sections of the files that it extends. ``over`` is not changed."""
    for name, section in over.items():
        if name in base:
            _merge_section(base[name], section)
        elif "<" in section:
            # A section with inclusions is resolved after all files are merged.
            base[name] = dict(section)
        else:
            base[name] = {}
            _merge_section(base[name], _as_plain(section))


def merged(base: Section, over: Section) -> Section:
    """Return a section with the options of ``over`` merged into it."""
    result = dict(base)
    _merge_section(result, over)
    return result


def _merge_section(base: Section, over: Section) -> None:
    """Merge one section into another; ``+=`` and ``-=`` add and remove lines."""
    added = [key for key in over if key[-2:-1] == " " and key[-1] in "+-"]
    if added:
        over = dict(over)
    for key in sorted(added, key=lambda key: (key.rstrip(" +"), key[-1])):
        name = key[:-2]
        lines = over.get(name, base.get(name, "")).split("\n")
        changes = over.pop(key).split("\n")
        if key[-1] == "-":
            removed = frozenset(changes)
            over[name] = "\n".join(line for line in lines if line not in removed)
        else:
            over[name] = _bounded(name, "\n".join(lines + changes))
    base.update(over)


def _bounded(key: str, value: str) -> str:
    """Return a value with its additions. Raises InvalidPins if it is so long that repeated additions take quadratic time."""
    if len(value) > _MAX_SUM:
        raise InvalidPins(f"{shown(key)}: longer than {_MAX_SUM} characters by its additions")
    return value


def _as_plain(section: Section) -> Section:
    """Convert ``+=`` and ``-=`` on options that no other file sets to plain values."""
    section = dict(section)
    for key in sorted(key for key in section if key[-2:] in (" +", " -")):
        name = key[:-2]
        if key.endswith(" +") and name not in section:
            section[name] = section.pop(key)
        elif key.endswith(" -") and name not in section:
            del section[key]
            section[name] = ""
    return section
