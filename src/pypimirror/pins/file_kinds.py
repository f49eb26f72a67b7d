"""Detects the kind of a pin file by its content, whatever its name and the key that names it."""

import re

from .model import redact

VERSIONS, REQUIREMENTS, LOCK = "versions", "requirements", "lock"
TOOL_LOCK, PIPFILE_LOCK, PYPROJECT = "tool lock", "Pipfile.lock", "pyproject"


def suffix_of(kind: str) -> str:
    """Return the suffix of the flattened file in the mirror."""
    return ".cfg" if kind == VERSIONS else ".txt"


def _key(names: str) -> str:
    """Return a regular expression for the beginning of a line with a TOML key, bare or quoted."""
    return _header("", names, "")


def _header(opening: str, names: str, closing: str) -> str:
    """Return a regular expression for the beginning of a line with the header of a TOML table, whose key is bare or quoted."""
    return rf"""^[ \t]*{opening}[ \t]*(?:{names}|"(?:{names})"|'(?:{names})')[ \t]*{closing}"""


#: Characters that most patterns are searched in.
_HEAD_LENGTH = 1 << 16
_LOCK = re.compile(_key("lock-version") + "=", re.MULTILINE)
_TABLES = re.compile(_key("packages") + r"=[ \t]*\[|" + _header(r"\[\[", "packages", "]]"), re.MULTILINE)
_SECTIONS = re.compile(r"^\[[ \t]*(?:versions|buildout)[ \t]*(?::[^\n]*)?][ \t]*(?:[#;][^\n]*)?\r?$", re.MULTILINE)
_REQUIREMENT = re.compile(r"^(?:-[a-zA-Z-]|[A-Za-z0-9][A-Za-z0-9._-]*[ \t]*(?:\[[^][\n]*][ \t]*)?[=~!<>]=)", re.MULTILINE)
_ANY_HEADER = re.compile(r"^\[", re.MULTILINE)
#: The end of a header.
_END = r"]]?[ \t]*(?:#[^\n]*)?\r?$"
#: Files of single tools.
_OF_TOOLS = (
    (re.compile(_header(r"\[\[", "package", "]]"), re.MULTILINE), TOOL_LOCK),
    (re.compile(r'\A\s*\{[\s\S]*"(?:_meta|pipfile-spec)"\s*:'), PIPFILE_LOCK),
    (re.compile(_header(r"\[", "project|build-system|dependency-groups", rf"(?:\.[^]\n]*)?{_END}"), re.MULTILINE), PYPROJECT),
    (re.compile(_header(r"\[\[?", "tool", rf"\.[^]\n]*{_END}"), re.MULTILINE), PYPROJECT),
    (re.compile(_key("dependency-groups") + r"(?:\.[^=\n]*)?=(?!=)", re.MULTILINE), PYPROJECT),
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
            PYPROJECT: "a pyproject.toml"}.get(kind, "a lock file")
    right = VERSIONS if kind == VERSIONS else REQUIREMENTS
    return f"{redact(source)}: {what}, and read as one; name it in the key {right} instead of {key}"
