"""What ``${section:option}`` and ``<=`` in buildout files come to."""

import re

from ..names import shown
from .model import InvalidPins
from .sections import Section, Sections, overlaid

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_NAMES = re.compile(r"([-a-zA-Z0-9 ._]*):([-a-zA-Z0-9 ._]+)")
#: Of references in references, and of sections in sections.
_MAX_DEPTH = 20
#: That sections take in from each other, in all; stops those that multiply.
_MAX_OPTIONS = 2_000_000


class SectionView:
    """Sections as parts see them. Each section and value is worked out once, however often it is referred to."""

    def __init__(self, data: Sections, longest: int = 2000):
        """longest: of a value, characters; stops references that grow by referring to each other."""
        self._data = data
        self._longest = longest
        self._sections: dict[str, Section] = {}
        self._values: dict[tuple[str, str], str] = {}
        self._room = _MAX_OPTIONS

    def section(self, name: str, above: tuple[str, ...] = ()) -> Section:
        """Give a section with those that it takes in by ``<=``. Raises InvalidPins."""
        if name not in self._data:
            raise InvalidPins(f"there is no section [{shown(name)}]")
        if name in above or len(above) > _MAX_DEPTH:
            raise InvalidPins(f"section [{shown(name)}] takes itself in")
        if name not in self._sections:
            section = self._data[name]
            if "<" in section and name != "buildout":
                result: Section = {}
                for line in dict.fromkeys(map(str.strip, section["<"].split("\n"))):
                    if line:
                        self._take(len(self._data.get(line, ())))
                        result.update(self.section(line, (*above, name)))
                self._take(len(section) + len(result))
                section = overlaid(result, section)
                del section["<"]
            self._sections[name] = section
        return self._sections[name]

    def value(self, section: str, option: str, above: tuple[tuple[str, str], ...] = ()) -> str:
        """Give a value with every ``${section:option}`` replaced. Raises InvalidPins for one that can't be."""
        key = section, option
        if key in above or len(above) > _MAX_DEPTH:
            raise InvalidPins(f"${{{shown(section)}:{shown(option)}}} refers to itself")
        if key not in self._values:
            found = self.section(section).get(option)
            if found is None:
                raise InvalidPins(f"${{{shown(section)}:{shown(option)}}} is not defined in the pin files")
            self._values[key] = self.expand(found, key, above)
        return self._values[key]

    def expand(self, text: str, key: tuple[str, str], above: tuple[tuple[str, str], ...]) -> str:
        """Return a text with its references replaced. key: the section and option that it is from. Raises InvalidPins."""
        if "$" not in text:
            return text
        if len(text) > self._longest:
            raise InvalidPins("the value is too long")

        def replacement(match: re.Match[str]) -> str:
            names = _NAMES.fullmatch(match[1])
            if names is None:
                raise InvalidPins(f"{shown(match[0])} is not ${{section:option}}")
            return self.value(names[1] or key[0], names[2], (*above, key))

        # ``$${`` is no reference.
        result = "$$".join(_REFERENCE.sub(replacement, part) for part in text.split("$$"))
        if len(result) > self._longest:
            raise InvalidPins("the value is too long")
        return result

    def _take(self, options: int) -> None:
        """Count options that sections take in from others. Raises InvalidPins where they multiply."""
        self._room -= options
        if self._room < 0:
            raise InvalidPins(f"sections take in more than {_MAX_OPTIONS} options from each other")
