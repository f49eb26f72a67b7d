"""Reads a configuration file into settings."""

import configparser
import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ConfigurationError
from .keys import KEYS, Key
from .kinds import LISTS
from .values import Settings

_SECTION = "pypimirror"
#: The folder of ours in the mirror.
OWN = ".pypimirror"


def read(filename: str, overrides: Mapping[str, str] | None = None, keys: Iterable[Key] = KEYS) -> Settings:
    """Read a configuration file.

    overrides: texts by key from the command line, which win over the file.
    keys: all that may occur.
    Raises ConfigurationError, which names the file and the key.
    """
    known = {key.name: key for key in keys}
    found = _texts(filename)
    unknown = [name for name in found if name not in known]
    if unknown:
        raise ConfigurationError(f"{filename}: unknown key {unknown[0]!r}{nearest(unknown[0], known)}")
    origins = {name: f"{filename} [{section}]" for name, (section, _) in found.items()}
    texts = {name: text for name, (_, text) in found.items()}
    for name, text in (overrides or {}).items():
        texts[name] = text
        origins[name] = "command line"
    folder = os.path.dirname(os.path.abspath(filename))
    values = {}
    for key in known.values():
        text = texts.get(key.name, "")
        if not text:
            if key.required:
                raise ConfigurationError(f"{filename}: the key {key.name!r} is missing")
            text = key.default
            origins[key.name] = "default"
        values[key.name] = _value(key, text, folder, filename, origins[key.name])
    return Settings(_completed(values, folder), origins, filename)


def _texts(filename: str) -> dict[str, tuple[str, str]]:
    """Give section and text by key, the own section's winning over ``[DEFAULT]``."""
    parser = configparser.RawConfigParser(comment_prefixes=("#", ";"), delimiters=("=", ":"), empty_lines_in_values=True)
    try:
        with open(filename, encoding="utf-8-sig") as stream:
            parser.read_file(stream, filename)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{filename}: can't be read: {reason}") from error
    except configparser.Error as error:
        raise ConfigurationError(" ".join(str(error).split())) from error
    strange = [section for section in parser.sections() if section != _SECTION]
    if strange:
        raise ConfigurationError(f"{filename}: unknown section [{strange[0]}]; keys go into [DEFAULT] or [{_SECTION}]")
    found = {name: ("DEFAULT", text.strip()) for name, text in parser.defaults().items()}
    if parser.has_section(_SECTION):
        own = parser._sections[_SECTION]  # type: ignore[attr-defined]  # items() would mix the defaults in
        found.update((name, (_SECTION, text.strip())) for name, text in own.items())
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """Give the end of a message that suggests the nearest known word, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _value(key: Key, text: str, folder: str, filename: str, origin: str) -> Any:
    if not text and key.kind not in LISTS:
        return None
    try:
        return key.kind(text, folder)
    except ValueError as error:
        where = origin if origin == "command line" else filename
        raise ConfigurationError(f"{where}: {key.name} = {text!r}: must be {error}") from error


def _completed(values: dict[str, Any], folder: str) -> dict[str, Any]:
    """Fill in the defaults that follow from other keys."""
    mirror = values["mirror_file_path"]
    values["state_path"] = values["state_path"] or os.path.join(mirror, OWN)
    values["log_filename"] = values["log_filename"] or os.path.join(mirror, OWN, "pypimirror.log")
    values["lock_file_name"] = os.path.join(mirror, values["lock_file_name"])
    return values
