"""Extras (PEP 508) that pin files request of pinned projects."""

import re
from collections.abc import Iterable, Mapping

from ..names import is_project, normalize
from .model import InvalidPins
from .references import SectionView
from .sections import Sections

Extras = Mapping[str, frozenset[str]]

_REQUESTED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,199})[ \t]*\[([A-Za-z0-9._, \t-]{1,1000})\]")
#: Characters of the eggs of one part.
_MAX_LENGTH = 1 << 16
#: Options of buildout parts that name distributions: ``eggs`` and ``test-eggs`` of recipes, and those of zc.buildout.
_OPTION = re.compile(r"(?:(?:.*-)?eggs|egg|recipe|extensions)(?: \+)?")
#: Marks extras in flattened files: neither constraints nor a versions section can contain them.
_COMMENT = "# extras: "


def collect(pairs: Iterable[tuple[str, Iterable[str]]]) -> Extras:
    """Return extras by project, both normalised (PEP 503, PEP 685)."""
    found: dict[str, set[str]] = {}
    for name, extras in pairs:
        valid = {extra for extra in map(normalize, extras) if is_project(extra)}
        if valid and is_project(normalize(name)):
            found.setdefault(normalize(name), set()).update(valid)
    return {name: frozenset(extras) for name, extras in sorted(found.items())}


def of_eggs(data: Sections) -> Extras:
    """Return the extras that options of all sections request, such as ``eggs``."""
    view = SectionView(data, _MAX_LENGTH)
    return collect(pair for name, section in data.items() for option in section if _OPTION.fullmatch(option)
                   for pair in _pairs(_resolved(view, section[option], (name, option))))


def _resolved(view: SectionView, text: str, key: tuple[str, str]) -> str:
    try:
        return view.expand(text, key, ())
    except InvalidPins:
        return text  # refers to an option that is not in the pin files


def render(extras: Extras) -> str:
    """Return comment lines for a flattened pin file; ``parse`` reads them."""
    return "".join(f"{_COMMENT}{name}[{','.join(sorted(some))}]\n" for name, some in sorted(extras.items()))


def parse(text: str) -> Extras:
    """Return the extras in the comments of a flattened pin file."""
    return collect(pair for line in text.splitlines() if line.startswith(_COMMENT)
                   for pair in _pairs(line.removeprefix(_COMMENT)))


def _pairs(text: str) -> Iterable[tuple[str, list[str]]]:
    for line in text.splitlines():
        if match := _REQUESTED.match(line.strip()):
            yield match[1], [word.strip() for word in match[2].split(",")]
