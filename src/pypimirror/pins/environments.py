"""Pythons and platforms that pins are read for: their marker values (PEP 508) and wheel tags (PEP 425, PEP 600)."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from packaging import tags as wheel_tags
from packaging.markers import Marker

from ..errors import ConfigurationError
from ..filters.platforms import LEGACY_MANYLINUX
from ..interfaces import ISettings

#: Defaults for ``python_versions`` and ``platforms``: the Pythons in use, the common systems.
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("manylinux_2_39_x86_64", "macosx_14_0_arm64", "win_amd64")

_PYTHON = re.compile(r"[23]\.\d{1,2}(\.\d{1,2})?")
_LINUX = re.compile(r"(?:(manylinux|musllinux)_(\d{1,2})_(\d{1,3})|(manylinux1|manylinux2010|manylinux2014)|linux)_(\w+)")
_MAC = re.compile(r"macosx_(\d{1,2})_(\d{1,2})_(\w+)")
_WINDOWS = {"win32": "x86", "win_amd64": "AMD64", "win_arm64": "ARM64"}
#: Names in conditions that can differ between patch releases of one Python.
_PATCHED = re.compile(r"full_version|implementation_version|sys\.version|platform\.python_version")
_NUMBER = re.compile(r"[0-9]+")
#: Comparisons with what differs between hosts of one platform, as ``str`` of a marker writes them.
_COMPARE = r"(?:not in|in|[<>=!~]+)"
_OF_HOST = re.compile(rf'platform_(?:release|version) {_COMPARE} "[^"]*"|"[^"]*" {_COMPARE} platform_(?:release|version)')
_MAX_CONDITION = 1000
#: Stands for the newest patch release of any Python.
_LAST_PATCH = 99
#: Minor version of glibc for a bare ``linux_*``: the newest one.
_NEWEST_GLIBC = 39


class Environment(NamedTuple):
    """One Python on one platform, named as in tags of wheels."""

    #: ``3.11`` or ``3.11.4``.
    python: str
    platform: str


class _System(NamedTuple):
    sys_platform: str
    platform_system: str
    os_name: str
    machine: str
    #: Platform tags of wheels that it can install.
    platforms: tuple[str, ...]


def environments(pythons: Iterable[str] = (), platforms: Iterable[str] = ()) -> tuple[Environment, ...]:
    """Return all pairs of a Python version and a platform; empty arguments mean the defaults. Raises ConfigurationError."""
    pairs = tuple(Environment(python, platform) for python in dict.fromkeys(pythons or PYTHONS)
                  for platform in dict.fromkeys(platforms or PLATFORMS))
    for python, platform in pairs:
        if not _PYTHON.fullmatch(python):
            raise ConfigurationError(f"python_versions: {python!r} is not a Python version such as 3.11")
        _system(platform)
    return pairs


def configured_environments(settings: ISettings) -> tuple[Environment, ...]:
    """Return the environments of a mirror. Builds of one Python, free-threaded or not, are one. Raises ConfigurationError."""
    return environments(tuple(python.rstrip("t") for python in settings["python_versions"]), settings["platforms"])


@lru_cache
def marker_values(environment: Environment, newest: bool = True) -> dict[str, str]:
    """Return the values of the marker variables (PEP 508).

    newest: whether ``3.11`` stands for its last or for its first patch release.
    """
    system = _system(environment.platform)
    minor = ".".join(environment.python.split(".")[:2])
    full = environment.python if environment.python != minor else f"{minor}.{_LAST_PATCH if newest else 0}"
    return {"implementation_name": "cpython", "implementation_version": full, "os_name": system.os_name,
            "platform_machine": system.machine, "platform_python_implementation": "CPython", "platform_release": "",
            "platform_system": system.platform_system, "platform_version": "", "python_full_version": full,
            "python_version": minor, "sys_platform": system.sys_platform}


def patches(environment: Environment, condition: str) -> tuple[Environment, ...]:
    """Return environments for the patch releases between which a condition can differ.

    condition: a marker or an expression. Its value changes only next to the numbers in it.
    """
    minor = ".".join(environment.python.split(".")[:2])
    if environment.python != minor or not _PATCHED.search(condition):
        return (environment,)
    numbers = {int(number) for number in _NUMBER.findall(condition[:_MAX_CONDITION]) if len(number) < 3}
    near = {micro for number in numbers for micro in (number - 1, number, number + 1) if 0 <= micro <= _LAST_PATCH}
    return tuple(environment._replace(python=f"{minor}.{micro}") for micro in sorted(near | {0, _LAST_PATCH}))


def applies(marker: Marker | None, environment: Environment, extras: Iterable[str] = ()) -> bool:
    """Return whether a marker is true with any of the extras, on any patch release.

    A marker that can't be evaluated counts as true: a superfluous release does less harm than a missing one.
    """
    return marker is None or _applies(str(marker), environment, tuple(extras) or ("",))


@lru_cache(1 << 16)
def _applies(text: str, environment: Environment, extras: tuple[str, ...]) -> bool:
    marker = with_any_host(parse_marker(text))
    try:
        return any(marker.evaluate({**marker_values(one), "extra": extra})
                   for one in patches(environment, text) for extra in extras)
    except (ValueError, KeyError, TypeError):
        # The error for an invalid comparison depends on the release of packaging.
        return True


@lru_cache(1 << 12)
def parse_marker(text: str) -> Marker:
    """Parse an environment marker (PEP 508). Raises ValueError, RecursionError."""
    return Marker(text)


def with_any_host(marker: Marker) -> Marker:
    """Return a marker that is true if the given one is for any release of the operating system.

    Markers have no negation, so each such comparison may count as true.
    """
    text = str(marker)
    known = _OF_HOST.sub('python_version >= "0"', text)
    return marker if known == text else Marker(known)


@lru_cache
def supported_tags(environment: Environment) -> frozenset[wheel_tags.Tag]:
    """Return the tags of wheels that can be installed in the environment."""
    major, minor = (int(part) for part in environment.python.split(".")[:2])
    interpreter = f"cp{major}{minor}"
    platforms = _system(environment.platform).platforms
    return frozenset({*wheel_tags.cpython_tags((major, minor), (interpreter,), platforms),
                      *wheel_tags.compatible_tags((major, minor), interpreter, platforms)})


@lru_cache
def _system(platform: str) -> _System:
    if platform in _WINDOWS:
        return _System("win32", "Windows", "nt", _WINDOWS[platform], (platform,))
    if match := _MAC.fullmatch(platform):
        machine = "arm64" if match[3] == "universal2" else match[3]
        return _System("darwin", "Darwin", "posix", machine,
                       tuple(wheel_tags.mac_platforms((int(match[1]), int(match[2])), machine)))
    if match := _LINUX.fullmatch(platform):
        return _System("linux", "Linux", "posix", match[5], tuple(_linux_platforms(match)))
    if platform == "any":
        return _System("linux", "Linux", "posix", "x86_64", ("any",))
    raise ConfigurationError(f"platforms: {platform!r} is not a platform tag of wheels such as manylinux_2_28_x86_64")


def _linux_platforms(match: re.Match[str]) -> Iterator[str]:
    family, major, minor, legacy, machine = match.groups()
    if family == "musllinux":
        yield from (f"musllinux_{major}_{older}_{machine}" for older in range(int(minor), -1, -1))
    else:
        newest = int(minor) if minor else LEGACY_MANYLINUX.get(legacy, _NEWEST_GLIBC)
        yield from (f"manylinux_{major or 2}_{older}_{machine}" for older in range(newest, 4, -1))
        yield from (f"{name}_{machine}" for name, older in LEGACY_MANYLINUX.items() if older <= newest)
    yield f"linux_{machine}"
