"""Reads a configuration file."""

import configparser
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import ConfigurationError
from ..http.configured_url import hidden
from ..names import OWN, shown
from ..secret import SecretURL
from . import decisions, exemptions
from .converters import LISTS, advice
from .keys import KEYS, Key
from .values import Plugged, Settings

_SECTION = "pypimirror"
#: The key with the folder that relative paths start from.
_BASE = next(key for key in KEYS if key.name == "relative_to")
_NOT_DECLARED = "; no installed plugin declares it"
#: Maximum size of a configuration file in bytes, and of a value in a message in characters.
_LARGEST, _LONGEST_VALUE = 16 << 20, 300


class RawValue(NamedTuple):
    """The text of one key, and its origin."""

    text: str
    #: The file and section, or ``command line``.
    origin: str


_NOTHING = RawValue("", "")
#: Converters that also convert an empty text.
_TAKE_NOTHING = LISTS | {decisions.convert, exemptions.exemptions}


class PluginKeys(NamedTuple):
    """Keys and components of plugins."""

    keys: tuple[Key, ...]
    additions: Plugged
    #: The registry with their components; None if there are no plugins.
    registry: Any


def read(filename: str, overrides: Mapping[str, str] | None = None,
         ask_plugins: Callable[[Iterable[str]], PluginKeys] | None = None) -> Settings:
    """Read a configuration file.

    overrides: texts by key from the command line, which override the file. ask_plugins: called with the value of the key
    ``zcml``, returns the keys of plugins; without it unknown keys are ignored.
    Raises ConfigurationError, which names the file and the key.
    """
    given = {name: RawValue(text, f"{filename} [{section}]") for name, (section, text) in _read_texts(filename).items()}
    given.update((name, RawValue(text, "command line")) for name, text in (overrides or {}).items())
    known = {key.name: key for key in KEYS}
    additions, registry = None, None
    if ask_plugins is not None and (not given.keys() <= known.keys() or given.get("zcml", _NOTHING).text):
        # Loading plugins is slow; it is needed only for unknown keys, which may be theirs, or if the configuration names some.
        more, additions, registry = ask_plugins(convert_values((known["zcml"],), given, filename)["zcml"])
        known.update((key.name, key) for key in more)
        for name in given:
            if name not in known:
                raise ConfigurationError(f"{filename}: unknown key {name!r}{nearest(name, known) or _NOT_DECLARED}")
    origins = {name: given[name].origin if given.get(name, _NOTHING).text else "default" for name in known}
    found = fill_in_defaults(convert_values(known.values(), given, filename), filename)
    return Settings(found, origins, filename, additions, registry)


def read_plugin_names(filename: str) -> tuple[str, ...]:
    """Return the value of the key ``zcml`` in a configuration file without checking other keys; empty if there is no file.

    Raises ConfigurationError.
    """
    if not os.path.exists(filename):
        return ()
    given = {name: RawValue(text, filename) for name, (_, text) in _read_texts(filename).items()}
    return tuple(convert_values([key for key in KEYS if key.name == "zcml"], given, filename)["zcml"])


def convert_values(keys: Iterable[Key], given: Mapping[str, RawValue], filename: str,
                   base: str | None = None) -> dict[str, Any]:
    """Return the value of every key, by default its default.

    base: the folder that relative paths start from, by default the given one, or else that of the file.
    Raises ConfigurationError, which names the key.
    """
    folder = base or _find_base(given, filename)
    found = {}
    for key in keys:
        text, origin = given.get(key.name, _NOTHING)
        if not text:
            if key.required:
                raise ConfigurationError(f"{filename}: the key {key.name!r} is missing")
            text, origin = key.default, "default"
        found[key.name] = _convert_value(key, text, folder, filename, origin)
    if found.get(_BASE.name):
        found[_BASE.name] = folder
    return found


def _find_base(given: Mapping[str, RawValue], filename: str) -> str:
    """Return the folder that relative paths start from."""
    folder = os.path.dirname(os.path.abspath(filename))
    text, origin = given.get(_BASE.name, _NOTHING)
    base = _convert_value(_BASE, text, folder, filename, origin) or folder
    if not in_directory(base):
        raise ConfigurationError(f"{filename}: {_BASE.name} = {text!r}: must be a directory")
    return str(base)


