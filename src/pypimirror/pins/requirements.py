"""Reads pip's requirements and constraints files."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urljoin

from packaging.requirements import Requirement

from ..metadata.filenames import pep440, release
from ..names import is_project, list_first, normalize, shown
from . import exact_requirement, extras, requirements_syntax
from .environments import Environment, applies
from .exact_requirement import ExactRequirement
from .extends_chain import check_host, identified, located
from .included_files import IncludedFiles, Read
from .model import InvalidPins, Pins, is_version, merged_sets, normalize_version, redact, single

#: Characters of one line with its continuation lines. With hashes of all files of a large release there are some 20,000.
_MAX_LENGTH = 1 << 16
#: Requirements in all files together: more would take minutes.
_MAX_REQUIREMENTS = 500_000
_HASH = re.compile(r"(sha256|sha384|sha512):([0-9a-fA-F]{64,128})")
_ALGORITHMS = ("sha256", "sha384", "sha512")
#: Options of pip that include other files; whether these are constraints.
_INCLUDES = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
_EDITABLE = ("-e", "--editable")
#: Options about sources of files and about installation.
_IGNORED = frozenset((
    "-i", "--index-url", "--pypi-url", "--extra-index-url", "-f", "--find-links", "--trusted-host", "--no-binary",
    "--only-binary", "--only-final", "--all-releases", "--uploaded-prior-to", "--use-feature", "--global-option",
    "--install-option", "-C", "--config-settings", "--config-setting", "--no-index", "--prefer-binary", "--require-hashes",
    "--no-require-hashes", "--pre", "--no-build-isolation", "--no-deps"))
_URL = re.compile(r"[a-zA-Z0-9+.-]+://")
#: ``name @ URL`` (PEP 508), also with paths and variables instead of a valid URL.
_NAMED_URL = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^][]*\])?\s*@")
#: A version from before PEP 440, which packaging accepts only with ``===``.
_LEGACY = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^][]*\])?\s*)==(\s*[A-Za-z0-9][A-Za-z0-9._+!-]*\s*(?:;.*)?)")
#: An environment variable, which pip replaces.
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_ARCHIVES = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz")


class Line(NamedTuple):
    """One requirement of a file."""

    requirement: Requirement | ExactRequirement
    hashes: frozenset[str]
    #: Whether it restricts the version without requiring the project.
    constraint: bool
    source: str
    number: int


class FileOption(NamedTuple):
    """An option about sources of files and about installation, or a requirement that names a path or URL."""

    #: As written, such as ``--index-url``; empty for a requirement.
    name: str
    #: Empty if the option has none.
    value: str
    source: str
    number: int


class Requirements(NamedTuple):
    """A requirements file with the files that it includes."""

    root: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    options: tuple[FileOption, ...] = ()


def read_requirements(root: str, read: Read) -> Requirements:
    """Read a requirements or constraints file and the files that it includes by ``-r`` and ``-c``.

    Environment variables are not replaced: a remote file could leak them in a URL. Raises FetchError, InvalidPins.
    """
    notes: dict[str, None] = {}
    reader = _Reader(root, read, lambda note: notes.setdefault(note))
    lines = tuple(reader.lines())
    return Requirements(root, lines, tuple(notes), tuple(reader.options))


def pins_of(requirements: Requirements, environments: Iterable[Environment]) -> Pins:
    """Return the pins that apply in any of the environments."""
    environments = tuple(environments)
    versions: list[tuple[str, frozenset[str]]] = []
    hashes: dict[tuple[str, str], set[str]] = {}
    origins: list[tuple[tuple[str, str], frozenset[str]]] = []
    origin_of = lru_cache(lambda source: single(redact(source)))
    loose: list[tuple[str, str]] = []
    requested: list[tuple[str, Iterable[str]]] = []
    arbitrary: set[tuple[str, str]] = set()
    for line in requirements.lines:
        marker = line.requirement.marker
        if marker is not None and not any(applies(marker, environment) for environment in environments):
            continue
        name, version = normalize(line.requirement.name), exact(line.requirement)
        if line.requirement.extras:
            requested.append((name, line.requirement.extras))
        if version is None:
            if not line.constraint:
                loose.append((name, shown(str(line.requirement))))
            continue
        pinned = name, normalize_version(version)
        versions.append((name, single(pinned[1])))
        if _is_arbitrary(line.requirement):
            arbitrary.add(pinned)
        origins.append((pinned, origin_of(line.source)))
        if line.hashes:
            hashes.setdefault(pinned, set()).update(line.hashes)
    # As in pip, hashes on one line count for all lines with the same version, whatever its spelling.
    by_release: dict[tuple[str, object], set[str]] = {}
    for (name, version), some in hashes.items():
        by_release.setdefault((name, release(version)), set()).update(some)
    if by_release:
        hashes = {pinned: by_release[key] for pinned, _ in origins if (key := (pinned[0], release(pinned[1]))) in by_release}
    by_name = merged_sets(versions)
    # A constraint may pin a requirement without a version.
    unpinned = [text for name, text in loose if name not in by_name]
    return Pins(by_name, {pinned: frozenset(some) for pinned, some in hashes.items()}, merged_sets(origins),
                (*requirements.notes, *_unpinned_note(requirements.root, unpinned)),
                extras=extras.collect(requested), arbitrary=frozenset(arbitrary))


def _is_arbitrary(requirement: Requirement | ExactRequirement) -> bool:
    """Whether a requirement has ``===`` and a version that ``==`` can have, too."""
    return not isinstance(requirement, ExactRequirement) and any(
        specifier.operator == "===" and pep440(specifier.version) is not None for specifier in requirement.specifier)


def _unpinned_note(root: str, unpinned: list[str]) -> Iterator[str]:
    if unpinned:
        yield f"{redact(root)}: not pinned to one version and left out: {list_first(unpinned, 5)}"


def exact(requirement: Requirement | ExactRequirement) -> str | None:
    """Return the only version that a requirement allows by ``==`` or ``===``, or None, also for two that contradict."""
    if isinstance(requirement, ExactRequirement):
        return requirement.version
    # The specifiers have no order.
    versions = sorted(specifier.version for specifier in requirement.specifier
                      if specifier.operator == "===" or (specifier.operator == "==" and not specifier.version.endswith(".*")))
    if not all(map(is_version, versions)) or len(set(map(release, versions))) != 1:
        return None
    return versions[0]


class _Reader:
    """Reads a file and the files that it includes."""

    def __init__(self, root: str, read: Read, note: Callable[[str], object]):
        self.root = root
        self.files = IncludedFiles(root, read, "includes")
        self.note = note
        #: Files by real path or normal URL, each with whether it was read as constraints.
        self.seen: set[tuple[str, bool]] = set()
        self.count = 0
        self.options: list[FileOption] = []

    def lines(self) -> Iterator[Line]:
        """Yield the lines of all files, included files in place; without recursion."""
        open_files = [(identified(self.root), self.file(self.root, False, False))]
        above = {open_files[0][0]}
        self.seen.add((open_files[0][0], False))
        while open_files:
            found = next(open_files[-1][1], None)
            if found is None:
                above.discard(open_files.pop()[0])
            elif isinstance(found, Line):
                self.count += 1
                if self.count > _MAX_REQUIREMENTS:
                    raise InvalidPins(f"{redact(self.root)}: more than {_MAX_REQUIREMENTS} requirements")
                yield found
            else:
                source, constraint = found
                identity = identified(source)
                if identity in above:
                    raise InvalidPins(f"{redact(self.root)}: {redact(source)} includes itself")
                if (identity, constraint) in self.seen:
                    continue
                self.seen.add((identity, constraint))
                above.add(identity)
                open_files.append((identity, self.file(source, constraint, True)))

    def file(self, source: str, constraint: bool, is_included: bool) -> Iterator[Line | tuple[str, bool]]:
        """Yield the requirements of one file, and its included files with whether they are constraints."""
        text = requirements_syntax.decode(self.files.read(source, not is_included), source)
        shown_source = redact(source)
        for number, line in requirements_syntax.logical_lines(text):
            where = f"{shown_source}, line {number}"
            if len(line) > _MAX_LENGTH:
                raise InvalidPins(f"{where}: longer than {_MAX_LENGTH} characters")
            words, options = requirements_syntax.split_options(line, where)
            hashes: set[str] = set()
            for name, value in requirements_syntax.parse_options(options):
                if name in _INCLUDES:
                    yield self._resolve_source(_require_value(value, name, where), source), _INCLUDES[name]
                elif name == "--hash":
                    hashes.update(self._hash(_require_value(value, name, where), where))
                else:
                    self._option(FileOption(name, value or "", source, number), where)
            requirement = self._requirement(words.rstrip("; \t"), where) if words else None
            if requirement is None and words:
                self.options.append(FileOption("", words, source, number))
            elif requirement is not None:
                yield Line(requirement, frozenset(hashes), constraint, source, number)

    def _option(self, option: FileOption, where: str) -> None:
        """Keep an option that means something to pip alone, or note that it is left out."""
        if option.name in _IGNORED or option.name in _EDITABLE:
            self.options.append(option)
        if option.name in _EDITABLE:
            self.note(f"{where}: {redact(option.value)} is editable, not a release, and left out")
        elif option.name not in _IGNORED:
            self.note(f"{where}: unknown option {redact(option.name)}; ignored")

    def _resolve_source(self, name: str, source: str) -> str:
        if not re.match(r"https?://", source, re.IGNORECASE):
            return located(name, source)
        try:
            target = urljoin(source, name)
        except ValueError as error:
            raise InvalidPins(f"{redact(source)}: names {redact(name)}: not a valid URL") from error
        if not re.match(r"https?://", target, re.IGNORECASE):
            raise InvalidPins(f"{redact(source)}: names {redact(name)}: a file from the network can't name a local one")
        check_host(source, target)
        return target

    def _requirement(self, text: str, where: str) -> Requirement | ExactRequirement | None:
        if usual := exact_requirement.parse(text):
            return usual
        bare = text.partition(";")[0].strip()
        if named := _NAMED_URL.match(bare):
            self.note(f"{where}: {shown(named[1])} comes from a URL, not from an index, and is left out")
            return None
        if bare.startswith((".", "/", "~", "file:")) or "/" in bare or "\\" in bare or _URL.match(bare) or _is_archive(bare):
            self.note(f"{where}: {redact(bare)} is a path or URL, not a release, and left out")
            return None
        if _VARIABLE.search(text):
            self.note(f"{where}: {redact(text)} depends on an environment variable, and is left out")
            return None
        requirement = _parse(text)
        if requirement is None:
            raise InvalidPins(f"{where}: {shown(text)!r} is not a requirement")
        if not is_project(normalize(requirement.name)):
            raise InvalidPins(f"{where}: {shown(requirement.name)!r} is not the name of a project")
        return requirement

    def _hash(self, value: str, where: str) -> Iterator[str]:
        match = _HASH.fullmatch(value)
        if match is not None:
            yield f"{match[1]}:{match[2].lower()}"
        elif value.startswith(_ALGORITHMS):
            raise InvalidPins(f"{where}: --hash={redact(value)}: not a hex digest")
        else:
            self.note(f"{where}: --hash={redact(value)} is not one of {', '.join(_ALGORITHMS)}; ignored")


def _parse(text: str) -> Requirement | None:
    for candidate in (text, _LEGACY.sub(r"\1===\2", text, count=1)):
        try:
            return Requirement(candidate)
        except (ValueError, RecursionError):  # InvalidRequirement, or a version with more digits than Python converts
            continue
    return None


def _is_archive(text: str) -> bool:
    return " " not in text and text.lower().endswith(_ARCHIVES)


def _require_value(value: str | None, name: str, where: str) -> str:
    if not value:
        raise InvalidPins(f"{where}: {name} has no value")
    return value
