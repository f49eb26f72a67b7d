"""The usual line of large requirements files, ``name==version``, at a tenth of the time and memory of packaging's object."""

import re
from typing import NamedTuple

from ..metadata.filenames import pep440
from ..names import is_project, normalize

#: Letters only where versions by PEP 440 can have them.
_LINE = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==([0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc|\.post|\.dev)[0-9]+)*)")


class ExactRequirement(NamedTuple):
    """A requirement of one version and nothing else, with the attributes of packaging's ``Requirement`` that are used here."""

    name: str
    #: Valid by PEP 440.
    version: str

    @property
    def specifier(self) -> str:
        return f"=={self.version}"

    @property
    def extras(self) -> frozenset[str]:
        return frozenset()

    @property
    def marker(self) -> None:
        return None

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def parse(text: str) -> ExactRequirement | None:
    """Return the requirement, or None for a line that needs packaging's parser."""
    match = _LINE.fullmatch(text)
    if match is None or not is_project(normalize(match[1])) or pep440(match[2]) is None:
        return None
    return ExactRequirement(match[1], match[2])
