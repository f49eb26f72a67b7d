"""Dependencies: the requirements of distribution files, read once for each file."""

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
#: Requirements of one file. Common files have some hundreds.
_MAX_REQUIREMENTS = 10_000


class ReleaseSource(Protocol):
    """Releases of the upstream index. A resolution calls each method once with the same argument."""

    def releases(self, name: str) -> Sequence[File]:
        """Return the files of a project by its normalised name; nothing if the project does not exist. Raises MirrorError."""

    def metadata(self, file: File) -> bytes | None:
        """Return the core metadata of a wheel, or None if they are missing or unreadable. Raises MirrorError."""

    def sdist(self, file: File) -> Sdist | None:
        """Return the content of an sdist or an egg, or None if it can't be read. Raises MirrorError."""


class FileDependencies:
    """Requirements of one file, by the extras that they depend on."""

    def __init__(self, dependencies: Iterable[Dependency] = ()):
        self._all = tuple(dependencies)
        self._by_extra: dict[str, list[Dependency]] = {}
        for dependency in self._all:
            for extra in dependency.extras or ():
                self._by_extra.setdefault(extra, []).append(dependency)
        self._any_extra = tuple(dependency for dependency in self._all if dependency.extras is None)

    def with_extra(self, extra: str) -> Iterator[Dependency]:
        """Yield the requirements that may apply only with an extra; all requirements for an empty string."""
        if extra:
            yield from self._by_extra.get(extra, ())
            yield from self._any_extra
        else:
            yield from self._all


class DependencyReader:
    """Reads requirements of files, and collects problems and notes."""

    def __init__(self, catalogue: ReleaseSource, exempt: Callable[[str], object]):
        self._catalogue = catalogue
        self._exempt = exempt
        self._requires: dict[tuple[str, bool], FileDependencies] = {}
        self._noted: set[str] = set()
        self.notes: dict[str, None] = {}
        self.problems: dict[str, None] = {}

    def requires(self, name: str, file: File, run: bool = True, has_wheel: bool = False) -> FileDependencies:
        """Return the requirements of a file, for an sdist with those of its build.

        Args:
            run: whether to include run-time requirements.
            has_wheel: whether a wheel has the same run-time requirements: then it is no problem if they can't be read.
        """
        key = file.filename, run
        if key not in self._requires:
            self._requires[key] = FileDependencies(self._parse(name, file, self._texts(name, file, run, has_wheel)))
        return self._requires[key]

    def _texts(self, name: str, file: File, run: bool, has_wheel: bool) -> tuple[str, ...]:
        parsed = parse(file.filename, name)
        # A file that describes the variants of wheels has no tags and no requirements.
        kind = parsed.kind if parsed.kind != "wheel" or parsed.python else ""
        texts, sdist = self._read(name, file, kind, run)
        if texts is None and not has_wheel:
            self._report(name, f"{file.filename}: its requirements are unknown without a build")
        if sdist is None:
            return texts or ()
        for problem in sdist.problems:
            self._report(name, problem)
        if sdist.notes and name not in self._noted and not self._exempt(name):
            self._noted.add(name)
            self.notes.update(dict.fromkeys(sdist.notes))
        return (*(texts or ()), *sdist.build_requires)

    def _read(self, name: str, file: File, kind: str, run: bool) -> tuple[tuple[str, ...] | None, Sdist | None]:
        """Return the run-time requirements, None if only a build determines them, and the sdist if the file is one."""
        texts: tuple[str, ...] | None = ()
        try:
            if run and kind in ("wheel", "egg", "sdist"):
                texts = requirements_of(file, self._catalogue)
            return texts, self._catalogue.sdist(file) if kind == "sdist" else None
        except InvalidContent as error:
            self._report(name, f"{file.filename}: its requirements are unknown: {error}")
        except MirrorError as error:
            self.problems[f"{file.filename}: its requirements are unknown: {shown(str(error), 500)}"] = None
        return texts or (), None

    def _parse(self, name: str, file: File, texts: tuple[str, ...]) -> Iterator[Dependency]:
        if len(texts) > _MAX_REQUIREMENTS:
            self._report(name, f"{file.filename}: states more than {_MAX_REQUIREMENTS} requirements; the rest is left out")
        for text in texts[:_MAX_REQUIREMENTS]:
            try:
                yield parse_dependency(text)
            except InvalidRequirement:
                self._report(name, f"{file.filename}: {shown(text)!r} is not a requirement")

    def _report(self, name: str, problem: str) -> None:
        if not self._exempt(name):
            self.problems[problem] = None


def requirements_of(file: File, catalogue: ReleaseSource) -> tuple[str, ...] | None:
    """Return the run-time requirements of a file (PEP 508), or None if only a build determines them."""
    if file.filename.endswith(".whl"):
        content = catalogue.metadata(file)
        return None if content is None else _requires_dist(content)
    sdist = catalogue.sdist(file)
    if sdist is None or sdist.requires is not None:
        return sdist and sdist.requires
    return None if sdist.metadata is None else _requires_dist(sdist.metadata)


def _requires_dist(content: bytes) -> tuple[str, ...] | None:
    """Return the requirements in core metadata, or None if they are dynamic (PEP 643). Raises InvalidContent."""
    if len(content) > MAX_PARSED and not _END.search(content, 0, MAX_PARSED):
        raise InvalidContent(f"core metadata with more than {MAX_PARSED >> 20} MB of fields")
    found = fields(content)
    stated = tuple(found.get("requires-dist", ()))
    dynamic = (field.strip().lower() for field in found.get("dynamic", ()))
    return None if not stated and "requires-dist" in dynamic else stated
