"""Flattens pin files for clients: a chain of versions.cfg files, or requirements files, into one file each."""

import re
from collections.abc import Iterable, Iterator, Mapping

from ..names import is_project, normalize
from .conditions import Undecided, Varies, holds, written, written_marker
from .environments import Environment, marker_values
from .extends_chain import Chain
from .requirements import Requirements
from .sections import Block
from .versions import entries, is_range, pinned_version, section_name

#: Names of sections with versions. Not ``buildout``: zc.buildout acts on its options.
_SECTION = re.compile(r"(?!(?i:buildout)$)[A-Za-z0-9][A-Za-z0-9._-]*")
#: Characters of versions and ranges: none that starts a comment, an option or a variable, or ends a line.
_VALUE = re.compile(r"[A-Za-z0-9._+!*<>=~, -]*")
_Entries = Mapping[str, str]


def flatten_versions(chain: Chain, environments: Iterable[Environment]) -> str:
    """Return a buildout file with only the versions of the chain and their conditions.

    It is equivalent to the chain in all ``environments``, and in others, too, if only plain sections are used.
    zc.buildout runs conditions as Python, loads the packages in ``recipe`` and ``extensions``, and resolves ``${...}`` and
    ``<``. Therefore names, values and conditions are rewritten from their parsed form, and unsupported ones are left out.
    Raises FetchError, InvalidPins.
    """
    environments = tuple(environments)
    name = section_name(chain.sections(environments[0]))
    # Another name could contain a condition, which zc.buildout would run.
    section = name if name and name in chain.sections(environments[0]) and _SECTION.fullmatch(name) else "versions"
    heading = "" if section == "versions" else f"[buildout]\nversions = {section}\n\n"
    # zc.buildout can't parse a file whose first section is conditional.
    text = f"{heading}[{section}]\n" + "".join(_plain(chain, environments, name, section))
    return text + "".join(_corrections(chain, environments, text, section))


def flatten_requirements(requirements: Requirements) -> str:
    """Return one requirements file without names of other files or indexes. Each line is rewritten from its parsed form.

    With constraints in it, it is a constraints file for pip's ``-c``: as requirements, all of them would be installed.
    """
    constraints = any(line.constraint for line in requirements.lines)
    text = "# For pip's --constraint option.\n" if constraints else ""
    seen: dict[str, None] = {}
    for line in requirements.lines:
        requirement, marker = line.requirement, line.requirement.marker
        specifier = str(requirement.specifier)
        # pip accepts no extras in constraints, and a bare name constrains nothing.
        if (constraints and not specifier) or not _VALUE.fullmatch(specifier):
            continue
        if marker is not None and written_marker(marker) is None:
            continue
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras and not constraints else ""
        condition = f"; {marker}" if marker is not None else ""
        hashes = "".join(f" \\\n    --hash={digest}" for digest in sorted(line.hashes))
        seen.setdefault(f"{requirement.name}{extras}{specifier}{condition}{hashes}\n")
    return text + "".join(seen)


def _plain(chain: Chain, environments: tuple[Environment, ...], name: str | None, section: str) -> Iterator[str]:
    """Yield the blocks of the versions section in their order, without options that depend on other sections or files."""
    current = ""
    for document, _ in chain.variant(environments[0]).files:
        for block in document.blocks:
            condition = _condition(block, environments)
            if block.section != name or condition is None:
                continue
            lines = [line for option in block.options if not option.operator for line in _line(option.name, option.value)]
            if not lines:
                continue
            if condition != current:
                current = condition
                yield f"\n[{section}:{condition}]\n" if condition else f"\n[{section}]\n"
            yield from lines


def _condition(block: Block, environments: tuple[Environment, ...]) -> str | None:
    """Return the rewritten condition of a block, or None for a condition that zc.buildout must not run."""
    if not block.condition:
        return ""
    for environment in environments:
        try:
            holds(block.condition, environment)
        except Varies:
            continue
        except Undecided:
            return None
    return written(block.condition)


def _line(name: str, value: str) -> Iterator[str]:
    """Yield one line for a pin or a range, nothing for other options."""
    value = value.strip()
    # In any section, zc.buildout installs and runs the distribution that ``recipe`` names.
    if not name.isascii() or not is_project(normalize(name)) or name.lower() == "recipe" or not _VALUE.fullmatch(value):
        return
    if not value or pinned_version(value) or is_range(value):
        yield f"{name} = {value}".rstrip() + "\n"


def _corrections(chain: Chain, environments: tuple[Environment, ...], text: str, section: str) -> Iterator[str]:
    """Yield blocks for what the plain blocks lack: resolved references, additions, conditional ``extends``."""
    flat = Chain(chain.root, lambda _: text.encode())
    missing: dict[Environment, _Entries] = {}
    known: dict[tuple[int, int], _Entries] = {}
    for environment in environments:
        wanted, got = chain.sections(environment), flat.sections(environment)
        pair = id(wanted), id(got)
        if pair not in known:
            known[pair] = _difference(entries(wanted)[0], entries(got)[0])
        missing[environment] = known[pair]
    common = dict(set.intersection(*(set(lines.items()) for lines in missing.values())))
    if common:
        yield f"\n[{section}]\n" + _lines(common)
    for environment, lines in missing.items():
        rest = {name: value for name, value in lines.items() if name not in common}
        if rest:
            yield f"\n[{section}:{_marker(environment)}]\n" + _lines(rest)


def _difference(wanted: _Entries, got: _Entries) -> _Entries:
    right = {name: value.strip() for name, value in wanted.items() if any(_line(name, value))}
    return {**{name: "" for name in got if name not in right},
            **{name: value for name, value in right.items() if got.get(name, "") != value}}


def _lines(found: _Entries) -> str:
    return "".join(f"{name} = {value}".rstrip() + "\n" for name, value in sorted(found.items()))


def _marker(environment: Environment) -> str:
    values = marker_values(environment)
    return " and ".join(f'{name} == "{values[name]}"' for name in ("python_version", "sys_platform", "platform_machine"))
