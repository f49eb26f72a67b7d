"""What a versions.cfg and its chain of ``extends`` pin."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from ..names import is_project, normalize, shown
from . import extras
from .chain import Chain
from .environments import Environment
from .sections import Block, Section, Sections, overlaid
from .values import BadPins, Pins, is_version, normal, public, union

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_NAMES = re.compile(r"([-a-zA-Z0-9 ._]*):([-a-zA-Z0-9 ._]+)")
#: Nothing that stands in a versions section is longer; stops references that grow by referring to each other.
_LONGEST = 2000
#: Of references in references, and of sections in sections.
_DEEPEST = 20
#: That sections take in from each other, in all; stops those that multiply.
_MOST_OPTIONS = 2_000_000


def read_versions(chain: Chain, environments: Iterable[Environment]) -> Pins:
    """Return what the chain pins in any of the environments. Raises FetchError, BadPins."""
    parts: list[Pins] = []
    seen: set[tuple[int, bool]] = set()
    for environment in environments:
        for otherwise in (False, True):
            variant = chain.variant(environment, otherwise)
            if (otherwise and not variant.undecided) or (id(variant), otherwise) in seen:
                continue
            seen.add((id(variant), otherwise))
            parts += _parts(chain.root, chain.sections(environment, otherwise), variant.undecided if otherwise else ())
    return union([*parts, Pins(notes=tuple(chain.notes))])


def _parts(root: str, data: Sections, undecided: Iterable[Block]) -> Iterator[Pins]:
    """Yield the pins of a chain's sections, and of each block that may hold: a later one could cover an earlier one."""
    found, problems = entries(data)
    where = public(root)
    yield _pins(found, root)._replace(extras=extras.of_eggs(data))
    name = section_name(data)
    view = _View(data)
    for block in undecided:
        values: dict[str, str] = {}
        for option in block.options if block.section == name else ():
            with _recorded(problems, block.section, option.name):
                if not option.operator:
                    values[option.name] = view.resolved(option.value, (block.section, f"{option.name}:{option.line}"), ())
        yield _pins(values, root)
    yield Pins(problems=tuple(f"{where}: {problem}" for problem in dict.fromkeys(problems)))


def section_name(data: Sections) -> str | None:
    """Return the name of the section that pins versions, or None where the file says that there is none."""
    named = data.get("buildout", {}).get("versions")
    # No versions section at all is fine; one that is named must be there. The options of [buildout] are no versions, and
    # zc.buildout acts on them.
    if named in ("", "buildout") or (named is None and "versions" not in data):
        return None
    return named or "versions"


def entries(data: Sections) -> tuple[dict[str, str], list[str]]:
    """Return the versions section as zc.buildout would see it, with a line for each option that can't be determined."""
    name = section_name(data)
    if name is None:
        return {}, []
    view = _View(data)
    problems: list[str] = []
    found: dict[str, str] = {}
    try:
        section = view.section(name)
    except BadPins as error:
        return {}, [str(error)]
    for option in section:
        with _recorded(problems, name, option):
            found[option] = view.value(name, option)
    return found, problems


@contextmanager
def _recorded(problems: list[str], section: str, option: str) -> Iterator[None]:
    try:
        yield
    except BadPins as error:
        problems.append(f"[{shown(section)}] {shown(option)}: {error}")


class _View:
    """Sections as parts see them. Each section and value is worked out once, however often it is referred to."""

    def __init__(self, data: Sections):
        self._data = data
        self._sections: dict[str, Section] = {}
        self._values: dict[tuple[str, str], str] = {}
        self._room = _MOST_OPTIONS

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
                        self._take(len(self._data.get(line, ())))
                        result.update(self.section(line, (*above, name)))
                self._take(len(section) + len(result))
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
            self._values[key] = self.resolved(found, key, above)
        return self._values[key]

    def resolved(self, text: str, key: tuple[str, str], above: tuple[tuple[str, str], ...]) -> str:
        """Return a text with its references replaced. key: the section and option that it is from. Raises BadPins."""
        if "$" not in text:
            return text
        if len(text) > _LONGEST:
            raise BadPins("the value is too long")

        def replacement(match: re.Match[str]) -> str:
            names = _NAMES.fullmatch(match[1])
            if names is None:
                raise BadPins(f"{shown(match[0])} is not ${{section:option}}")
            return self.value(names[1] or key[0], names[2], (*above, key))

        # ``$${`` is no reference.
        result = "$$".join(_REFERENCE.sub(replacement, part) for part in text.split("$$"))
        if len(result) > _LONGEST:
            raise BadPins("the value is too long")
        return result

    def _take(self, options: int) -> None:
        """Count options that sections take in from others. Raises BadPins where they multiply."""
        self._room -= options
        if self._room < 0:
            raise BadPins(f"sections take in more than {_MOST_OPTIONS} options from each other")


def pinned_version(value: str) -> str | None:
    """Give the one version that a constraint of a versions section means, or None for a range."""
    text = value.removeprefix("==") if not value.startswith("===") else value
    return text.strip() if is_version(text.strip()) else None


def is_range(value: str) -> bool:
    """Whether a constraint is one that zc.buildout understands and that leaves a choice."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    text = value if value[:1] in tuple("<>=") else f"=={value}"
    try:
        return len(text) <= _LONGEST and bool(SpecifierSet(text))
    except InvalidSpecifier:
        return False


def _pins(found: Mapping[str, str], source: str) -> Pins:
    # Spellings that differ in case are one name to every zc.buildout, the later wins. Those that differ in their separators
    # are two to old ones and one to new ones: both count.
    wins = {name.lower(): (name, value.strip()) for name, value in found.items()}
    versions: dict[str, set[str]] = {}
    notes: list[str] = []
    where = public(source)
    for name, value in wins.values():
        if not value or name.startswith("<"):
            continue
        project, version = normalize(name), pinned_version(value)
        if not is_project(project):
            notes.append(f"{where}: {shown(name)} = {shown(public(value))}: not the name of a project")
        elif version is not None:
            versions.setdefault(project, set()).add(normal(version))
        elif is_range(value):
            notes.append(f"{where}: {shown(name)} = {shown(value)}: a range is no pin")
        else:
            notes.append(f"{where}: {shown(name)} = {shown(public(value))}: not a version, left out")
    return Pins({name: frozenset(some) for name, some in versions.items()}, {},
                {(name, version): frozenset({where}) for name, some in versions.items() for version in some}, tuple(notes))
