"""Buildout's configuration syntax: from text to blocks, and from blocks to sections for one environment.

The rules are those of zc.buildout's own parser (``zc/buildout/configparser.py``), but conditions are kept as text and decided
later, for as many environments as are asked for.
"""

import io
import re
import textwrap
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..names import shown
from .model import InvalidPins, redact

#: Options by name, a name that ends in `` +`` or `` -`` adds to or takes from what other files say.
Section = dict[str, str]
Sections = dict[str, Section]

_HEADER = re.compile(r"\[\s*(?P<name>[^\s#[\]:;{}]+)\s*(:(?P<condition>[^#;]*))?]\s*([#;].*)?$")
#: In one file; stops those whose conditions, each another one, would take hours to decide.
_MAX_BLOCKS = 10_000
#: Of a value put together by ``+=``, characters.
_MAX_SUM = 1 << 16
_OPTION = re.compile(r"(?P<name>[^\s{}[\]=:]+\s*[-+]?)=(?P<value>.*)$")
_BLANK_START = re.compile(r"^(\s*\n)+")


class Option(NamedTuple):
    #: Without operator.
    name: str
    #: Empty, ``+`` or ``-``.
    operator: str
    #: Continuation lines included; starts with a line break where nothing follows the equals sign.
    value: str
    line: int

    @property
    def key(self) -> str:
        return f"{self.name} {self.operator}" if self.operator else self.name


class Block(NamedTuple):
    """One header and what stands under it."""

    section: str
    #: As written in the header; empty for none.
    condition: str
    options: tuple[Option, ...]
    line: int


def parse(text: str, source: str) -> tuple[Block, ...]:
    """Read a buildout file. source: for messages. Raises InvalidPins, which names file and line."""
    blocks: list[tuple[str, str, list[tuple[str, str, list[str], int]], int]] = []
    option: list[str] | None = None
    verbatim = False
    for number, line in enumerate(io.StringIO(text.removeprefix("\ufeff"), newline=None), 1):
        if line[0] in "#;":
            continue
        if line[0].isspace() and option is not None:
            # A value that starts on its own line keeps blank lines and indentation.
            if verbatim or line.strip():
                option.append(line.rstrip() if verbatim else line.strip())
            continue
        if match := _HEADER.match(line):
            if len(blocks) == _MAX_BLOCKS:
                raise InvalidPins(f"{redact(source)}, line {number}: more than {_MAX_BLOCKS} sections")
            blocks.append((match["name"], (match["condition"] or "").strip(), [], number))
            option = None
            continue
        if not blocks:
            if not line.strip():
                continue
            raise InvalidPins(f"{redact(source)}, line {number}: {shown(line.strip())!r} stands before any [section]")
        if line.startswith("=>"):
            line = f"<part-dependencies> = {line[2:]}"
        match = _OPTION.match(line)
        if match is None:
            if option is None and not line.strip():
                continue
            raise InvalidPins(f"{redact(source)}, line {number}: {shown(line.strip())!r} is neither [section] nor name = value")
        name, value = match["name"].rstrip(), match["value"].strip()
        operator = name[-1] if name[-1] in "+-" else ""
        option, verbatim = [value], not value
        blocks[-1][2].append((name.removesuffix(operator).rstrip() or name, operator, option, number))
    return tuple(Block(section, condition, tuple(Option(name, operator, "\n".join(lines), at)
                                                 for name, operator, lines, at in options), line)
                 for section, condition, options, line in blocks)


def sections(blocks: Iterable[Block], holds: Callable[[Block], bool]) -> Sections:
    """Put the blocks of one file together, those whose condition holds."""
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
    """Lay the sections of one file over those of the files that it extends; base changes, and over does not."""
    for name, section in over.items():
        if name in base:
            _lay(base[name], section)
        elif "<" in section:
            # A macro's section is put together only when all files are read.
            base[name] = dict(section)
        else:
            base[name] = {}
            _lay(base[name], _first(section))


def overlaid(base: Section, over: Section) -> Section:
    """Return one section laid over another."""
    result = dict(base)
    _lay(result, over)
    return result


def _lay(base: Section, over: Section) -> None:
    """Lay one section over another, ``+=`` and ``-=`` working line by line."""
    added = [key for key in over if key[-2:-1] == " " and key[-1] in "+-"]
    if added:
        over = dict(over)
    for key in sorted(added, key=lambda key: (key.rstrip(" +"), key[-1])):
        name = key[:-2]
        lines = over.get(name, base.get(name, "")).split("\n")
        changes = over.pop(key).split("\n")
        if key[-1] == "-":
            gone = frozenset(changes)
            over[name] = "\n".join(line for line in lines if line not in gone)
        else:
            over[name] = _bounded(name, "\n".join(lines + changes))
    base.update(over)


def _bounded(key: str, value: str) -> str:
    """Return a value put together by ``+=``. Raises InvalidPins for one that would make each addition slower."""
    if len(value) > _MAX_SUM:
        raise InvalidPins(f"{shown(key)}: longer than {_MAX_SUM} characters by its additions")
    return value


def _first(section: Section) -> Section:
    """Turn ``+=`` and ``-=`` without anything to start from into plain values."""
    section = dict(section)
    for key in sorted(key for key in section if key[-2:] in (" +", " -")):
        name = key[:-2]
        if key.endswith(" +") and name not in section:
            section[name] = section.pop(key)
        elif key.endswith(" -") and name not in section:
            del section[key]
            section[name] = ""
    return section
