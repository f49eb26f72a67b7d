"""The result of a conversion: values of our keys, each with its origin, and notes about what has no counterpart."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterable, Iterator

from ..errors import ConfigurationError
from ..http.configured_url import hidden
from ..regular_file import open_regular
from ..settings.keys import KEYS

_LARGEST = 1 << 20
_HEAD = """\
# Made from {0} by pypimirror from-bandersnatch.
[DEFAULT]
"""


class Conversion:
    """Collects values and notes."""

    def __init__(self, filename: str, options: dict[str, dict[str, str]]):
        """options: texts by section and name."""
        self.filename = filename
        self.folder = os.path.dirname(os.path.abspath(filename))
        self._options = options
        self._seen: set[tuple[str, str]] = set()
        #: Lists of values and their origins, by key.
        self._values: dict[str, list[str]] = {}
        self._origins: dict[str, list[str]] = {}
        self.notes: list[str] = []

    def text(self, section: str, name: str) -> str:
        """Return the text of an option, empty if it is not set."""
        self._seen.add((section, name))
        return self._options.get(section, {}).get(name, "").strip()

    def lines(self, section: str, name: str) -> list[str]:
        """Return the lines of an option without comments."""
        stripped = (line.partition("#")[0].strip() for line in self.text(section, name).splitlines())
        return [line for line in stripped if line]

    def section(self, name: str) -> dict[str, str]:
        """Return the options of a section."""
        self._seen.update((name, option) for option in self._options.get(name, {}))
        return self._options.get(name, {})

    def take(self, key: str, values: Iterable[str], origin: str) -> None:
        """Add values to a key. A value that it can't have becomes a note."""
        known = next(one for one in KEYS if one.name == key)
        for value in values:
            if value in self._values.get(key, ()):
                continue
            try:
                known.kind(value, self.folder)
            except ValueError as error:
                self.note(origin, f"{hidden(value)!r} can't be a value of {key}: it must be {error}")
                continue
            self._values.setdefault(key, []).append(value)
            if origin not in self._origins.setdefault(key, []):
                self._origins[key].append(origin)

    def has(self, key: str) -> bool:
        """Whether a key has a value."""
        return key in self._values

    def note(self, origin: str, text: str) -> None:
        """Add a note."""
        if (line := f"{origin}: {text}") not in self.notes:
            self.notes.append(line)

    def unknown(self) -> Iterator[tuple[str, str]]:
        """Yield section and name of the options that nothing has read."""
        for section, options in self._options.items():
            for name in options:
                if (section, name) not in self._seen:
                    yield section, name

    def render(self) -> str:
        """Return the text of the configuration file."""
        parts = [_HEAD.format(_on_one_line(self.filename))]
        for key in KEYS:
            if key.name in self._values:
                values = self._values[key.name]
                text = f" {values[0]}" if len(values) == 1 else "".join(f"\n    {value}" for value in values)
                parts.append(f"\n# {_on_one_line('; '.join(self._origins[key.name]))}\n{key.name} ={text}\n")
        if self.notes:
            parts.append("\n# Without an exact counterpart:\n")
            parts.extend(f"# * {_on_one_line(note)}\n" for note in self.notes)
        return "".join(parts)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def read(filename: str) -> dict[str, dict[str, str]]:
    """Return the options of a configuration file of bandersnatch, by section and name. Raises ConfigurationError."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    try:
        with open_regular(filename) as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ConfigurationError(f"{filename}: can't be read: larger than {_LARGEST >> 20} MB")
        parser.read_string(content.decode("utf-8-sig").replace("\r\n", "\n"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{filename}: can't be read: {reason}") from error
    except configparser.Error as error:
        lines = getattr(error, "errors", None)
        number = lines[0][0] if lines else getattr(error, "lineno", None)
        raise ConfigurationError(f"{filename}{f', line {number}' if number else ''}: not a configuration file of bandersnatch: "
                                 "sections with lines name = value") from None
    found = {section.lower(): dict(parser.items(section)) for section in parser.sections()}
    for old, new in (("whitelist", "allowlist"), ("blacklist", "blocklist")):
        if old in found:
            found[new] = {**found.pop(old), **found.get(new, {})}
    return found
