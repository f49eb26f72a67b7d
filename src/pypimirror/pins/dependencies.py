"""What distributions state that they require, read once for each file."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from packaging.requirements import InvalidRequirement

from ..errors import MirrorError
from ..metadata.core_metadata import MAX_PARSED, fields
from ..metadata.errors import InvalidContent
from ..metadata.filenames import parse
from ..model import File
from ..names import shown
from .pep508 import Dependency, parse_dependency
from .sdist import Sdist

_END = re.compile(rb"\n\r?\n")
#: Of one file. Real ones state some hundreds.
_MAX = 10_000


class ReleaseSource(Protocol):
    """What upstream offers. Asked for the same thing once only in a resolution."""

    def releases(self, name: str) -> Sequence[File]:
        """Return the files of a project, by normalised name; none if there is no such project. Raises MirrorError."""

    def metadata(self, file: File) -> bytes | None:
        """Return the core metadata of a wheel, or None if it has none that can be read. Raises MirrorError."""

    def sdist(self, file: File) -> Sdist | None:
        """Return what an sdist or an egg states, or None if it can't be read. Raises MirrorError."""


class FileDependencies:
    """The requirements of one file, by the extras that they depend on."""

    def __init__(self, dependencies: Iterable[Dependency] = ()):
        self._all = tuple(dependencies)
        self._by_extra: dict[str, list[Dependency]] = {}
        for dependency in self._all:
            for extra in dependency.extras or ():
                self._by_extra.setdefault(extra, []).append(dependency)
        self._any_extra = tuple(dependency for dependency in self._all if dependency.extras is None)

    def with_extra(self, extra: str) -> Iterator[Dependency]:
        """Yield those that may apply with an extra and do not without it; all for an empty text."""
        if extra:
            yield from self._by_extra.get(extra, ())
            yield from self._any_extra
        else:
            yield from self._all


class DependencyReader:
    """Reads requirements, and collects what can't be read."""

    def __init__(self, catalogue: ReleaseSource, exempt: Callable[[str], object]):
        self._catalogue = catalogue
        self._exempt = exempt
        self._requires: dict[tuple[str, bool], FileDependencies] = {}
        self._noted: set[str] = set()
        self.notes: dict[str, None] = {}
        self.problems: dict[str, None] = {}

    def requires(self, name: str, file: File, run: bool = True, has_wheel: bool = False) -> FileDependencies:
        """Return the requirements of a file, of its build too if it is an sdist.

        Args:
            run: whether run-time requirements are among them.
            has_wheel: whether it is no problem that these can't be read.
        """
        key = file.filename, run
        if key not in self._requires:
            self._requires[key] = FileDependencies(self._parsed(name, file, self._texts(name, file, run, has_wheel)))
        return self._requires[key]

    def _texts(self, name: str, file: File, run: bool, has_wheel: bool) -> tuple[str, ...]:
        told = parse(file.filename, name)
        # What describes the variants of wheels has no tags and requires nothing.
        kind = told.kind if told.kind != "wheel" or told.python else ""
        texts: tuple[str, ...] | None = ()
        sdist = None
        try:
            if run and kind in ("wheel", "egg", "sdist"):
                texts = requirements_of(file, self._catalogue)
            if kind == "sdist":
                sdist = self._catalogue.sdist(file)
        except InvalidContent as error:
            self._hole(name, f"{file.filename}: what it requires is not known: {error}")
            texts = texts or ()
        except MirrorError as error:
            self.problems[f"{file.filename}: what it requires is not known: {shown(str(error), 500)}"] = None
            texts = texts or ()
        if texts is None and not has_wheel:
            self._hole(name, f"{file.filename}: what it requires is not known without building it")
        if sdist is None:
            return texts or ()
        for problem in sdist.problems:
            self._hole(name, problem)
        if sdist.notes and name not in self._noted and not self._exempt(name):
            self._noted.add(name)
            self.notes.update(dict.fromkeys(sdist.notes))
        return (*(texts or ()), *sdist.build_requires)

    def _parsed(self, name: str, file: File, texts: tuple[str, ...]) -> Iterator[Dependency]:
        if len(texts) > _MAX:
            self._hole(name, f"{file.filename}: states more than {_MAX} requirements; the rest is left out")
        for text in texts[:_MAX]:
            try:
                yield parse_dependency(text)
            except InvalidRequirement:
                self._hole(name, f"{file.filename}: {shown(text)!r} is not a requirement")

    def _hole(self, name: str, problem: str) -> None:
        if not self._exempt(name):
            self.problems[problem] = None


def requirements_of(file: File, catalogue: ReleaseSource) -> tuple[str, ...] | None:
    """Return the run-time requirements of a file (PEP 508), or None if they are known only by building it."""
    if file.filename.endswith(".whl"):
        content = catalogue.metadata(file)
        return None if content is None else _requires_dist(content)
    sdist = catalogue.sdist(file)
    if sdist is None or sdist.requires is not None:
        return sdist and sdist.requires
    return None if sdist.metadata is None else _requires_dist(sdist.metadata)


def _requires_dist(content: bytes) -> tuple[str, ...] | None:
    """Return the requirements in core metadata, or None if these leave them to the build (PEP 643). Raises InvalidContent."""
    if len(content) > MAX_PARSED and not _END.search(content, 0, MAX_PARSED):
        raise InvalidContent(f"core metadata with more than {MAX_PARSED >> 20} MB of fields")
    found = fields(content)
    stated = tuple(found.get("requires-dist", ()))
    dynamic = (field.strip().lower() for field in found.get("dynamic", ()))
    return None if not stated and "requires-dist" in dynamic else stated
