"""Reads what a buildout installs, and from where, without running it."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator

from packaging.requirements import InvalidRequirement

from ..clients.files import EXTENSION
from ..names import normalize, shown
from ..pins.environments import Environment
from ..pins.extends_chain import Chain
from ..pins.file_kinds import VERSIONS
from ..pins.included_files import Read
from ..pins.model import InvalidPins, Pins, redact
from ..pins.pep508 import parse_requirement
from ..pins.references import SectionView
from ..pins.resolution import RootRequirement
from ..pins.sections import Section, Sections
from ..pins.versions import read_versions
from .deployment import BUILDOUT, DOWNLOAD, EXTENDS, FIND_LINKS, INDEX, Deployment, Local, Place
from .local_project import is_project_folder, read_local

#: What zc.buildout installs or upgrades before any part, if it is pinned.
_ITSELF = ("zc.buildout", "setuptools", "pip", "wheel")
#: Characters of a value.
_MAX_VALUE = 1 << 16
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)
_SECTION = re.compile(r"\$\{([-a-zA-Z0-9 ._]+):")
_NO = frozenset({"false", "off", "no", "0"})
_URL_OPTIONS = ("url", "urls")


def read_buildout(source: str, read: Read, environments: Iterable[Environment]) -> Deployment:
    """Read a buildout file and its chain of ``extends``. Raises FetchError, InvalidPins."""
    chain = Chain(source, read)
    roots: dict[Environment, tuple[RootRequirement, ...]] = {}
    pins: dict[Environment, Pins] = {}
    parsed: list[_Buildout] = []
    for environment in environments:
        one = _Buildout(source, chain.sections(environment))
        pins[environment] = read_versions(chain, (environment,))
        roots[environment] = tuple(one.roots(pins[environment]))
        parsed.append(one)
    first = parsed[0]
    places = dict.fromkeys(place for one in parsed for place in one.places())
    places.update(dict.fromkeys(Place(EXTENDS, name, redact(source)) for name in chain.documents
                                if _WEB.match(name) and name != source))
    return Deployment(
        redact(source), BUILDOUT, VERSIONS, roots, pins,
        pinned_only=first.option("buildout", "allow-picked-versions").lower() in _NO,
        installs_pins=not first.parts,
        places=tuple(places),
        locals=tuple(dict.fromkeys(local for one in parsed for local in one.locals())),
        allow_hosts=_parse_allow_hosts(first.option("buildout", "allow-hosts")),
        confines_builds=normalize(EXTENSION) in map(normalize, first.option("buildout", "extensions").split()),
        notes=_join_distinct(each.notes for each in pins.values()),
        problems=_join_distinct((*(each.problems for each in pins.values()), *(one.problems for one in parsed))),
        options={name: first.option("buildout", name) for name in ("offline", "install-from-cache", "index")
                 if first.option("buildout", name)})


def _parse_allow_hosts(value: str) -> tuple[str, ...] | None:
    """Return the values of ``allow-hosts``, or None if all are allowed."""
    return tuple(value.split()) if value.strip() and value.strip() != "*" else None


def _join_distinct(texts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for each in texts for text in each))


class _Buildout:
    """The merged sections of a buildout in one environment."""

    def __init__(self, source: str, data: Sections):
        self._source = redact(source)
        self._folder = "" if _WEB.match(source) else os.path.dirname(os.path.abspath(source))
        folder = self._folder or os.curdir
        defaults: Section = {"directory": folder, **{f"{name}-directory": os.path.join(folder, name) for name in (
            "bin", "parts", "eggs", "develop-eggs")}}
        self._data: Sections = {**data, "buildout": {**defaults, **data.get("buildout", {})}}
        self._view = SectionView(self._data, _MAX_VALUE)
        self.problems: dict[str, None] = {}
        self.parts = tuple(self._find_parts()) if "parts" in data.get("buildout", {}) else ()

    def option(self, section: str, name: str) -> str:
        """Return the value of an option with its references resolved, as far as they can be; empty if it is missing."""
        if name not in self._section_options(section):
            return ""
        try:
            return self._view.value(section, name)
        except InvalidPins:
            # Recipes add options at run time, such as ${part:location}.
            return self._section_options(section)[name]

    def roots(self, pins: Pins) -> Iterator[RootRequirement]:
        """Yield what is installed: zc.buildout, extensions, recipes, eggs."""
        if not self.parts:
            return
        for name in _ITSELF:
            if normalize(name) in pins.versions:
                yield RootRequirement(name, "zc.buildout itself")
        local = {each.name for each in self.locals()}
        for by, text in self._requirement_texts():
            try:
                requirement = parse_requirement(text)
            except InvalidRequirement:
                self.problems[f"{self._source}: {by}: {shown(text)!r} is not a requirement"] = None
                continue
            if normalize(requirement.name) not in local:
                yield RootRequirement(text, f"{by}, {self._source}")
        for each in self.locals():
            yield from (RootRequirement(text, f"{each.name or each.folder}, a develop egg") for text in each.requires)

    def _requirement_texts(self) -> Iterator[tuple[str, str]]:
        """Yield the requirements of the file as pairs of the option and the text."""
        yield from (("[buildout] extensions", name) for name in self.option("buildout", "extensions").split())
        for part in self.parts:
            recipe = self.option(part, "recipe").partition(":")[0].strip()
            if recipe:
                yield f"[{part}] recipe", recipe
            eggs = self.option(part, "eggs")
            if not eggs and normalize(recipe).startswith("zc-recipe-egg"):
                eggs = part
            for line in eggs.splitlines():
                text = line.strip()
                if text and "$" not in text and not text.startswith("#"):
                    yield f"[{part}] eggs", text

    def places(self) -> Iterator[Place]:
        """Yield the URLs that the buildout names."""
        for section in ("buildout", *self.parts):
            where = f"[{section}], {self._source}"
            for option, kind in (("find-links", FIND_LINKS), ("index", INDEX)):
                for word in self.option(section, option).split():
                    if "$" not in word:
                        yield Place(kind, word, where)
        for part in self.parts:
            for option in _URL_OPTIONS:
                for url in _WEB.findall(self.option(part, option)):
                    yield Place(DOWNLOAD, url, f"[{part}] {option}, {self._source}")
        for name, line in self._find_checkouts():
            for url in _WEB.findall(line):
                yield Place(DOWNLOAD, url, f"[sources] {name}, {self._source}")
        if self.option("buildout", "use-dependency-links").lower() not in _NO:
            for each in self.locals():
                yield from each.places

    def locals(self) -> tuple[Local, ...]:
        """Return the develop eggs and checkouts."""
        found = []
        for path in self.option("buildout", "develop").split():
            if "$" in path or not self._folder:
                continue
            for folder in sorted(glob.glob(os.path.join(self._folder, path))):
                if is_project_folder(folder):
                    found.append(read_local(folder))
        return (*found, *(Local(normalize(name), "") for name, _ in self._find_checkouts()))

    def _find_checkouts(self) -> Iterator[tuple[str, str]]:
        """Yield names and lines of the projects that mr.developer or mxdev checks out."""
        wanted = self.option("buildout", "auto-checkout").split()
        section = self.option("buildout", "sources") or "sources"
        if section in self._data:
            for name in self._section_options(section):
                if "*" in wanted or name in wanted:
                    yield name, self.option(section, name)

    def _find_parts(self) -> Iterator[str]:
        """Yield the parts, and the sections that they refer to, which zc.buildout installs too if they have a recipe."""
        waiting = self.option("buildout", "parts").split()
        seen: set[str] = set()
        while waiting:
            part = waiting.pop(0)
            if part in seen or part == "buildout" or "$" in part:
                continue
            seen.add(part)
            if part not in self._data:
                self.problems[f"{self._source}: [buildout] parts names {shown(part)!r}, which has no section"] = None
                continue
            options = self._section_options(part)
            yield part
            waiting += (name for value in options.values() for name in _SECTION.findall(value) if name in self._data)

    def _section_options(self, section: str) -> Section:
        """Return the options of a section; empty with a problem if its references can't be resolved."""
        try:
            return self._view.section(section)
        except InvalidPins as error:
            if section in self._data:
                self.problems[f"{self._source}: {error}"] = None
            return {}
