"""The script of the part: the distributions that it imports.

Buildout also uses distributions from the environment that it runs in, and would add their site-packages to the path of the
script. Here the environment is only used for distributions that are neither in the eggs nor in the index.
"""

import copy
import logging
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from zc.buildout import UserError, easy_install

#: This distribution.
NAME = "z3c.recipe.pypimirror"
#: With the libraries of the fast fetcher.
_FAST = f"{NAME}[fast]"
#: Requirements that the mirror and its dependencies need only for their installation. Old-style namespace packages of other
#: eggs still get setuptools.
_INSTALLERS = frozenset({"zc.buildout", "setuptools"})

Distribution = Any

_logger = logging.getLogger(NAME)


class Resolver(easy_install.Installer):
    """Finds the distributions that the script needs."""

    def __init__(self, eggs: str, develop: str, offline: bool, **arguments: Any):
        """
        eggs, develop: the directories. offline: whether to use only distributions that are already installed.
        arguments: of the base class.
        """
        super().__init__(eggs, **arguments)
        self._environment = easy_install.Environment(_environment_path())
        self._path = [develop]
        self._env = self._make_env()
        self._offline = offline
        self._circle = {_normalize(NAME)}

    def _obtain(self, requirement: Any, source: Any = None) -> Distribution | None:
        # zc.buildout 5 and 6 pass no destination when they are offline, and would then not find the eggs that they made.
        return None if self._offline else super()._obtain(requirement, source)

    def _get_dist(self, requirement: Any, ws: Any) -> list[Distribution]:
        if requirement.key == _normalize(NAME):
            # The distribution of the running recipe, so that script and recipe have the same version.
            dists = [copy.copy(_own_distribution())]
            ws.add(dists[0], replace=True)
        else:
            try:
                dists = super()._get_dist(requirement, ws)
            except UserError:
                found = self._find_in_environment(requirement)
                if found is None:
                    raise
                dists = [found]
                ws.add(found, replace=True)
        for dist in dists:
            if _normalize(dist.project_name) in self._circle:
                self._remove_installers(dist)
        return dists

    def _find_in_environment(self, requirement: Any) -> Distribution | None:
        return next((dist for dist in self._environment[requirement.project_name] if dist in requirement), None)

    def _remove_installers(self, dist: Distribution) -> None:
        """Remove installers from the requirements of the mirror or of one of its dependencies, recursively."""
        everything: Callable[..., list[Any]] = dist.requires

        def requires(extras: Iterable[str] = ()) -> list[Any]:
            wanted = [requirement for requirement in everything(extras) if requirement.key not in _INSTALLERS]
            self._circle.update(_normalize(requirement.project_name) for requirement in wanted)
            return wanted

        dist.requires = requires


def find_distributions(buildout: Mapping[str, Any], eggs: Sequence[str]) -> list[Distribution]:
    """Return the distributions for the script, in the order of its path.

    buildout: zc.buildout's Buildout; uses its find-links, index, newest, offline, allow-hosts and versions.
    eggs: additional requirements. Raises UserError if one can't be found.
    """
    section = buildout["buildout"]
    eggs_directory = section["eggs-directory"]
    found = _find_with_fast_fetcher(section, eggs) or list(_make_resolver(section).install([NAME, *eggs]))
    environment = {os.path.realpath(path) for path in _environment_path()}
    return sorted(found, key=lambda dist: (os.path.realpath(dist.location) in environment,
                                           os.path.dirname(dist.location) == eggs_directory))


def _make_resolver(section: Mapping[str, Any]) -> Resolver:
    return Resolver(
        section["eggs-directory"],
        section["develop-eggs-directory"],
        section.get("offline") == "true",
        links=section.get("find-links", "").split(),
        index=section.get("index"),
        newest=section.get("newest") == "true",
        allow_hosts=tuple(section["allow-hosts"].split()),
        allow_unknown_extras=section.get("allow-unknown-extras") == "true",
    )


def _find_with_fast_fetcher(section: Mapping[str, Any], eggs: Sequence[str]) -> list[Distribution]:
    """Return the distributions with the extra ``fast``; none if its libraries have no wheels here.

    A buildout may pin neither of them and allow no others, and its index may not have them: the mirror works without.
    """
    if not _has_wheels():
        return []
    try:
        return list(_make_resolver(section).install([_FAST, *eggs]))
    except UserError as error:
        _logger.info("%s: not used, the mirror fetches with requests (%s)", _FAST, " ".join(str(error).split()))
        return []


def _has_wheels() -> bool:
    """Whether pycurl and greenlet have wheels for this Python: to build them takes a compiler and libcurl's headers."""
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 15):
        return False
    if sys.platform.startswith("linux"):
        return platform.libc_ver()[0] == "glibc" and platform.machine() in ("x86_64", "aarch64")
    return sys.platform in ("darwin", "win32")


def write_script(path: str, dists: Sequence[Distribution], arguments: str, initialization: str = "",
                 relative_to: str = "") -> list[str]:
    """Write the script; return the paths of its files.

    arguments: Python source of the arguments of ``pypimirror.cli.main``. initialization: Python source to run before the
    import. relative_to: the buildout's directory for relative paths (``base`` in arguments), else empty.
    """
    paths: list[str] = easy_install.scripts(
        [(os.path.basename(path), "pypimirror.cli", "main")], dists, sys.executable, os.path.dirname(path),
        arguments=arguments, initialization=initialization, relative_paths=relative_to)
    return paths


def _environment_path() -> list[str]:
    """Return the folders from which buildout itself is imported."""
    return [path for path in easy_install.buildout_and_setuptools_path if path]


def _own_distribution() -> Distribution:
    """Return the distribution of the running recipe. Raises UserError."""
    found = easy_install.pkg_resources.working_set.find(easy_install.pkg_resources.Requirement.parse(NAME))
    if found is None:
        raise UserError(f"{NAME} is not installed as a distribution")
    return found


def _normalize(name: str) -> str:
    return str(easy_install.normalize_name(name))
