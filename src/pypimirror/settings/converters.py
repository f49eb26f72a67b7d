"""Converters: functions that turn the text of a key into a plain value.

A converter is called with the text and the base folder of relative paths. It returns the value, or raises ValueError with a
description of valid values, which continues "must be".
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..http.configured_url import configured_url, hidden
from ..metadata.filenames import KINDS
from ..names import BUNDLE_ADVISORIES, normalize
from ..secret import SecretURL
from .quantities import duration, moment, share, size

if TYPE_CHECKING:
    from .text_file import TextFile

Kind = Callable[[str, str], Any]

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_PYTHON = re.compile(r"[23]\.\d{1,3}(?:\.\d{1,2})?t?")
#: Processors in tags of Linux and macOS (PEP 600, ``packaging.tags``).
_LINUX_CPU = (r"(?:x86_64|i[3-6]86|aarch64|armv[5-8]l?|armv[67]hl|ppc|ppc64|ppc64le|s390x?|riscv(?:32|64)|loongarch64"
              r"|mips(?:64)?(?:el|le)?|alpha|sparc64|ia64)")
_MACOS_CPU = r"(?:x86_64|arm64|universal2?|intel|i386|ppc|ppc64|fat|fat3|fat32|fat64)"
#: Of other systems, tags have the version or the processor in many forms.
_SYSTEMS = r"(?:aix|android|cygwin|dragonfly|emscripten|freebsd|haiku|ios|mingw|msys|netbsd|openbsd|pyodide|solaris|sunos|wasi)"
#: Compiled by the first tag: that takes as long as reading a configuration.
_PLATFORM = (rf"(?:manylinux(?:1|2010|2014)|(?:manylinux|musllinux)_\d+_\d+|linux)_{_LINUX_CPU}"
             rf"|macosx_\d+_\d+_{_MACOS_CPU}|win32|win_(?:amd64|arm32|arm64|ia64)|{_SYSTEMS}_[a-z0-9_]+")
#: The beginning of a comment after a value.
_COMMENT = re.compile(r"(?:^|\s)#")
_OWN_LINE = "write a comment on a separate line"
#: The names of projects, by PEP 508.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_FIELD = re.compile(r"([A-Za-z][A-Za-z-]*)\s*:\s*(\S.*)")
_PACKAGE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def text(value: str, folder: str) -> str:
    """Any text on one line."""
    if "\n" in value:
        raise ValueError("one line")
    return value


def boolean(value: str, folder: str) -> bool:
    """True or False in any case."""
    word = value.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("True or False")
    return word in _TRUE


def integer(value: str, folder: str) -> int:
    """A whole number from 0."""
    if not re.fullmatch(r"\d{1,9}", value):
        raise ValueError("a whole number from 0")
    return int(value)


def positive(value: str, folder: str) -> int:
    """A whole number from 1."""
    number = integer(value, folder)
    if number < 1:
        raise ValueError("a whole number from 1")
    return number


def words(value: str, folder: str) -> tuple[str, ...]:
    """A list separated by white space; lines that start with ``#`` are comments."""
    found = tuple(word for line in lines(value, folder) for word in line.split())
    if comment := next((word for word in found if word.startswith("#")), None):
        raise ValueError(f"a list without {hidden(comment)!r}; {_OWN_LINE}")
    return found


def lines(value: str, folder: str) -> tuple[str, ...]:
    """A list with one item a line; lines that start with ``#`` are comments."""
    stripped = (line.strip() for line in value.splitlines())
    return tuple(line for line in stripped if line and not line.startswith("#"))


def advice(value: str) -> str:
    """Return a hint for the end of a message about an invalid value: comments after a value are part of it."""
    return f"; {_OWN_LINE}" if _COMMENT.search(value) else ""


def path(value: str, folder: str) -> str:
    """A path; a relative one starts at the configuration file's folder, ``~`` is the home directory. URLs stay as they are."""
    value = text(value, folder)
    if _COMMENT.search(value):
        raise ValueError(f"a path or URL without ' #'; {_OWN_LINE}")
    if _SCHEME.match(value):
        return configured_url(value)
    if value.startswith("file:") or not value:
        return value
    return os.path.normpath(os.path.join(folder, os.path.expanduser(value)))


def file(value: str, folder: str) -> TextFile | None:
    """A file of UTF-8 text, which is read together with the configuration; a relative path as for paths."""
    name = path(value, folder)
    if not name:
        return None
    from .text_file import read  # few configurations need it

    return read(name)


def paths(value: str, folder: str) -> tuple[str, ...]:
    """A list of paths or URLs separated by white space."""
    for line in lines(value, folder):
        _, *others = line.split()
        if _SCHEME.match(line) and any("@" in word and not _SCHEME.match(word) for word in others):
            raise ValueError("URLs without blanks; write %20 for a blank of a password")
    return tuple(path(word, folder) for word in words(value, folder))


def advisories(value: str, folder: str) -> tuple[str, ...]:
    """A list of paths or URLs, or ``bundle`` for the advisories that bundles bring."""
    found = zip(words(value, folder), paths(value, folder), strict=True)
    return tuple(word if word == BUNDLE_ADVISORIES else source for word, source in found)


#: Kinds of lists of paths.
PATH_LISTS = (paths, advisories)


