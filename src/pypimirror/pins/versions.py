"""Reads the pins of a versions.cfg and its chain of ``extends``."""

from collections.abc import Iterable, Iterator, Mapping

from ..names import is_project, normalize, shown
from . import extras
from .environments import Environment
from .extends_chain import Chain
from .model import InvalidPins, Pins, is_version, merged_sets, normalize_version, redact, single, union
from .references import SectionView
from .sections import Block, Sections

#: Characters of a constraint.
_MAX_LENGTH = 2000


def read_versions(chain: Chain, environments: Iterable[Environment]) -> Pins:
    """Return the pins of the chain in any of the environments. Raises FetchError, InvalidPins."""
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
    """Yield the pins of the merged sections, and of each undecided block alone: in a merge, later blocks hide earlier ones."""
    found, problems = entries(data)
    where = redact(root)
    yield _pins(found, root)._replace(extras=extras.of_eggs(data))
    name = section_name(data)
    view = SectionView(data)
    for block in undecided:
        values: dict[str, str] = {}
        for option in block.options if block.section == name else ():
            if option.operator:
                continue
            try:
                values[option.name] = view.expand(option.value, (block.section, f"{option.name}:{option.line}"), ())
            except InvalidPins as error:
                problems.append(f"[{shown(block.section)}] {shown(option.name)}: {error}")
        yield _pins(values, root)
    yield Pins(problems=tuple(f"{where}: {problem}" for problem in dict.fromkeys(problems)))


def section_name(data: Sections) -> str | None:
    """Return the name of the section that pins versions, or None if the file disables it."""
    named = data.get("buildout", {}).get("versions")
    # The default section may be missing; a named section must exist. The options of [buildout] are not versions.
    if named in ("", "buildout") or (named is None and "versions" not in data):
        return None
    return named or "versions"


def entries(data: Sections) -> tuple[dict[str, str], list[str]]:
    """Return the versions section as zc.buildout resolves it, with a message for each option that can't be resolved."""
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
        try:
            found[option] = view.value(name, option)
        except InvalidPins as error:
            problems.append(f"[{shown(name)}] {shown(option)}: {error}")
    return found, problems


def pinned_version(value: str) -> str | None:
    """Return the version that an option of a versions section pins, or None for a range."""
    text = (value.removeprefix("==") if not value.startswith("===") else value).strip()
    # Versions from before PEP 440 could be nearly anything, but not a word such as ``latest``.
    return text if is_version(text) and any(map(str.isdigit, text)) else None


def is_range(value: str) -> bool:
    """Return whether a constraint is a range that zc.buildout supports."""
    from packaging.specifiers import SpecifierSet

    text = value if value[:1] in tuple("<>=") else f"=={value}"
    try:
        return len(text) <= _MAX_LENGTH and bool(SpecifierSet(text))
    except ValueError:  # InvalidSpecifier, or more digits than Python converts
        return False


def _pins(found: Mapping[str, str], source: str) -> Pins:
    # All releases of zc.buildout ignore the case of names: the last spelling counts. Only new ones ignore different separators:
    # both spellings count.
    last_spellings = {name.lower(): name for name in found}
    pinned: list[tuple[str, frozenset[str]]] = []
    notes: list[str] = []
    where = redact(source)
    for name in last_spellings.values():
        value = found[name].strip()
        if not value or name.startswith("<"):
            continue
        project, version = normalize(name), pinned_version(value)
        if not is_project(project):
            notes.append(f"{where}: {shown(name)} = {shown(redact(value))}: not the name of a project")
        elif version is not None:
            pinned.append((project, single(normalize_version(version))))
        elif is_range(value):
            notes.append(f"{where}: {shown(name)} = {shown(value)}: a range is not a pin")
        else:
            notes.append(f"{where}: {shown(name)} = {shown(redact(value))}: not a version, left out")
    versions = merged_sets(pinned)
    origin = single(where)
    return Pins(versions, {}, {(name, version): origin for name, some in versions.items() for version in some}, tuple(notes))
