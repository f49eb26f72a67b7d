"""What requirements and constraints files pin, in pip's format."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urljoin

from packaging.requirements import InvalidRequirement, Requirement

from ..distributions import release
from ..errors import MirrorError
from ..names import is_project, normalize, shown
from . import extras
from .chain import MOST_FILES, Read, check_host, decoded, located
from .environments import Environment, applies
from .values import BadPins, Pins, is_version, normal, public

_COMMENT = re.compile(r"(^|(?<=\s))#.*$")
#: Characters of one line, with those that continue it; one with a hash of every file of a large release has some 20,000.
_LONGEST = 1 << 16
_HASH = re.compile(r"(sha256|sha384|sha512):([0-9a-fA-F]{64,128})")
#: Options of pip's that name other requirements files.
_INCLUDES = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
#: Those that say where to look for files, or how to install them, and how many words follow them.
_IGNORED = {
    **dict.fromkeys(("-i", "--index-url", "--pypi-url", "--extra-index-url", "-f", "--find-links", "--trusted-host",
                     "--no-binary", "--only-binary", "--only-final", "--all-releases", "--uploaded-prior-to",
                     "--use-feature", "--global-option", "-C", "--config-settings", "--config-setting"), 1),
    **dict.fromkeys(("--no-index", "--prefer-binary", "--require-hashes", "--pre"), 0),
}
_URL = re.compile(r"[a-zA-Z0-9+.-]+://")
_ARCHIVES = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz")


class Line(NamedTuple):
    """One requirement of a file."""

    requirement: Requirement
    hashes: frozenset[str]
    #: Whether it says only which version, should the project be asked for.
    constraint: bool
    source: str
    number: int


class Requirements(NamedTuple):
    """A requirements file with the files that it names."""

    root: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def read_requirements(root: str, read: Read) -> Requirements:
    """Read a requirements or constraints file and those that it names by ``-r`` and ``-c``.

    Environment variables are not put in: a file from elsewhere could send them away. Raises FetchError, BadPins.
    """
    notes: dict[str, None] = {}
    reading = _Reading(root, read, lambda note: notes.setdefault(note))
    lines = tuple(reading.lines(root, False, ()))
    return Requirements(root, lines, tuple(notes))


def pins_of(requirements: Requirements, environments: Iterable[Environment]) -> Pins:
    """Give what is pinned in any of the environments."""
    environments = tuple(environments)
    versions: dict[str, set[str]] = {}
    hashes: dict[tuple[str, str], set[str]] = {}
    origins: dict[tuple[str, str], set[str]] = {}
    loose: list[tuple[str, str]] = []
    requested: list[tuple[str, Iterable[str]]] = []
    for line in requirements.lines:
        if not any(applies(line.requirement.marker, environment) for environment in environments):
            continue
        name, version = normalize(line.requirement.name), exact(line.requirement)
        requested.append((name, line.requirement.extras))
        if version is None:
            if not line.constraint:
                loose.append((name, shown(str(line.requirement))))
            continue
        pinned = name, normal(version)
        versions.setdefault(name, set()).add(pinned[1])
        origins.setdefault(pinned, set()).add(public(line.source))
        if line.hashes:
            hashes.setdefault(pinned, set()).update(line.hashes)
    # As in pip, one line with hashes narrows the release, however others of the same file spell its version.
    narrowed: dict[tuple[str, object], set[str]] = {}
    for (name, version), some in hashes.items():
        narrowed.setdefault((name, release(version)), set()).update(some)
    hashes = {pinned: narrowed[key] for pinned in origins if (key := (pinned[0], release(pinned[1]))) in narrowed}
    # What a constraint pins is no longer loose.
    left = [text for name, text in loose if name not in versions]
    notes = list(requirements.notes)
    if left:
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        notes.append(f"{public(requirements.root)}: not pinned to one version and left out: {', '.join(left[:5])}{more}")
    return Pins({name: frozenset(some) for name, some in versions.items()},
                {pinned: frozenset(some) for pinned, some in hashes.items()},
                {pinned: frozenset(some) for pinned, some in origins.items()}, tuple(notes),
                extras=extras.collect(requested))


def exact(requirement: Requirement) -> str | None:
    """Give the one version that a requirement allows by ``==`` or ``===``, or None."""
    for specifier in requirement.specifier:
        if specifier.operator == "===" or (specifier.operator == "==" and not specifier.version.endswith(".*")):
            return specifier.version if is_version(specifier.version) else None
    return None


def flatten(requirements: Requirements) -> str:
    """Give one requirements file that names no other file and no index.

    Where constraints are among them it is a constraints file, for pip's ``-c``: as requirements they would all be installed.
    """
    constraints = any(line.constraint for line in requirements.lines)
    text = "# For pip's --constraint option.\n" if constraints else ""
    seen: dict[str, None] = {}
    for line in requirements.lines:
        requirement = Requirement(str(line.requirement))
        if constraints:
            # pip takes no extras in constraints, and a bare name constrains nothing.
            requirement.extras.clear()
            if not requirement.specifier:
                continue
        hashes = "".join(f" \\\n    --hash={digest}" for digest in sorted(line.hashes))
        seen.setdefault(f"{requirement}{hashes}\n")
    return text + "".join(seen)


class _Reading:
    """One root file on its way through the files that it names."""

    def __init__(self, root: str, read: Read, note: Callable[[str], object]):
        self.root = root
        self.read = read
        self.note = note
        self.files = 0

    def lines(self, source: str, constraint: bool, above: tuple[str, ...]) -> Iterator[Line]:
        if source in above:
            raise BadPins(f"{public(self.root)}: {public(source)} names itself, by way of {public(above[-1])}")
        self.files += 1
        if self.files > MOST_FILES:
            raise BadPins(f"{public(self.root)}: names more than {MOST_FILES} files")
        try:
            text = decoded(self.read(source), source)
        except MirrorError as error:
            if not above or isinstance(error, BadPins):
                raise
            raise BadPins(f"{public(self.root)}: names what can't be had: {shown(str(error), 500)}") from error
        for number, line in _logical(text):
            where = f"{public(source)}, line {number}"
            if len(line) > _LONGEST:
                raise BadPins(f"{where}: longer than {_LONGEST} characters")
            words, options = _split(line, where)
            hashes: set[str] = set()
            for name, value in _options(options, where):
                if name in _INCLUDES:
                    target = self._target(value, source)
                    yield from self.lines(target, _INCLUDES[name], (*above, source))
                elif name == "--hash":
                    hashes.add(_hash(value, where))
                elif name in ("-e", "--editable"):
                    self.note(f"{where}: {public(value)} is editable, not a release, and left out")
            if words:
                requirement = self._requirement(words, where)
                if requirement is not None:
                    yield Line(requirement, frozenset(hashes), constraint, source, number)

    def _target(self, name: str, source: str) -> str:
        if not re.match(r"https?://", source, re.IGNORECASE):
            return located(name, source)
        try:
            target = urljoin(source, name)
        except ValueError as error:
            raise BadPins(f"{public(source)}: names {public(name)}, which is no URL") from error
        if not re.match(r"https?://", target, re.IGNORECASE):
            raise BadPins(f"{public(source)}: names {public(name)}: a file from the network can't name a local one")
        check_host(source, target)
        return target

    def _requirement(self, text: str, where: str) -> Requirement | None:
        bare = text.partition(";")[0].strip()
        if bare.startswith((".", "/", "file:")) or _URL.match(bare) or _archive(bare):
            self.note(f"{where}: {public(bare)} is a path or URL, not a release, and left out")
            return None
        try:
            requirement = Requirement(text)
        except (InvalidRequirement, RecursionError) as error:
            raise BadPins(f"{where}: {shown(text)!r} is not a requirement") from error
        if requirement.url:
            # PEP 508's own form: name @ URL.
            self.note(f"{where}: {shown(requirement.name)} comes from a URL, not from an index, and is left out")
            return None
        if not is_project(normalize(requirement.name)):
            raise BadPins(f"{where}: {shown(requirement.name)!r} is not the name of a project")
        return requirement


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Give lines joined where they end with a backslash, without comments, each with the number of its first line."""
    parts: list[str] = []
    start = 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        start = start if parts else number
        comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not comment:
            parts.append(line[:-1])
            continue
        # A comment line ends what is continued.
        parts.append(f" {line}" if comment else line)
        joined = _COMMENT.sub("", "".join(parts)).strip()
        parts = []
        if joined:
            yield start, joined
    joined = _COMMENT.sub("", "".join(parts)).strip()
    if joined:
        yield start, joined


