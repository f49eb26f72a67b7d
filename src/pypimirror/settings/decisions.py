"""The decisions of a site: a TOML file that lives under version control, read together with the configuration.

Each entry of ``[[allow]]``, ``[[deny]]`` and ``[[waive]]`` names a project, with or without a specifier (``demo``,
``demo==1.0``, ``demo>=1,<2``), or for ``waive`` an advisory, and has a reason, an author and an end date.
"""

from __future__ import annotations

import codecs
import datetime
import functools
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..names import normalize, shown
from ..regular_file import open_regular
from .converters import path as path_of
from .units import today

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

#: Kinds of decisions.
ALLOW, DENY, WAIVE = VERBS = ("allow", "deny", "waive")
#: Maximum size of the file in bytes.
_LARGEST = 16 << 20
_ADVISORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FIELDS: Mapping[str, Any] = {"release": str, "advisory": str, "why": str, "by": str, "until": (str, datetime.date)}


class Decision(NamedTuple):
    """One entry."""

    verb: str
    #: Normalised; empty for ``waive`` of an advisory about any project.
    project: str
    #: PEP 440; empty for all versions.
    specifier: str = ""
    #: The id that is waived, or an alias of it.
    advisory: str = ""
    why: str = ""
    by: str = ""
    #: The last day, ISO 8601; empty without an end.
    until: str = ""

    @property
    def what(self) -> str:
        """The subject: release and advisory."""
        return " ".join(filter(None, (self.advisory, self.project + self.specifier)))

    def __str__(self) -> str:
        until = f" until {self.until}" if self.until else ""
        return f"{self.verb} {self.what}{until}: {self.why}" + (f" ({self.by})" if self.by else "")

    def matches(self, version: str | None) -> bool:
        """Return whether it is about a version. A version that PEP 440 does not have matches an entry for all versions."""
        if not self.specifier:
            return True
        from ..metadata.filenames import pep440

        parsed = pep440(version) if version else None
        return parsed is not None and _parse_specifiers(self.specifier).contains(parsed, prereleases=True)


class Decisions:
    """The decisions of a file, those in force and those that have expired."""

    def __init__(self, path: str = "", active: tuple[Decision, ...] = (), expired: tuple[Decision, ...] = ()):
        self.path, self.active, self.expired = path, active, expired
        # Filters call ``of`` for each project, and for each file.
        self._by_subject: dict[tuple[str, str], list[Decision]] = {}
        for each in active:
            self._by_subject.setdefault((each.verb, each.project), []).append(each)

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"Decisions({self.path!r}, {self.active!r}, {self.expired!r})"  # part of fingerprints of settings

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Decisions) and self._comparison_key() == other._comparison_key()

    def __hash__(self) -> int:
        return hash(self._comparison_key())

    def _comparison_key(self) -> tuple[str, tuple[Decision, ...], tuple[Decision, ...]]:
        return self.path, self.active, self.expired

    def of(self, verb: str, project: str) -> tuple[Decision, ...]:
        """Return the decisions of a kind in force about a project."""
        return (*self._by_subject.get((verb, ""), ()), *self._by_subject.get((verb, project), ()))

    def extended(self, new: Iterable[Decision]) -> Decisions:
        """Return these decisions with further ones in force."""
        return Decisions(self.path, (*self.active, *new), self.expired)


