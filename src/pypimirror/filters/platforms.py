"""Platform tags of wheels that run on a platform (PEP 425, PEP 600, PEP 656, and ``packaging.tags`` for macOS)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_GLIBC = re.compile(r"manylinux_(\d+)_(\d+)_(\w+)")
_MUSL = re.compile(r"musllinux_(\d+)_(\d+)_(\w+)")
_MACOS = re.compile(r"macosx_(\d+)_(\d+)_(\w+)")
_LEGACY = re.compile(r"(manylinux(?:1|2010|2014))_(\w+)")
#: Tags from before PEP 600, with the minor version of glibc 2 that each stands for.
LEGACY_MANYLINUX = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
_ALIASES = {minor: name for name, minor in LEGACY_MANYLINUX.items()}
#: The oldest minor version of glibc 2 in tags, by architecture.
_OLDEST = {"x86_64": 5, "i686": 5}
_OLDEST_ELSEWHERE = 17
#: Newer than any glibc 2 and musl 1: ``linux_x86_64`` does not name a version.
_ANY = 99


def runnable_tags(platforms: Iterable[str]) -> frozenset[str]:
    """Return all platform tags of wheels that can run on any of the platforms.

    platforms: tags as in file names of wheels. Each version of manylinux, musllinux and macOS includes the older ones, and
    ``linux_x86_64`` all of Linux.
    """
    return frozenset(tag for platform in platforms for tag in _tags_of_platform(platform))


def _tags_of_platform(platform: str) -> Iterator[str]:
    """Yield the platform tags of wheels that can run on a platform."""
    if match := _GLIBC.fullmatch(platform):
        # As in packaging.tags, a future major version includes all of glibc 2.
        newest = int(match[2]) if match[1] == "2" else _ANY
        yield from _glibc_tags(newest, match[3])
        yield f"linux_{match[3]}"
    elif match := _LEGACY.fullmatch(platform):
        yield from _glibc_tags(LEGACY_MANYLINUX[match[1]], match[2])
        yield f"linux_{match[2]}"
    elif match := _MUSL.fullmatch(platform):
        yield from (f"musllinux_{match[1]}_{minor}_{match[3]}" for minor in range(int(match[2]) + 1))
        yield f"linux_{match[3]}"
    elif platform.startswith("linux_"):
        arch = platform.removeprefix("linux_")
        yield from _glibc_tags(_ANY, arch)
        yield from (f"musllinux_1_{minor}_{arch}" for minor in range(_ANY))
        yield platform
    elif match := _MACOS.fullmatch(platform):
        yield from _macos_tags((int(match[1]), int(match[2])), match[3])
        yield platform
    else:
        yield platform


def _glibc_tags(newest: int, arch: str) -> Iterator[str]:
    """Yield the tags of manylinux up to a minor version of glibc 2, also under their old names."""
    for minor in range(_OLDEST.get(arch, _OLDEST_ELSEWHERE), newest + 1):
        yield f"manylinux_2_{minor}_{arch}"
        if minor in _ALIASES:
            yield f"{_ALIASES[minor]}_{arch}"


def _macos_tags(version: tuple[int, int], arch: str) -> Iterator[str]:
    """Yield the tags of macOS up to a version."""
    from packaging.tags import mac_platforms

    # ``universal2`` is a tag of wheels, not of a computer: it stands for both architectures.
    for each in ("x86_64", "arm64") if arch == "universal2" else (arch,):
        yield from mac_platforms(version, each)
