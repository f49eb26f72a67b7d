"""Resolves ``${section:option}`` and ``<=`` in buildout files."""

import re

from ..names import shown
from .model import InvalidPins
from .sections import Section, Sections, merged

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_NAMES = re.compile(r"([-a-zA-Z0-9 ._]*):([-a-zA-Z0-9 ._]+)")
#: Levels of references in references, and of sections in sections.
_MAX_DEPTH = 20
#: Options that all sections together include from other sections: limits exponential growth.
_MAX_OPTIONS = 2_000_000


class SectionView:
    """Sections with inclusions and references resolved, each once."""

    def __init__(self, data: Sections, longest: int = 2000):
        """longest: characters of a value; limits exponential growth by references."""
        self._data = data
        self._longest = longest
        self._sections: dict[str, Section] = {}
        self._values: dict[tuple[str, str], str] = {}
        self._options_left = _MAX_OPTIONS

    def section(self, name: str, above: tuple[str, ...] = ()) -> Section:
        """Return a section with the sections that it includes by ``<=``. Raises InvalidPins."""
        if name not in self._data:
            raise InvalidPins(f"there is no section [{shown(name)}]")
        if name in above or len(above) > _MAX_DEPTH:
            raise InvalidPins(f"section [{shown(name)}] includes itself")
        if name not in self._sections:
            section = self._data[name]
            if "<" in section and name != "buildout":
                result: Section = {}
                for line in dict.fromkeys(map(str.strip, section["<"].split("\n"))):
                    if line:
                        self._count(len(self._data.get(line, ())))
                        result.update(self.section(line, (*above, name)))
                self._count(len(section) + len(result))
                section = merged(result, section)
                del section["<"]
            self._sections[name] = section
        return self._sections[name]

    def value(self, section: str, option: str, above: tuple[tuple[str, str], ...] = ()) -> str:
        """Return a value with each ``${section:option}`` replaced. Raises InvalidPins if one can't be."""
        key = section, option
        if key in above or len(above) > _MAX_DEPTH:
            raise InvalidPins(f"${{{shown(section)}:{shown(option)}}} refers to itself")
        if key not in self._values:
            found = self.section(section).get(option)
            if found is None:
                raise InvalidPins(f"${{{shown(section)}:{shown(option)}}} is not defined in the pin files")
            if "$" not in found:
                return found  # not kept: a file can have hundreds of thousands of them
            self._values[key] = self.expand(found, key, above)
        return self._values[key]

    def expand(self, text: str, key: tuple[str, str], above: tuple[tuple[str, str], ...]) -> str:
        """Replace the references in a text. key: the section and option of the text. Raises InvalidPins."""
        if "$" not in text:
            return text
        if len(text) > self._longest:
            raise InvalidPins("the value is too long")

        def replacement(match: re.Match[str]) -> str:
            names = _NAMES.fullmatch(match[1])
            if names is None:
                raise InvalidPins(f"{shown(match[0])} is not ${{section:option}}")
            return self.value(names[1] or key[0], names[2], (*above, key))

        # ``$$`` is an escaped dollar sign.
        result = "$$".join(_REFERENCE.sub(replacement, part) for part in text.split("$$"))
        if len(result) > self._longest:
            raise InvalidPins("the value is too long")
        return result

    def _count(self, options: int) -> None:
        """Count options that sections include from others. Raises InvalidPins beyond _MAX_OPTIONS."""
        self._options_left -= options
        if self._options_left < 0:
            raise InvalidPins(f"sections include more than {_MAX_OPTIONS} options from each other")