def _read_texts(filename: str) -> dict[str, tuple[str, str]]:
    """Return section and text by key; ``[pypimirror]`` overrides ``[DEFAULT]``."""
    parser = configparser.RawConfigParser(comment_prefixes=("#", ";"), delimiters=("=", ":"), empty_lines_in_values=True,
                                         inline_comment_prefixes=(";",))  # as in z3c.pypimirror's files
    try:
        with open(filename, encoding="utf-8-sig") as stream:
            text = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{filename}: can't be read: {reason}") from error
    if len(text) > _LARGEST:
        raise ConfigurationError(f"{filename}: can't be read: larger than {_LARGEST >> 20} MB")
    try:
        parser.read_string(text, filename)
    except configparser.MissingSectionHeaderError as error:
        raise ConfigurationError(f"{filename}, line {error.lineno}: no section headers; keys go into [DEFAULT] or "
                                 f"[{_SECTION}]") from None
    except configparser.ParsingError as error:
        # The exception's text quotes the lines, which may have a password.
        number = error.errors[0][0] if error.errors else 1
        raise ConfigurationError(f"{filename}, line {number}: neither [section] nor key = value") from None
    except configparser.DuplicateSectionError as error:
        raise ConfigurationError(f"{filename}, line {error.lineno}: [{shown(error.section)}] is there twice; "
                                 "join both") from None
    except configparser.DuplicateOptionError as error:
        raise ConfigurationError(f"{filename}, line {error.lineno}: {shown(error.option)} is set twice in "
                                 f"[{shown(error.section)}]; remove one of them") from None
    strange = [section for section in parser.sections() if section != _SECTION]
    if strange:
        raise ConfigurationError(f"{filename}: unknown section [{strange[0]}]; keys go into [DEFAULT] or [{_SECTION}]")
    found = {name: ("DEFAULT", text.strip()) for name, text in parser.defaults().items()}
    if parser.has_section(_SECTION):
        own = parser._sections[_SECTION]  # type: ignore[attr-defined]  # items() would mix the defaults in
        found.update((name, (_SECTION, text.strip())) for name, text in own.items())
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a suggestion of the nearest known word for the end of a message, or an empty text."""
    import difflib

    close = difflib.get_close_matches(word, list(known), 1, 0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _convert_value(key: Key, text: str, folder: str, filename: str, origin: str) -> Any:
    """Return the value of a key; None for an empty text of most kinds. Raises ConfigurationError, which names the key."""
    if not text and key.kind not in _TAKE_NOTHING:
        return None
    try:
        return key.kind(text, folder)
    except ValueError as error:
        where = origin if origin == "command line" else filename
        value = shown(hidden(text), _LONGEST_VALUE)
        hint = "" if str(error).endswith(advice(text)) else advice(text)
        raise ConfigurationError(f"{where}: {key.name} = {value!r}: must be {error}{hint}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a kind may be a plugin's
        from ..tracebacks import describe

        kind = f"{getattr(key.kind, '__module__', '?')}.{getattr(key.kind, '__qualname__', key.kind)}"
        value = shown(hidden(text), _LONGEST_VALUE)
        raise ConfigurationError(f"{filename}: {key.name} = {value!r}: can't be read by {kind}: {describe(error)}") from error


def fill_in_defaults(values: dict[str, Any], filename: str) -> dict[str, Any]:
    """Fill in the defaults that depend on other keys. Raises ConfigurationError if a key that they need is not set."""
    mirror = values["mirror_file_path"]
    if in_directory(mirror):
        values["state_path"] = values["state_path"] or os.path.join(mirror, OWN)
        values["log_filename"] = values["log_filename"] or os.path.join(mirror, OWN, "pypimirror.log")
        values["lock_file_name"] = os.path.join(mirror, values["lock_file_name"])
        return values
    if isinstance(mirror, SecretURL):
        raise ConfigurationError(f"{filename}: mirror_file_path: credentials are not allowed in the URL; set them in the "
                                 "environment")
    own = values["state_path"]
    if not own or not in_directory(own):
        raise ConfigurationError(f"{filename}: mirror_file_path = {mirror}: state, lock and log can't be stored there; "
                                 "set state_path to a directory on a local disk")
    values["log_filename"] = values["log_filename"] or os.path.join(own, "pypimirror.log")
    values["lock_file_name"] = os.path.join(own, values["lock_file_name"].removeprefix(f"{OWN}/"))
    return values


def in_directory(place: str) -> bool:
    """Return whether ``mirror_file_path`` is a directory, not a URL."""
    return "://" not in place
