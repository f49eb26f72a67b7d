"""What the buildout itself pins, after everything that zc.buildout did to its versions section."""

import re
from collections.abc import Mapping
from typing import Any

#: A version, with or without ``==``; ranges, such as those that zc.buildout adds by itself, are no pins.
_PIN = re.compile(r"(?:==\s*)?([A-Za-z0-9][A-Za-z0-9._+!-]*)")


def pins(buildout: Any) -> dict[str, str]:
    """Give the versions by name, empty where the buildout pins nothing."""
    section = buildout["buildout"].get("versions") or ""
    if not section or section not in buildout:
        return {}
    found = {name: _PIN.fullmatch(value.strip()) for name, value in dict(buildout[section]).items()}
    return {name: match[1] for name, match in sorted(found.items()) if match}


def render(part: str, versions: Mapping[str, str]) -> str:
    """Give the text of a file that pins these versions."""
    lines = "".join(f"{name} = {version}\n" for name, version in versions.items())
    return f"# What this buildout pins; written by buildout for the part [{part}].\n[versions]\n{lines}"
