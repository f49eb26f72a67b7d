"""What a versions.cfg and its chain of ``extends`` pin."""

import re
from collections.abc import Iterable, Iterator, Mapping

from ..names import is_project, normalize, shown
from . import extras
from .chain import Chain
from .environments import Environment
from .sections import Section, Sections, overlaid
from .values import BadPins, Pins, is_version, normal, public, union

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_NAMES = re.compile(r"([-a-zA-Z0-9 ._]*):([-a-zA-Z0-9 ._]+)")
#: Nothing that stands in a versions section is longer; stops references that grow by referring to each other.
_LONGEST = 2000
#: Of references in references, and of sections in sections.
_DEEPEST = 20


def read_versions(chain: Chain, environments: Iterable[Environment]) -> Pins:
    """Give what the chain pins in any of the environments. Raises FetchError, BadPins."""
    parts: list[Pins] = []
    for environment in environments:
        for sections in variants(chain, environment):
            found, problems = entries(sections)
            parts.append(_pins(found, chain.root)._replace(extras=extras.of_eggs(sections)))
            parts.append(Pins(problems=tuple(f"{public(chain.root)}: {problem}" for problem in problems)))
    return union([*parts, Pins(notes=tuple(chain.notes))])


def variants(chain: Chain, environment: Environment) -> Iterator[Sections]:
    """Yield the sections of the chain in one environment.

    Twice where conditions can't be decided: once as if they did not hold, once as if they did.
    """
    chain.undecided = False
    yield chain.sections(environment)
    if chain.undecided:
        yield chain.sections(environment, otherwise=True)


def entries(data: Sections) -> tuple[dict[str, str], list[str]]:
    """Give the versions section as zc.buildout would see it, with a line for each option that can't be told."""
    named = data.get("buildout", {}).get("versions")
    # No versions section at all is fine; one that is named must be there.
    if named == "" or (named is None and "versions" not in data):
        return {}, []
    name = named or "versions"
    view = _View(data)
    problems: list[str] = []
    found: dict[str, str] = {}
    try:
        section = view.section(name)
    except BadPins as error:
        return {}, [str(error)]
    for option in section:
        try:
            found[option] = view.value(name, option)
        except BadPins as error:
            problems.append(f"[{shown(name)}] {shown(option)}: {error}")
    return found, problems


class _View:
    """Sections as parts see them. Each section and value is worked out once, however often it is referred to."""

    def __init__(self, data: Sections):
        self._data = data
        self._sections: dict[str, Section] = {}
        self._values: dict[tuple[str, str], str] = {}

    def section(self, name: str, above: tuple[str, ...] = ()) -> Section:
        """Give a section with those that it takes in by ``<=``. Raises BadPins."""
        if name not in self._data:
            raise BadPins(f"there is no section [{shown(name)}]")
        if name in above or len(above) > _DEEPEST:
            raise BadPins(f"section [{shown(name)}] takes itself in")
        if name not in self._sections:
            section = self._data[name]
            if "<" in section and name != "buildout":
                result: Section = {}
                for line in dict.fromkeys(map(str.strip, section["<"].split("\n"))):
                    if line:
                        result.update(self.section(line, (*above, name)))
                section = overlaid(result, section)
                del section["<"]
            self._sections[name] = section
        return self._sections[name]

    def value(self, section: str, option: str, above: tuple[tuple[str, str], ...] = ()) -> str:
        """Give a value with every ``${section:option}`` replaced. Raises BadPins for one that can't be."""
        key = section, option
        if key in above or len(above) > _DEEPEST:
            raise BadPins(f"${{{shown(section)}:{shown(option)}}} refers to itself")
        if key not in self._values:
            found = self.section(section).get(option)
            if found is None:
                raise BadPins(f"${{{shown(section)}:{shown(option)}}} is not defined in the pin files")
            if len(found) > _LONGEST:
                raise BadPins("the value is too long")

            def replacement(match: re.Match[str]) -> str:
                names = _NAMES.fullmatch(match[1])
                if names is None:
                    raise BadPins(f"{shown(match[0])} is not ${{section:option}}")
                return self.value(names[1] or section, names[2], (*above, key))

            # ``$${`` is no reference.
            result = "$$".join(_REFERENCE.sub(replacement, part) for part in found.split("$$"))
            if len(result) > _LONGEST:
                raise BadPins("the value is too long")
            self._values[key] = result
        return self._values[key]


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
