"""Detects what kind of pin file a text is, whatever its name and the key that names it."""

import re

from .model import InvalidPins, redact

VERSIONS, REQUIREMENTS, LOCK = "versions", "requirements", "lock"
#: Suffixes of flattened files in the mirror.
SUFFIXES = {VERSIONS: ".cfg", REQUIREMENTS: ".txt", LOCK: ".txt"}

_MAX = 1 << 16
_LOCK = re.compile(r"^lock-version[ \t]*=", re.MULTILINE)
_TABLES = re.compile(r"^packages[ \t]*=[ \t]*\[|^\[\[[ \t]*packages[ \t]*]]", re.MULTILINE)
_SECTIONS = re.compile(r"^\[[ \t]*(?:versions|buildout)[ \t]*(?::[^\n]*)?][ \t]*(?:[#;][^\n]*)?\r?$", re.MULTILINE)
_REQUIREMENT = re.compile(r"^(?:-[a-zA-Z-]|[A-Za-z0-9][A-Za-z0-9._-]*[ \t]*(?:\[[^][\n]*][ \t]*)?[=~!<>]=)", re.MULTILINE)
_HEADER = re.compile(r"^\[", re.MULTILINE)
#: Files of other tools, by what stands in them, and what to do with them.
_OTHERS = (
    (re.compile(r"^\[\[package]]", re.MULTILINE),
     "a lock file of one tool; export it as pylock.toml or requirements, such as by: uv export --format pylock.toml"),
    (re.compile(r'\A\s*\{\s*"_meta"'), "a Pipfile.lock; export it as requirements by: pipenv requirements --hash"),
    (re.compile(r"^\[(?:project|build-system|tool\.[^]\n]*)][ \t]*\r?$", re.MULTILINE),
     "a pyproject.toml, which pins nothing; export a lock file of it"),
)


def kind_of(text: str, source: str, default: str) -> str:
    """Return the kind of a pin file: as its content shows beyond doubt, else the one that its key says.

    Raises InvalidPins for a file of another tool.
    """
    start = text[:_MAX]
    if _LOCK.search(start) and _TABLES.search(text):
        return LOCK
    has_sections = _SECTIONS.search(text) is not None
    if not has_sections:
        for pattern, advice in _OTHERS:
            if pattern.search(start):
                raise InvalidPins(f"{redact(source)}: {advice}")
    if has_sections and not _REQUIREMENT.search(text[:text.index("[")]):
        return VERSIONS
    if default == VERSIONS and not _HEADER.search(text) and _REQUIREMENT.search(start):
        return REQUIREMENTS
    return default


def advice(kind: str, key: str, source: str) -> str | None:
    """Return a line about a file that stands under the wrong key, or None."""
    if (kind == VERSIONS) == (key == VERSIONS):
        return None
    is_of, right = {VERSIONS: ("a file with [versions]", "versions"), REQUIREMENTS: ("a requirements file", "requirements"),
                    LOCK: ("a lock file (PEP 751)", "requirements")}[kind]
    return f"{redact(source)}: {is_of}, and read as one; name it in the key {right} instead of {key}"
