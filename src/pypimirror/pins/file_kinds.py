"""Detects the kind of a pin file by its content, whatever its name and the key that names it."""

import re

from .model import redact

VERSIONS, REQUIREMENTS, LOCK = "versions", "requirements", "lock"
TOOL_LOCK, PIPFILE_LOCK, PYPROJECT = "tool lock", "Pipfile.lock", "pyproject"


def suffix_of(kind: str) -> str:
    """Return the suffix of the flattened file in the mirror."""
    return ".cfg" if kind == VERSIONS else ".txt"


#: Characters that most patterns are searched in.
_HEAD_LENGTH = 1 << 16
_LOCK = re.compile(r"^lock-version[ \t]*=", re.MULTILINE)
_TABLES = re.compile(r"^packages[ \t]*=[ \t]*\[|^\[\[[ \t]*packages[ \t]*]]", re.MULTILINE)
_SECTIONS = re.compile(r"^\[[ \t]*(?:versions|buildout)[ \t]*(?::[^\n]*)?][ \t]*(?:[#;][^\n]*)?\r?$", re.MULTILINE)
_REQUIREMENT = re.compile(r"^(?:-[a-zA-Z-]|[A-Za-z0-9][A-Za-z0-9._-]*[ \t]*(?:\[[^][\n]*][ \t]*)?[=~!<>]=)", re.MULTILINE)
_ANY_HEADER = re.compile(r"^\[", re.MULTILINE)
#: Files of single tools.
_OF_TOOLS = (
    (re.compile(r"^\[\[package]]", re.MULTILINE), TOOL_LOCK),
    (re.compile(r'\A\s*\{\s*"_meta"'), PIPFILE_LOCK),
    (re.compile(r"^\[(?:project|build-system|tool\.[^]\n]*)][ \t]*\r?$", re.MULTILINE), PYPROJECT),
)


def kind_of(text: str, default: str) -> str:
    """Return the kind of a pin file: the one that its content shows clearly, else ``default``."""
    start = text[:_HEAD_LENGTH]
    if _LOCK.search(start) and _TABLES.search(text):
        return LOCK
    has_sections = _SECTIONS.search(text) is not None
    if not has_sections:
        for pattern, kind in _OF_TOOLS:
            if pattern.search(start):
                return kind
    if has_sections and not _REQUIREMENT.search(text[:text.index("[")]):
        return VERSIONS
    if default == VERSIONS and not _ANY_HEADER.search(text) and _REQUIREMENT.search(start):
        return REQUIREMENTS
    return default


def key_hint(kind: str, key: str, source: str) -> str | None:
    """Return a message about a file in the wrong key, or None."""
    if (kind == VERSIONS) == (key == VERSIONS):
        return None
    what = {VERSIONS: "a file with [versions]", REQUIREMENTS: "a requirements file", LOCK: "a lock file (PEP 751)",
            PYPROJECT: "a pyproject.toml with constraints"}.get(kind, "a lock file")
    right = VERSIONS if kind == VERSIONS else REQUIREMENTS
    return f"{redact(source)}: {what}, and read as one; name it in the key {right} instead of {key}"
