"""What a versions.cfg and its chain of ``extends`` pin."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from ..names import is_project, normalize, shown
from . import extras
from .environments import Environment
from .extends_chain import Chain
from .model import InvalidPins, Pins, is_version, normalize_version, redact, union
from .references import SectionView
from .sections import Block, Sections

#: Of a constraint, characters.
_MAX_LENGTH = 2000


def read_versions(chain: Chain, environments: Iterable[Environment]) -> Pins:
    """Return what the chain pins in any of the environments. Raises FetchError, InvalidPins."""
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
    where = redact(root)
    yield _pins(found, root)._replace(extras=extras.of_eggs(data))
    name = section_name(data)
    view = SectionView(data)
    for block in undecided:
        values: dict[str, str] = {}
        for option in block.options if block.section == name else ():
            with _recorded(problems, block.section, option.name):
                if not option.operator:
                    values[option.name] = view.expand(option.value, (block.section, f"{option.name}:{option.line}"), ())
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
    view = SectionView(data)
    problems: list[str] = []
    found: dict[str, str] = {}
    try:
        section = view.section(name)
    except InvalidPins as error:
        return {}, [str(error)]
    for option in section:
        with _recorded(problems, name, option):
            found[option] = view.value(name, option)
    return found, problems


@contextmanager
def _recorded(problems: list[str], section: str, option: str) -> Iterator[None]:
    try:
        yield
    except InvalidPins as error:
        problems.append(f"[{shown(section)}] {shown(option)}: {error}")


def pinned_version(value: str) -> str | None:
    """Give the one version that a constraint of a versions section means, or None for a range."""
    text = value.removeprefix("==") if not value.startswith("===") else value
    return text.strip() if is_version(text.strip()) else None


def is_range(value: str) -> bool:
    """Whether a constraint is one that zc.buildout understands and that leaves a choice."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    text = value if value[:1] in tuple("<>=") else f"=={value}"
    try:
        return len(text) <= _MAX_LENGTH and bool(SpecifierSet(text))
    except InvalidSpecifier:
        return False


def _pins(found: Mapping[str, str], source: str) -> Pins:
    # Spellings that differ in case are one name to every zc.buildout, the later wins. Those that differ in their separators
    # are two to old ones and one to new ones: both count.
    wins = {name.lower(): (name, value.strip()) for name, value in found.items()}
    versions: dict[str, set[str]] = {}
    notes: list[str] = []
    where = redact(source)
    for name, value in wins.values():
        if not value or name.startswith("<"):
            continue
        project, version = normalize(name), pinned_version(value)
        if not is_project(project):
            notes.append(f"{where}: {shown(name)} = {shown(redact(value))}: not the name of a project")
        elif version is not None:
            versions.setdefault(project, set()).add(normalize_version(version))
        elif is_range(value):
            notes.append(f"{where}: {shown(name)} = {shown(value)}: a range is no pin")
        else:
            notes.append(f"{where}: {shown(name)} = {shown(redact(value))}: not a version, left out")
    return Pins({name: frozenset(some) for name, some in versions.items()}, {},
                {(name, version): frozenset({where}) for name, some in versions.items() for version in some}, tuple(notes))
