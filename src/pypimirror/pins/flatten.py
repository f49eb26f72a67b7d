"""Writes what a chain of versions.cfg files says into one file that needs no other, for clients to extend."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from ..names import is_project, normalize
from .chain import Chain
from .conditions import Undecided, holds
from .environments import Environment, marker_values
from .sections import Block, merged, parse, sections
from .versions import entries, is_range, pinned_version

_Entries = Mapping[str, str]


def flatten(chain: Chain, environments: Iterable[Environment]) -> str:
    """Give a buildout file with nothing but the versions of the chain, its conditions kept.

    It says the same as the chain for every environment, and for others too where nothing but plain sections is used.
    Values that are neither versions nor ranges are left out, and so are sections whose condition is not understood: zc.buildout
    runs conditions as Python.
    Raises FetchError, BadPins.
    """
    environments = tuple(environments)
    section = _section_name(chain, environments[0])
    heading = "" if section == "versions" else f"[buildout]\nversions = {section}\n\n"
    # zc.buildout can't read a file whose first section is conditional.
    text = f"{heading}[{section}]\n" + "".join(_plain(chain, environments[0], section))
    return text + "".join(_corrections(chain, environments, text, section))


def _section_name(chain: Chain, environment: Environment) -> str:
    found = chain.sections(environment)
    name = found.get("buildout", {}).get("versions") or "versions"
    # What is no section's name could be anything, such as one with a condition, which zc.buildout would run.
    return name if name in found else "versions"


def _plain(chain: Chain, environment: Environment, section: str) -> Iterator[str]:
    """Give the blocks of the versions section as they follow each other, without what needs other sections or files."""
    condition = ""
    for document, _ in chain.order(environment):
        for block in document.blocks:
            lines = [line for option in block.options if not option.operator
                     for line in _line(option.name, option.value)]
            if block.section != section or not lines or not _understood(block, environment):
                continue
            if block.condition != condition:
                condition = block.condition
                yield f"\n[{section}:{condition}]\n" if condition else f"\n[{section}]\n"
            yield from lines


def _line(name: str, value: str) -> Iterator[str]:
    value = value.strip()
    # Versions of a kind can be any text, also a reference to what the flattened file does not have.
    if not is_project(normalize(name)) or "${" in value or "\n" in value:
        return
    if not value or pinned_version(value) or is_range(value):
        yield f"{name} = {value}".rstrip() + "\n"


def _understood(block: Block, environment: Environment) -> bool:
    if not block.condition:
        return True
    try:
        holds(block.condition, environment)
    except Undecided:
        return False
    return "://" not in block.condition


def _holds(environment: Environment, block: Block) -> bool:
    return holds(block.condition, environment)


def _corrections(chain: Chain, environments: tuple[Environment, ...], text: str, section: str) -> Iterator[str]:
    """Give blocks for what the plain ones leave to be said: references, additions, conditional ``extends``."""
    blocks = parse(text, chain.root)
    missing: dict[Environment, dict[str, str]] = {}
    for environment in environments:
        wanted, _ = entries(chain.sections(environment))
        got, _ = entries(merged({}, sections(blocks, partial(_holds, environment))))
        right = {name: value.strip() for name, value in wanted.items() if any(_line(name, value))}
        missing[environment] = {
            **{name: "" for name in got if name not in right},
            **{name: value for name, value in right.items() if got.get(name, "") != value},
        }
    common = dict(set.intersection(*(set(lines.items()) for lines in missing.values())))
    if common:
        yield f"\n[{section}]\n" + _lines(common)
    for environment, lines in missing.items():
        rest = {name: value for name, value in lines.items() if name not in common}
        if rest:
            yield f"\n[{section}:{_marker(environment)}]\n" + _lines(rest)


def _lines(found: _Entries) -> str:
    return "".join(f"{name} = {value}".rstrip() + "\n" for name, value in sorted(found.items()))


def _marker(environment: Environment) -> str:
    values = marker_values(environment)
    return " and ".join(f'{name} == "{values[name]}"' for name in ("python_version", "sys_platform", "platform_machine"))


