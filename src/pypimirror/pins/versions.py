"""What a versions.cfg and its chain of ``extends`` pin."""

import re
from collections.abc import Iterable, Iterator, Mapping

from ..names import is_project, normalize, shown
from .chain import Chain
from .environments import Environment
from .sections import Section, Sections, overlaid
from .values import BadPins, Pins, is_version, normal, public, union

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_NAMES = re.compile(r"([-a-zA-Z0-9 ._]*):([-a-zA-Z0-9 ._]+)")
#: Nothing that stands in a versions section is longer; stops references that grow by referring to each other.
_LONGEST = 2000


def read_versions(chain: Chain, environments: Iterable[Environment]) -> Pins:
    """Give what the chain pins in any of the environments. Raises FetchError, BadPins."""
    parts: list[Pins] = []
    for environment in environments:
        for found, problems in each(chain, environment):
            parts.append(_pins(found, chain.root))
            parts.append(Pins(problems=tuple(f"{public(chain.root)}: {problem}" for problem in problems)))
    return union([*parts, Pins(notes=tuple(chain.notes))])


def each(chain: Chain, environment: Environment) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Give the versions section in one environment, with lines about what can't be told.

    Twice where conditions can't be decided: once as if they did not hold, once as if they did.
    """
    chain.undecided = False
    yield entries(chain.sections(environment))
    if chain.undecided:
        yield entries(chain.sections(environment, otherwise=True))


def entries(data: Sections) -> tuple[dict[str, str], list[str]]:
    """Give the versions section as zc.buildout would see it, with a line for each option that can't be told."""
    named = data.get("buildout", {}).get("versions")
    # No versions section at all is fine; one that is named must be there.
    if named == "" or (named is None and "versions" not in data):
        return {}, []
    name = named or "versions"
    problems: list[str] = []
    found: dict[str, str] = {}
    try:
        section = extended(data, name)
    except BadPins as error:
        return {}, [str(error)]
    for option, value in section.items():
        try:
            found[option] = substituted(data, name, value, (option,))
        except BadPins as error:
            problems.append(f"[{shown(name)}] {shown(option)}: {error}")
    return found, problems


def extended(data: Sections, name: str, above: tuple[str, ...] = ()) -> Section:
    """Give a section with those that it takes in by ``<=``. Raises BadPins."""
    if name not in data:
        raise BadPins(f"there is no section [{shown(name)}]")
    if name in above or len(above) > 20:
        raise BadPins(f"section [{shown(name)}] takes itself in")
    section = data[name]
    if "<" not in section or name == "buildout":
        return section
    result: Section = {}
    for line in section["<"].split("\n"):
        if line.strip():
            result.update(extended(data, line.strip(), (*above, name)))
    result = overlaid(result, section)
    del result["<"]
    return result


def substituted(data: Sections, section: str, value: str, above: tuple[str, ...]) -> str:
    """Give a value with every ``${section:option}`` replaced. Raises BadPins for one that can't be."""

    def replacement(match: re.Match[str]) -> str:
        names = _NAMES.fullmatch(match[1])
        if names is None:
            raise BadPins(f"{shown(match[0])} is not ${{section:option}}")
        owner, option = names[1] or section, names[2]
        key = f"{owner}:{option}"
        if key in above or len(above) > 20:
            raise BadPins(f"{shown(match[0])} refers to itself")
        found = extended(data, owner).get(option)
        if found is None:
            raise BadPins(f"{shown(match[0])} is not defined in the pin files")
        return substituted(data, owner, found, (*above, key))

    # ``$${`` is no reference.
    result = "$$".join(_REFERENCE.sub(replacement, part) for part in value.split("$$"))
    if len(result) > _LONGEST:
        raise BadPins("the value is too long")
    return result


def pinned_version(value: str) -> str | None:
    """Give the one version that a constraint of a versions section means, or None for a range."""
    text = value.removeprefix("==") if not value.startswith("===") else value
    return text.strip() if is_version(text.strip()) else None


def is_range(value: str) -> bool:
    """Whether a constraint is one that zc.buildout understands and that leaves a choice."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    text = value if value[:1] in tuple("<>=") else f"=={value}"
    try:
        return bool(SpecifierSet(text))
    except InvalidSpecifier:
        return False


def _pins(found: Mapping[str, str], source: str) -> Pins:
    # Spellings that differ in case are one name to every zc.buildout, the later wins. Those that differ in their separators
    # are two to old ones and one to new ones: both count.
    wins = {name.lower(): (name, value.strip()) for name, value in found.items()}
    versions: dict[str, set[str]] = {}
    notes: list[str] = []
    problems: list[str] = []
    where = public(source)
    for name, value in wins.values():
        if not value or name.startswith("<"):
            continue
        project, version = normalize(name), pinned_version(value)
        if not is_project(project):
            problems.append(f"{where}: {shown(name)} = {shown(value)}: not the name of a project")
        elif version is not None:
            versions.setdefault(project, set()).add(normal(version))
        elif is_range(value):
            notes.append(f"{where}: {shown(name)} = {shown(value)}: a range is no pin")
        else:
            problems.append(f"{where}: {shown(name)} = {shown(value)}: not a version")
    return Pins({name: frozenset(some) for name, some in versions.items()}, {},
                {(name, version): frozenset({where}) for name, some in versions.items() for version in some},
                tuple(notes), tuple(problems))
