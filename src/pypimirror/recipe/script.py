"""The script of the part: the distributions that it imports.

Buildout looks for distributions in its own environment too and would put that environment's whole site-packages on the path of
the script. Here the environment is the last resort: it serves what can be had neither from the eggs nor from the index.
"""

import copy
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from zc.buildout import UserError, easy_install

#: This distribution.
NAME = "z3c.recipe.pypimirror"
#: What the mirror and what it stands on need only to be installed. Old-style namespace packages still get their setuptools.
_INSTALLERS = frozenset({"zc.buildout", "setuptools"})

Distribution = Any


class Resolver(easy_install.Installer):
    """Finds the distributions that the script needs."""

    def __init__(self, eggs: str, develop: str, offline: bool, **arguments: Any):
        """
        eggs, develop: the directories. offline: whether only what is there already counts.
        arguments: as zc.buildout's own class takes them.
        """
        super().__init__(eggs, **arguments)
        self._environment = easy_install.Environment(_environment_path())
        self._path = [develop]
        self._env = self._make_env()
        self._offline = offline
        self._circle = {_key(NAME)}

    def _obtain(self, requirement: Any, source: Any = None) -> Distribution | None:
        # Telling zc.buildout 5 and 6 that there is nowhere to install to, as they do themselves when they are offline, would
        # have them overlook the eggs that they make.
        return None if self._offline else super()._obtain(requirement, source)

    def _get_dist(self, requirement: Any, ws: Any) -> list[Distribution]:
        if requirement.key == _key(NAME):
            # The copy whose recipe runs, so that script and recipe are of one version.
            dists = [copy.copy(_own())]
            ws.add(dists[0], replace=True)
        else:
            try:
                dists = super()._get_dist(requirement, ws)
            except UserError:
                found = self._in_environment(requirement)
                if found is None:
                    raise
                dists = [found]
                ws.add(found, replace=True)
        for dist in dists:
            if _key(dist.project_name) in self._circle:
                self._without_installers(dist)
        return dists

    def _in_environment(self, requirement: Any) -> Distribution | None:
        return next((dist for dist in self._environment[requirement.project_name] if dist in requirement), None)

    def _without_installers(self, dist: Distribution) -> None:
        """Have a distribution of our own circle not ask for installers; what it does ask for joins the circle."""
        everything: Callable[..., list[Any]] = dist.requires

        def requires(extras: Iterable[str] = ()) -> list[Any]:
            wanted = [requirement for requirement in everything(extras) if requirement.key not in _INSTALLERS]
            self._circle.update(_key(requirement.project_name) for requirement in wanted)
            return wanted

        dist.requires = requires


def distributions(buildout: Mapping[str, Any], eggs: Sequence[str]) -> list[Distribution]:
    """Give the distributions that the script needs, in the order in which they are looked up.

    buildout: zc.buildout's Buildout, whose find-links, index, newest, offline, allow-hosts and versions count.
    eggs: further requirements. Raises UserError where one can't be had.
    """
    section = buildout["buildout"]
    eggs_directory = section["eggs-directory"]
    resolver = Resolver(
        eggs_directory,
        section["develop-eggs-directory"],
        section.get("offline") == "true",
        links=section.get("find-links", "").split(),
        index=section.get("index"),
        newest=section.get("newest") == "true",
        allow_hosts=tuple(section["allow-hosts"].split()),
        allow_unknown_extras=section.get("allow-unknown-extras") == "true",
    )
    found = list(resolver.install([NAME, *eggs]))
    environment = {os.path.realpath(path) for path in _environment_path()}
    return sorted(found, key=lambda dist: (os.path.realpath(dist.location) in environment,
                                           os.path.dirname(dist.location) == eggs_directory))


def make(path: str, dists: Sequence[Distribution], arguments: str, initialization: str = "",
         relative_to: str = "") -> list[str]:
    """Write the script; give the paths of the files.

    arguments: Python source of those of ``pypimirror.cli.main``. initialization: Python source that runs before the import.
    relative_to: the buildout's directory if paths in it are to be relative (``base`` in arguments), else empty.
    """
    paths: list[str] = easy_install.scripts(
        [(os.path.basename(path), "pypimirror.cli", "main")], dists, sys.executable, os.path.dirname(path),
        arguments=arguments, initialization=initialization, relative_paths=relative_to)
    return paths


def _environment_path() -> list[str]:
    """Give the folders that buildout itself runs from."""
    return [path for path in easy_install.buildout_and_setuptools_path if path]


def _own() -> Distribution:
    found = easy_install.pkg_resources.working_set.find(easy_install.pkg_resources.Requirement.parse(NAME))
    if found is None:
        raise UserError(f"{NAME} is not installed as a distribution")
    return found


def _key(name: str) -> str:
    return str(easy_install.normalize_name(name))
