"""Parses names of distribution files: kind, version, and compatible Pythons and platforms.

A page may list thousands of files and a run reads many pages, so file names are split by hand and nothing heavy is imported.
Wheels: the binary distribution format of the packaging specifications. Sdists: PEP 625, and the older names of setuptools and
distutils. Eggs and installers: the names that setuptools and distutils give them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..names import VARIANTS, normalize

if TYPE_CHECKING:
    from packaging.version import Version

#: Values of ``package_types``. ``dumb`` is an archive of an installed tree (distutils' ``bdist_dumb``).
KINDS = ("sdist", "wheel", "egg", "wininst", "msi", "rpm", "deb", "dmg", "dumb")

_CACHED = 1 << 15
#: Characters of a version, and thereby digits of its numbers: Python refuses to convert numbers of more than 4,300 digits.
MAX_VERSION = 200
_SDIST = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".tar.Z", ".tbz", ".tar")
#: A suffix that pip drops from versions of sdists: old tools built one sdist for each Python.
_FOR_PYTHON = re.compile(r"-py[123]\.?[0-9]?$")
_BUILD = re.compile(r"\d[^-]*")
#: Compiled by the first file of the kind; many mirrors have none.
_INSTALLER = r"(?i:(.+?)[.-](win32|win-[a-z0-9]+)(?:-py(\d[\d.]*))?)"
_EGG = r"(.+?)-py(\d[\d.]*)(?:-(.+))?"
_DUMB = re.compile(
    r"(.+?)\.((?:linux|macosx|darwin|win32|win-|cygwin|mingw|freebsd|openbsd|netbsd|solaris|sunos|aix)(?:[-_.\w]*))",
    re.IGNORECASE)


class Distribution(NamedTuple):
    """A parsed file name."""

    #: One of KINDS, or an empty text.
    kind: str
    #: The project's name as written; empty if the file name does not start with it.
    project: str = ""
    #: As written, or None if the file name has none that can be determined.
    version: str | None = None
    #: The Python tag of a wheel (``cp311``, ``py2.py3``), the version of Python (``2.7``) of others, empty for any.
    python: str = ""
    #: The ABI tag of a wheel.
    abi: str = ""
    #: The platform tag of a wheel, the platform as distutils writes it (``win-amd64``) of others, empty for any.
    platform: str = ""
    #: The label of a variant wheel (draft of PEP 825), which follows the platform.
    variant: str = ""


@lru_cache(maxsize=_CACHED)
def parse(filename: str, project: str) -> Distribution:
    """Parse the name of a distribution file.

    project: the normalised name of its project; if name and version contain dashes, nothing else shows where the name ends.
    A file name that does not start with it has no version, as for installers. Never raises.
    """
    if filename.endswith(".whl"):
        return _wheel(filename[:-4], project)
    if filename.endswith(VARIANTS):
        # The file that describes the variants of a release's wheels is mirrored with the wheels.
        written, rest = _split(filename[:-len(VARIANTS)], project)
        return Distribution("wheel", written, _unescaped(rest))
    for suffix in _SDIST:
        if filename.endswith(suffix):
            return _archive(filename[:-len(suffix)], project)
    stem, _, ending = filename.rpartition(".")
    match ending:
        case "egg":
            return _egg(stem, project)
        case "exe":
            return _installer("wininst", stem, project)
        case "msi":
            return _installer("msi", stem, project)
        case "rpm":
            return _rpm(stem, project)
        case "deb":
            # Name and version are those of the Debian package.
            return Distribution("deb")
        case "dmg":
            return Distribution("dmg", *_split(stem, project))
    return Distribution("")


@lru_cache(maxsize=_CACHED)
def pep440(version: str) -> Version | None:
    """Parse a version (PEP 440). Return None if it is invalid or longer than MAX_VERSION.

    The only place that calls ``Version``, which raises a plain ValueError for some thousand digits, not InvalidVersion.
    """
    from packaging.version import Version

    if len(version) > MAX_VERSION:
        return None
    try:
        return Version(version)
    except ValueError:  # InvalidVersion, or more digits than Python converts
        return None


def release(version: str) -> Version | str:
    """Return a key that is equal for all spellings of one version (``1.0``, ``1.0.0``, ``v1``)."""
    return pep440(version) or version.lower()


def _split(stem: str, project: str) -> tuple[str, str | None]:
    """Return the project's name as written and the rest after the dash; ``("", None)`` if ``stem`` does not start with it."""
    # Most names have the length of their normal form, since each separator is one character.
    length = len(project)
    if stem[length:length + 1] == "-" and normalize(stem[:length]) == project:
        return stem[:length], stem[length + 1:] or None
    end = stem.find("-")
    while end > 0:
        if normalize(stem[:end]) == project:
            return stem[:end], stem[end + 1:] or None
        end = stem.find("-", end + 1)
    return "", None


def _unescaped(version: str | None) -> str | None:
    """Restore the dashes that wheels and eggs escape in versions. Both are equal by PEP 440 where both are allowed."""
    return version.replace("_", "-") if version and "_" in version else version


def _wheel(stem: str, project: str) -> Distribution:
    """Parse ``name-version(-build)-python-abi-platform(-variant)``; only a build number begins with a digit."""
    written, rest = _split(stem, project)
    parts = rest.split("-") if rest else []
    build = 1 if len(parts) > 4 and _BUILD.fullmatch(parts[1]) else 0
    if "-" in written or not 4 <= len(parts) - build <= 5:
        # Older tools wrote names and versions with dashes; the tags can still be determined.
        return Distribution("wheel", "", None, *(["", "", "", *stem.split("-")][-3:] if stem.count("-") > 2 else ()))
    version, (python, abi, platform, *variant) = parts[0], parts[1 + build:]
    return Distribution("wheel", written, _unescaped(version), python, abi, platform, *variant)


def _archive(stem: str, project: str) -> Distribution:
    written, rest = _split(stem, project)
    if rest and (match := _DUMB.fullmatch(rest)):
        return Distribution("dumb", written, match[1], "", "", match[2])
    if rest and (match := _FOR_PYTHON.search(rest)):
        rest = rest[:match.start()] or None
    return Distribution("sdist", written, rest)


def _egg(stem: str, project: str) -> Distribution:
    match = re.fullmatch(_EGG, stem)
    if match is None:
        written, rest = _split(stem, project)
        return Distribution("egg", written, _unescaped(rest))
    written, rest = _split(match[1], project)
    return Distribution("egg", written, _unescaped(rest), match[2], "", match[3] or "")


def _installer(kind: str, stem: str, project: str) -> Distribution:
    match = re.fullmatch(_INSTALLER, stem)
    if match is None:
        return Distribution(kind, *_split(stem, project))
    return Distribution(kind, *_split(match[1], project), match[3] or "", "", match[2])


def _rpm(stem: str, project: str) -> Distribution:
    """Parse ``name-version-release.architecture``."""
    head, _, architecture = stem.rpartition(".")
    written, rest = _split(head.rpartition("-")[0], project)
    return Distribution("rpm", written, rest, "", "", "" if architecture in ("noarch", "src") else f"linux-{architecture}")