def zcml(value: str, folder: str) -> tuple[str, ...]:
    """A list of plugins: ``package``, ``package:file.zcml``, or the path of a file that ends in ``.zcml``."""
    found = []
    for word in words(value, folder):
        package, colon, file = word.partition(":")
        if word.endswith(".zcml") and not colon:
            found.append(path(word, folder))
        elif _PACKAGE.fullmatch(package) and bool(file) == bool(colon):
            found.append(word)
        else:
            raise ValueError(f"packages such as my.package or my.package:policy.zcml, or .zcml files, not {hidden(word)!r}")
    return tuple(found)


def certificate(value: str, folder: str) -> tuple[str, ...]:
    """A file, or two: certificate and key."""
    found = paths(value, folder)
    if len(found) > 2:
        raise ValueError("a file, or two: certificate and key")
    return found


def names(value: str, folder: str) -> tuple[str, ...]:
    """A list of exact names of projects, in any spelling; the value has them normalised, as components get them."""
    found = _words_that(value, folder, _NAME.fullmatch, "names of projects such as Plone or plone.api")
    return tuple(dict.fromkeys(map(normalize, found)))


def specifiers(value: str, folder: str) -> tuple[tuple[str, str], ...]:
    """Lines with a project and version specifiers (PEP 440), as pairs with normalised names."""
    found = []
    for line in lines(value, folder):
        from packaging.requirements import InvalidRequirement, Requirement  # imported only if needed

        try:
            asked = Requirement(line)
        except InvalidRequirement as error:
            raise ValueError(f"lines such as Plone >=6.0,<7, not {hidden(line)!r}") from error
        if asked.url or asked.marker or asked.extras:
            raise ValueError(f"lines of a project and its versions only, not {hidden(line)!r}")
        if not asked.specifier:
            raise ValueError(f"lines with versions, such as Plone >=6.0,<7, not {hidden(line)!r}; without this line, "
                             "package_matches selects all versions")
        found.append((normalize(asked.name), str(asked.specifier)))
    return tuple(found)


def package_types(value: str, folder: str) -> tuple[str, ...]:
    """Kinds of distributions."""
    return _words_that(value, folder, lambda word: word in KINDS, "some of " + ", ".join(KINDS))


def python_versions(value: str, folder: str) -> tuple[str, ...]:
    """Versions of CPython, minor ones for all their patch releases; a ``t`` at the end for the free-threaded build."""
    return _words_that(value, folder, _PYTHON.fullmatch, "versions of Python such as 3.11 3.12 3.13t")


def platforms(value: str, folder: str) -> tuple[str, ...]:
    """Platform tags of wheels."""
    return _words_that(value, folder, partial(re.fullmatch, _PLATFORM),
                       "platform tags such as manylinux_2_28_x86_64, musllinux_1_2_aarch64, macosx_11_0_arm64 or win_amd64")


def fields(value: str, folder: str) -> tuple[tuple[str, str], ...]:
    """Lines with a field, a colon and a pattern, as pairs with the field in lower case."""
    found = []
    for line in lines(value, folder):
        match = _FIELD.fullmatch(line)
        if match is None:
            raise ValueError(f"lines such as License: ZPL*, not {hidden(line)!r}")
        found.append((match[1].lower(), match[2]))
    return tuple(found)


def patterns_by_project(value: str, folder: str) -> tuple[tuple[str, str], ...]:
    """Lines with a glob of projects, a colon and a pattern, as pairs."""
    found = []
    for line in lines(value, folder):
        project, colon, pattern = (part.strip() for part in line.partition(":"))
        if not (project and colon and pattern) or len(project.split()) > 1:
            raise ValueError(f"lines such as demo: GitHub example/demo *, not {hidden(line)!r}")
        found.append((project, " ".join(pattern.split())))
    return tuple(found)


def _words_that(value: str, folder: str, right: Callable[[str], object], expected: str) -> tuple[str, ...]:
    """Return the words of a list. right: returns whether one is valid. Raises ValueError, which names what is expected."""
    found = words(value, folder)
    for word in found:
        if not right(word):
            raise ValueError(f"{expected}, not {hidden(word)!r}")
    return found


def web_address(value: str, folder: str) -> str:
    """An http or https URL, or nothing; without the slash at its end."""
    url = configured_url(value.rstrip("/")) if re.match(r"https?://", value, re.IGNORECASE) else value
    if url and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", url, re.IGNORECASE):
        raise ValueError("a URL that starts with http:// or https://")
    return url


def public_address(value: str, folder: str) -> str:
    """An http or https URL without user and password, or nothing; without the slash at its end."""
    url = web_address(value, folder)
    if isinstance(url, SecretURL):
        raise ValueError("without user and password, which everybody could read in pages; clients take theirs from netrc")
    return url


def scheduler(value: str, folder: str) -> str:
    """The address of a Dask scheduler, or nothing."""
    if value and not re.fullmatch(r"(?:tcp|tls)://[^\s/@?#]+:\d{1,5}", value):
        raise ValueError("an address such as tcp://scheduler.example.com:8786")
    return value


def choice(*names: str) -> Kind:
    """Return the converter of a key with these values."""

    def chosen(value: str, folder: str) -> str:
        if value not in names:
            raise ValueError("one of " + ", ".join(names))
        return value

    chosen.__doc__ = "One of " + ", ".join(f"``{name}``" for name in names) + "."
    return chosen


#: Converters that also convert an empty text.
LISTS = frozenset({words, lines, names, *PATH_LISTS, certificate, zcml, specifiers, package_types, python_versions, platforms,
                   fields})
#: The converters that plugins can name in ZCML.
NAMED: Mapping[str, Kind] = {kind.__name__: kind for kind in (
    text, boolean, integer, positive, words, lines, names, path, paths, file, size, duration, moment, share, web_address)}
