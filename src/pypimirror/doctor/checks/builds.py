"""Checks of builds: where pip takes build requirements from, and pkg_resources, which setuptools 82 and later do not have."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from packaging.version import Version

from ...errors import MirrorError
from ...metadata.archives import read_sdist_files
from ...metadata.filenames import parse, pep440
from ...metadata.zips import ZipReader
from ...model import File
from ...names import list_first
from ..case import Case
from ..deployment import BUILDOUT
from ..findings import Finding, error, note, warning
from ..solution import Chosen, candidates_of

#: The first release without pkg_resources.
_WITHOUT = Version("82")
_IMPORT = re.compile(rb"^[ \t]*(?:import[ \t]+pkg_resources|from[ \t]+pkg_resources[ \t]+import)", re.MULTILINE)
_DECLARES = re.compile(rb"pkg_resources|declare_namespace")
#: Packages that may be namespaces: at the top, or one below.
_PACKAGE = re.compile(r"(?:src/)?((?:[A-Za-z_]\w*/){1,2})__init__\.py")
_MAX_INIT = 4096


def check_builds_confined(case: Case) -> Iterator[Finding]:
    """The pip that zc.buildout runs to build sdists uses the mirror only."""
    if case.deployment.tool != BUILDOUT or case.deployment.confines_builds:
        return
    names = sorted({one.name for one in case.solution.chosen if one.is_sdist} | case.deployment.local_names())
    if names:
        yield warning("builds", f"zc.buildout builds {len(names)} projects with a pip that uses PyPI: {', '.join(names[:10])}",
                      "extend from the client.cfg that client buildout prints, or set PIP_INDEX_URL")


def check_pkg_resources(case: Case) -> Iterator[Finding]:
    """Namespace packages and setup.py files that import pkg_resources have a setuptools that contains it."""
    if not case.view.is_local:
        yield note("pkg_resources", "not checked by URL, since every file would have to be transferred", "use --prove")
        return
    installed, building = _setuptools_version(case, True), _setuptools_version(case, False)
    declared: dict[str, list[Chosen]] = defaultdict(list)
    native: dict[str, list[Chosen]] = defaultdict(list)
    for one in {one.file.filename: one for one in case.solution.chosen}.values():
        try:
            found = _find_namespaces(case, one.file, one.is_sdist)
            if one.is_sdist and building is not None and building >= _WITHOUT:
                yield from _check_setup_py(case, one, building)
        except (MirrorError, OSError):
            continue  # reported by ``check_files_exist``
        for name, by_pkg_resources in found.items():
            (declared if by_pkg_resources else native)[name].append(one)
    for name, those in sorted(declared.items()):
        if installed is not None and installed >= _WITHOUT:
            yield error(f"namespace {name}", f"{_list_names(those)} declare it by pkg_resources, which setuptools {installed} "
                        "does not have", "pin setuptools below 82, or releases with native namespaces")
        if native.get(name) and case.deployment.tool == BUILDOUT:
            yield warning(f"namespace {name}", f"{_list_names(those)} declare it by pkg_resources, {_list_names(native[name])} "
                          "natively (PEP 420); as eggs they hide each other", "use releases that agree")


def _setuptools_version(case: Case, pinned: bool) -> Version | None:
    """Return the setuptools that is installed, or the newest one, which builds take."""
    versions = [version for text in case.deployment.pinned("setuptools") if (version := pep440(text)) is not None]
    if pinned and versions:
        return max(versions)
    if pinned and not any(one.name == "setuptools" for one in case.solution.chosen):
        return None
    try:
        offered = candidates_of(case.view, "setuptools")
    except MirrorError:
        return None  # reported by ``check_requirements``
    return max((one.version for one in offered if not one.version.is_prerelease), default=None)


def _check_setup_py(case: Case, one: Chosen, newest: Version) -> Iterator[Finding]:
    """A setup.py that imports pkg_resources has a build requirement that limits setuptools."""
    with case.view.open(one.file) as stream:
        content = read_sdist_files(stream, one.file.filename, re.compile(r"setup\.py")).get("setup.py", b"")
    if not _IMPORT.search(content):
        return
    sdist = case.view.sdist(one.file)
    limited = any(re.match(r"setuptools\s*(?:\[[^]]*\])?\s*\(?[<=~]", text) for text in (sdist.build_requires if sdist else ()))
    if not limited:
        yield error(f"{one.name} {one.version}", f"its setup.py imports pkg_resources, and builds take setuptools {newest}",
                    "use a wheel, or set PIP_CONSTRAINT or PIP_BUILD_CONSTRAINT to a file with setuptools<82", one.by)


def _find_namespaces(case: Case, file: File, is_sdist: bool) -> dict[str, bool]:
    """Return the packages of a file that are namespaces, and whether pkg_resources declares them."""
    contents: dict[str, bytes] = {}
    modules: set[str] = set()
    with case.view.open(file) as stream:
        if is_sdist:
            found = read_sdist_files(stream, file.filename, _PACKAGE)
            contents = {match[1]: content for path, content in found.items() if (match := _PACKAGE.fullmatch(path))}
        elif parse(file.filename, "").kind == "wheel":
            archive = ZipReader(stream)
            for info in archive.entries:
                modules.add(info.filename.partition("/")[0] + "/")
                match = _PACKAGE.fullmatch(info.filename)
                if match is not None and info.file_size <= _MAX_INIT:
                    contents[match[1]] = archive.read(info)
                elif match is not None:
                    contents[match[1]] = b""
    names = {folder.strip("/").replace("/", "."): bool(_DECLARES.search(content)) for folder, content in contents.items()}
    declared = {name: True for name, by_pkg_resources in names.items() if by_pkg_resources}
    tops = {name.partition(".")[0] for name in names}
    return {**{top: False for top in tops if top not in names and f"{top}/" in modules}, **declared}


def _list_names(those: list[Chosen]) -> str:
    """Return the names of the first projects, and the number of the others."""
    return list_first(sorted({one.name for one in those}), 5)