def _split(line: str, where: str) -> tuple[str, list[str]]:
    """Part a line into the requirement and the words of its options."""
    words = line.split(" ")
    first = next((number for number, word in enumerate(words) if word.startswith("-")), len(words))
    try:
        return " ".join(words[:first]).strip(), shlex.split(" ".join(words[first:]))
    except ValueError as error:
        raise BadPins(f"{where}: a quote is not closed") from error


def _options(words: list[str], where: str) -> Iterator[tuple[str, str]]:
    """Give the options with their values, those that mean nothing to a mirror left out."""
    rest = iter(words)
    for word in rest:
        name, separator, value = word.partition("=")
        if not word.startswith("--") and word[:2] in ("-r", "-c", "-e", "-i", "-f", "-C"):
            name, separator, value = word[:2], word[2:], word[2:].removeprefix("=")
        takes = name in _INCLUDES or name in ("--hash", "-e", "--editable") or _IGNORED.get(name)
        if takes and not separator:
            value = next(rest, "")
            if not value:
                raise BadPins(f"{where}: {name} says nothing")
        if takes is None:
            raise BadPins(f"{where}: the option {shown(word)!r} is not known")
        if name not in _IGNORED:
            yield name, value


def _archive(text: str) -> bool:
    return " " not in text and text.lower().endswith(_ARCHIVES)


def _hash(value: str, where: str) -> str:
    match = _HASH.fullmatch(value)
    if match is None:
        raise BadPins(f"{where}: --hash={shown(value)}: not sha256, sha384 or sha512 and a hex digest")
    return f"{match[1]}:{match[2].lower()}"