def convert(value: str, folder: str) -> Decisions:
    """A TOML file with decisions; a relative path as for paths. A missing file has none."""
    name = path_of(value, folder)
    if not name:
        return Decisions()
    try:
        with open_regular(name) as stream:
            content = stream.read(_LARGEST + 1).removeprefix(codecs.BOM_UTF8)
    except FileNotFoundError:
        return Decisions(name)
    except OSError as error:
        raise ValueError(f"a file that can be read, not {name}: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise ValueError(f"a file of at most {_LARGEST >> 20} MB, not {name}")
    return Decisions(name, *_split_expired(_parse_file(content, name), today().isoformat()))


def _split_expired(found: list[Decision], present: str) -> tuple[tuple[Decision, ...], tuple[Decision, ...]]:
    """Return the decisions in force, and those that have expired."""
    return (tuple(each for each in found if not each.until or each.until >= present),
            tuple(each for each in found if each.until and each.until < present))


def _parse_file(content: bytes, name: str) -> list[Decision]:
    """Return the decisions of a TOML file. Raises ValueError with a description of what is wrong."""
    from ..metadata.bounded_toml import loads
    from ..metadata.errors import InvalidContent

    try:
        document = loads(content)
    except InvalidContent as error:
        raise ValueError(f"a TOML file, not {name}: {error}") from error
    unknown = sorted(document.keys() - set(VERBS))
    if unknown:
        raise ValueError(f"a file of [[allow]], [[deny]] and [[waive]], without {shown(unknown[0])!r}")
    found = []
    for verb in VERBS:
        entries = document.get(verb, [])
        if not isinstance(entries, list):
            raise ValueError(f"a file with [[{verb}]] in place of [{verb}]")
        for number, entry in enumerate(entries, 1):
            try:
                found.append(parse_decision(verb, entry))
            except ValueError as error:
                raise ValueError(f"a file of decisions; number {number} of [[{verb}]] in {name}: {error}") from None
    return found


def parse_decision(verb: str, entry: Mapping[str, Any]) -> Decision:
    """Return the decision of an entry. Raises ValueError with a description of what is wrong."""
    if not isinstance(entry, Mapping):
        raise ValueError("not a table")
    for key, value in entry.items():
        if key not in _FIELDS or not isinstance(value, _FIELDS[key]):
            raise ValueError(f"{shown(str(key))} is unknown, or not a text; there are {', '.join(_FIELDS)}")
    if not entry.get("why"):
        raise ValueError("why, the reason, is missing")
    advisory = entry.get("advisory", "")
    if (verb == WAIVE) != bool(advisory):
        raise ValueError("waive takes an advisory" if verb == WAIVE else "only waive takes an advisory")
    if advisory and not _ADVISORY.fullmatch(advisory):
        raise ValueError(f"{shown(advisory)!r} is not the id of an advisory")
    if verb != WAIVE and not entry.get("release"):
        raise ValueError("release, a project with or without versions, is missing")
    project, specifier = _parse_release(entry.get("release", ""))
    return Decision(verb, project, specifier, advisory, " ".join(entry["why"].split()), entry.get("by", ""),
                    _parse_day(entry.get("until", "")))


def _parse_release(text: str) -> tuple[str, str]:
    """Return normalised project and specifier, both empty for an empty text. Raises ValueError."""
    if not text:
        return "", ""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(f"{shown(text)!r} is not a project such as demo, demo==1.0 or demo>=1,<2") from error
    if found.url or found.marker or found.extras:
        raise ValueError(f"{shown(text)!r} has more than a project and its versions")
    return normalize(found.name), str(found.specifier)


def _parse_day(value: str | datetime.date) -> str:
    """Return a day as an ISO date, that of a time in UTC. Raises ValueError."""
    try:
        if isinstance(value, datetime.datetime):  # days are days in UTC
            return (value if value.tzinfo is None else value.astimezone(datetime.timezone.utc)).date().isoformat()
        return datetime.date.fromisoformat(value).isoformat() if isinstance(value, str) and value else str(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"until {shown(str(value))!r} is not a day such as 2026-12-31") from error


@functools.lru_cache(1024)
def _parse_specifiers(text: str) -> SpecifierSet:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(text)


def render(each: Decision) -> str:
    """Return the text of one decision for the end of a file."""
    import json  # not loaded to read

    fields = {"advisory": each.advisory, "release": each.project + each.specifier, "why": each.why, "by": each.by}
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items() if value]
    return "\n".join([f"\n[[{each.verb}]]", *lines, *([f"until = {each.until}"] if each.until else [])]) + "\n"
