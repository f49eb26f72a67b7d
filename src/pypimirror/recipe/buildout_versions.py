"""The pins of the buildout itself, after changes by zc.buildout and its extensions."""

import re
from collections.abc import Mapping
from typing import Any

from zc.buildout import easy_install

from ..metadata.filenames import release
from ..names import normalize
from ..pins import extras

#: A version, with or without ``==``; ranges, such as those that zc.buildout adds automatically, are not pins.
_PIN = re.compile(r"(?:==\s*)?([A-Za-z0-9][A-Za-z0-9._+!-]*)")


def effective_pins(buildout: Any) -> dict[str, str]:
    """Return the effective versions by name, spelled as in the versions section; empty without pins.

    Extensions such as mr.developer remove the pins of checked-out packages from the effective versions, not from the section.
    With other tools, such as mxdev, ``develop`` names the checkouts, and their pins stay: buildout takes a checkout that has
    the pinned version, and otherwise the pinned release.
    """
    section = buildout["buildout"].get("versions") or ""
    if not section or section not in buildout:
        return {}
    spelled = {normalize(name): name for name in dict(buildout[section])}
    in_force = {normalize(name): value for name, value in (easy_install.default_versions() or {}).items()}
    found = {spelled.get(name, name): _PIN.fullmatch(value.strip()) for name, value in in_force.items()}
    developed = _read_develop_eggs(buildout["buildout"]["develop-eggs-directory"])
    return {name: match[1] for name, match in sorted(found.items())
            if match and (normalize(name), release(match[1])) not in developed}


def _read_develop_eggs(folder: str) -> set[tuple[str, Any]]:
    """Return normalised names and versions of the develop eggs.

    Eggs that ``zc.recipe.egg:custom`` builds from releases of an index are in the same folder, but not develop eggs.
    """
    environment = easy_install.Environment([folder])
    return {(normalize(name), release(dist.version)) for name in environment for dist in environment[name]
            if dist.precedence == easy_install.pkg_resources.DEVELOP_DIST}


def requested_extras(buildout: Any) -> extras.Extras:
    """Return the extras that the buildout's parts request, from their raw options, which creates no recipe."""
    return extras.of_eggs({name: {option: str(value) for option, value in section.items()}
                           for name, section in buildout._raw.items()})


def render(part: str, versions: Mapping[str, str], requested: extras.Extras) -> str:
    """Return the text of a file with these versions and the requested extras."""
    lines = "".join(f"{name} = {version}\n" for name, version in versions.items())
    names = {normalize(name) for name in versions}
    eggs = "".join(f"    {name}[{','.join(sorted(some))}]\n" for name, some in requested.items() if name in names)
    return (f"# What this buildout pins; written by buildout for the part [{part}].\n[versions]\n{lines}"
            + (f"\n[requested]\neggs =\n{eggs}" if eggs else ""))
