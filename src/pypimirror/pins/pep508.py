"""Requirements (PEP 508) as metadata state them, parsed within bounds."""

import re
from copy import copy
from functools import lru_cache
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

from ..names import normalize

#: Characters of one requirement, digits of one of its numbers, and parentheses within parentheses.
_MAX_LENGTH, _MAX_DIGITS, _MAX_DEPTH = 10_000, 200, 20
#: Many releases of a project state the same.
_REMEMBERED = 10_000
_LONG_NUMBER = re.compile(rf"\d{{{_MAX_DIGITS + 1}}}")
_BRACKETS = re.compile(r"[()]")
#: Comparisons that depend on the value of ``extra`` only by its being equal to a literal, as packaging writes markers.
_EXTRA = re.compile(r"""\bextra (?:==|!=) ["']([^"']*)["']|["']([^"']*)["'] (?:==|!=) extra\b""")


class Dependency(NamedTuple):
    """One parsed requirement."""

    #: Normalised name of the project.
    name: str
    requirement: Requirement
    #: The marker, and the rest: in one form for all that mean the same.
    marker: str
    text: str
    #: Normalised names of the extras that its marker compares with; None where it depends on ``extra`` in another way.
    extras: frozenset[str] | None


def parse_requirement(text: str) -> Requirement:
    """Parse a requirement. Raises InvalidRequirement, also for one that exceeds the bounds of this module."""
    if len(text) > _MAX_LENGTH:
        raise InvalidRequirement(f"longer than {_MAX_LENGTH} characters")
    if _LONG_NUMBER.search(text):
        raise InvalidRequirement(f"a number of more than {_MAX_DIGITS} digits")
    depth = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket == "(" else -1
        if depth > _MAX_DEPTH:
            raise InvalidRequirement("nested too deeply")
    try:
        return Requirement(text)
    except InvalidRequirement:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidRequirement(str(error)) from error


@lru_cache(_REMEMBERED)
def parse_dependency(text: str) -> Dependency:
    """Parse a requirement for evaluation. Raises InvalidRequirement."""
    requirement = parse_requirement(text)
    # Extras are compared in their normal form (PEP 685).
    requirement.extras = {normalize(extra) for extra in requirement.extras}
    marker = str(requirement.marker or "")
    rest = _EXTRA.sub("", marker)
    extras = None if re.search(r"\bextra\b", rest) else frozenset(
        normalize(one or other) for one, other in _EXTRA.findall(marker))
    bare = copy(requirement)
    bare.marker = None
    return Dependency(normalize(requirement.name), requirement, marker, str(bare), extras)
