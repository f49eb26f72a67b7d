"""Flattens requirements files into one file without includes, for clients."""

from .conditions import written_marker
from .flat_versions import SAFE_VALUE
from .requirements import Requirements


def flatten(requirements: Requirements) -> str:
    """Return one requirements file without names of other files or indexes. Each line is rewritten from its parsed form.

    With constraints in it, it is a constraints file for pip's ``-c``: as requirements, all of them would be installed.
    """
    constraints = any(line.constraint for line in requirements.lines)
    text = "# For pip's --constraint option.\n" if constraints else ""
    seen: dict[str, None] = {}
    for line in requirements.lines:
        requirement, marker = line.requirement, line.requirement.marker
        specifier = str(requirement.specifier)
        # pip accepts no extras in constraints, and a bare name constrains nothing.
        if (constraints and not specifier) or not SAFE_VALUE.fullmatch(specifier):
            continue
        if marker is not None and written_marker(marker) is None:
            continue
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras and not constraints else ""
        condition = f"; {marker}" if marker is not None else ""
        hashes = "".join(f" \\\n    --hash={digest}" for digest in sorted(line.hashes))
        seen.setdefault(f"{requirement.name}{extras}{specifier}{condition}{hashes}\n")
    return text + "".join(seen)
