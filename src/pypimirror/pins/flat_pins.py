"""Flattens pin files for clients: a chain of versions.cfg files, or requirements files, into one file each."""

import re
from collections.abc import Iterable, Iterator, Mapping

from ..names import is_project, normalize
from .conditions import Undecided, Varies, holds, written, written_marker
from .environments import Environment, marker_values
from .extends_chain import Chain, decision
from .requirements import Requirements
from .sections import Block
from .versions import entries, is_range, pinned_version, section_name

#: Names of sections with versions. Not ``buildout``: zc.buildout acts on its options.
_SECTION = re.compile(r"(?!(?i:buildout)$)[A-Za-z0-9][A-Za-z0-9._-]*")
#: Characters of versions and ranges: none that starts a comment, an option or a variable, or ends a line.
_VALUE = re.compile(r"[A-Za-z0-9._+!*<>=~, -]*")
_Entries = Mapping[str, str]
#: A condition, empty for none, and pins and ranges by their names as written.
_Block = tuple[str, list[tuple[str, str]]]


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
    blocks = tuple(_plain_blocks(chain, environments, name))
    # zc.buildout can't parse a file whose first section is conditional.
    text = f"{heading}[{section}]\n" + "".join(_render_blocks(blocks, section))
    return text + "".join(_corrections(chain, environments, blocks, section))


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


def _plain_blocks(chain: Chain, environments: tuple[Environment, ...], name: str | None) -> Iterator[_Block]:
    """Yield the blocks of the versions section in their order, without options that depend on other sections or files."""
    for document, _ in chain.variant(environments[0]).files:
        for block in document.blocks:
            condition = _condition(block, environments) if block.section == name else None
            if condition is None:
                continue
            options = [(option.name, option.value.strip()) for option in block.options
                       if not option.operator and _is_plain(option.name, option.value.strip())]
            if options:
                yield condition, options


def _render_blocks(blocks: Iterable[_Block], section: str) -> Iterator[str]:
    current = ""
    for condition, options in blocks:
        if condition != current:
            current = condition
            yield f"\n[{section}:{condition}]\n" if condition else f"\n[{section}]\n"
        yield _lines(options)


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


def _is_plain(name: str, value: str) -> bool:
    """Return whether an option is a pin or a range that can be copied. value: without white space around it."""
    # In any section, zc.buildout installs and runs the distribution that ``recipe`` names.
    if not name.isascii() or not is_project(normalize(name)) or name.lower() == "recipe" or not _VALUE.fullmatch(value):
        return False
    return not value or pinned_version(value) is not None or is_range(value)


def _corrections(chain: Chain, environments: tuple[Environment, ...], blocks: tuple[_Block, ...],
                 section: str) -> Iterator[str]:
    """Yield blocks for what the plain blocks lack: resolved references, additions, conditional ``extends``."""
    missing: dict[Environment, _Entries] = {}
    known: dict[tuple[int, tuple[bool, ...]], _Entries] = {}
    for environment in environments:
        wanted = chain.sections(environment)
        decisions = tuple(not condition or decision(condition, environment) is True for condition, _ in blocks)
        key = id(wanted), decisions
        if key not in known:
            got = {name: value for (_, found), holds_here in zip(blocks, decisions, strict=True) if holds_here
                   for name, value in found}
            known[key] = _difference(entries(wanted)[0], got)
        missing[environment] = known[key]
    common = dict(set.intersection(*(set(lines.items()) for lines in missing.values())))
    if common:
        yield f"\n[{section}]\n" + _lines(sorted(common.items()))
    for environment, lines in missing.items():
        rest = {name: value for name, value in lines.items() if name not in common}
        if rest:
            yield f"\n[{section}:{_marker(environment)}]\n" + _lines(sorted(rest.items()))


def _difference(wanted: _Entries, got: _Entries) -> _Entries:
    changes = {name: "" for name in got if name not in wanted}
    for name, value in wanted.items():
        value, here = value.strip(), got.get(name, "")
        if value == here:
            continue
        if _is_plain(name, value):
            changes[name] = value
        elif name in got:
            changes[name] = ""
    return changes


def _lines(found: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{name} = {value}".rstrip() + "\n" for name, value in found)


def _marker(environment: Environment) -> str:
    values = marker_values(environment)
    return " and ".join(f'{name} == "{values[name]}"' for name in ("python_version", "sys_platform", "platform_machine"))
