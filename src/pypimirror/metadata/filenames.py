"""What the name of a distribution says: its kind, its version and what it runs on.

A page may hold thousands of files and a run reads many pages, so this takes file names apart by hand and imports nothing
heavy. Wheels: the binary distribution format of the packaging specifications. Sdists: PEP 625, and what setuptools and
distutils called them before. Eggs and installers: the names that setuptools and distutils gave them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..names import VARIANTS, normalize

if TYPE_CHECKING:
    from packaging.version import Version

#: What ``package_types`` can name. ``dumb`` is an archive of an installed tree (distutils' ``bdist_dumb``).
KINDS = ("sdist", "wheel", "egg", "wininst", "msi", "rpm", "deb", "dmg", "dumb")

_CACHED = 1 << 15
#: Characters of a version, and digits of one of its numbers. Python refuses to read numbers of more than 4,300 digits.
_LONGEST_VERSION = 200
_SDIST = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".tar.Z", ".tbz", ".tar")
#: What pip cuts off a version in the name of an sdist: old tools made one for each Python.
_FOR_PYTHON = re.compile(r"-py[123]\.?[0-9]?$")
_BUILD = re.compile(r"\d[^-]*")
_DUMB = re.compile(
    r"(.+?)\.((?:linux|macosx|darwin|win32|win-|cygwin|mingw|freebsd|openbsd|netbsd|solaris|sunos|aix)(?:[-_.\w]*))",
    re.IGNORECASE)
_INSTALLER = re.compile(r"(.+?)[.-](win32|win-[a-z0-9]+)(?:-py(\d[\d.]*))?", re.IGNORECASE)
_EGG = re.compile(r"(.+?)-py(\d[\d.]*)(?:-(.+))?")


class Distribution(NamedTuple):
    """What a file name says."""

    #: One of KINDS, or an empty text.
    kind: str
    #: The project's name as it is written there; empty if the file name doesn't start with it.
    project: str = ""
    #: As it is written there, or None if it can't be told.
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
    """Tell what a file name says.

    project: the normalised name of the project it belongs to; where name and version both contain dashes, it alone tells
    where the one ends. A file name that doesn't start with it has no version, as for installers.
    Never fails.
    """
    if filename.endswith(".whl"):
        return _wheel(filename[:-4], project)
    if filename.endswith(VARIANTS):
        # What describes the variants of a release's wheels comes and goes with them.
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
            # Debian's names say how Debian calls the package, and its versions are Debian's.
            return Distribution("deb")
        case "dmg":
            return Distribution("dmg", *_split(stem, project))
    return Distribution("")


@lru_cache(maxsize=_CACHED)
def pep440(version: str) -> Version | None:
    """Return the version as PEP 440 orders it, or None if it is none of PEP 440's or too long to be one."""
    from packaging.version import Version

    if len(version) > _LONGEST_VERSION:
        return None
    try:
        return Version(version)
    except ValueError:  # InvalidVersion, or more digits than Python reads as a number
        return None


def release(version: str) -> Version | str:
    """Return a value that is the same for all ways to write one version (``1.0``, ``1.0.0``, ``v1``)."""
    return pep440(version) or version.lower()


def _split(stem: str, project: str) -> tuple[str, str | None]:
    """Give the project's name as written and what follows behind the dash; ``("", None)`` if it doesn't start with it."""
    # Nearly always each separator is one character, so that the name has the length of its normal form.
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
    """Undo what wheels and eggs do to dashes in versions. To PEP 440 both mean the same where both are allowed."""
    return version.replace("_", "-") if version and "_" in version else version


def _wheel(stem: str, project: str) -> Distribution:
    """Read ``name-version(-build)-python-abi-platform(-variant)``; only a build number begins with a digit."""
    written, rest = _split(stem, project)
    parts = rest.split("-") if rest else []
    build = 1 if len(parts) > 4 and _BUILD.fullmatch(parts[1]) else 0
    if "-" in written or not 4 <= len(parts) - build <= 5:
        # The tags can be told all the same: older tools wrote names and versions with dashes.
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
    match = _EGG.fullmatch(stem)
    if match is None:
        written, rest = _split(stem, project)
        return Distribution("egg", written, _unescaped(rest))
    written, rest = _split(match[1], project)
    return Distribution("egg", written, _unescaped(rest), match[2], "", match[3] or "")


def _installer(kind: str, stem: str, project: str) -> Distribution:
    match = _INSTALLER.fullmatch(stem)
    if match is None:
        return Distribution(kind, *_split(stem, project))
    return Distribution(kind, *_split(match[1], project), match[3] or "", "", match[2])


def _rpm(stem: str, project: str) -> Distribution:
    """Read ``name-version-release.architecture``."""
    head, _, architecture = stem.rpartition(".")
    written, rest = _split(head.rpartition("-")[0], project)
    return Distribution("rpm", written, rest, "", "", "" if architecture in ("noarch", "src") else f"linux-{architecture}")
