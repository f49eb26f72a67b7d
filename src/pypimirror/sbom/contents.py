"""Collects the components of an SBOM: the releases of the mirror, or of pins. Sends no request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from ..advisories.matching import AdvisoryMatcher
from ..errors import MirrorError
from ..index.releases import releases
from ..interfaces import IRunContext
from ..metadata.errors import InvalidContent
from ..metadata.filenames import release
from ..model import File, Project
from ..names import shown
from ..pins.environments import configured_environments
from ..state import records
from ..state.database import State
from ..tracebacks import describe, log_error
from .dependency_graph import DependencyGraph
from .licenses import License, license_of
from .links import project_links
from .model import Component, ComponentFile, EmbeddedSbom
from .release_metadata import ReleaseMetadata, embedded_sboms, read_metadata, sha256_of

Extract = Callable[[str, str, bytes], None]
_NOTHING = ReleaseMetadata({}, ())
#: Values of one field that count, and characters of one value.
_MOST, _LONGEST = 200, 1000


class SbomScope(NamedTuple):
    """What components are to have in addition to what the state and core metadata contain."""

    advisories: bool = False
    embedded: bool = True
    #: Takes the name of a wheel, the path of an embedded SBOM below ``sboms``, and its content; or None.
    extract: Extract | None = None


class Collector:
    """Collects the components of one mirror with an open state, and their dependencies."""

    def __init__(self, mirror: IRunContext, state: State, wanted: SbomScope):
        self._mirror, self._state, self._wanted = mirror, state, wanted
        self._base = str(mirror.settings["base_url"] or "").rstrip("/")
        self.graph = DependencyGraph(configured_environments(mirror.settings))
        #: Messages about releases that could not be read as a whole.
        self.problems: list[str] = []
        #: Pinned releases that are not in the mirror.
        self.missing: list[str] = []

    def collect_published(self) -> Iterator[Component]:
        """Yield all published releases in order of names."""
        for entry in list(self._state.entries()):
            project = self._read_project(entry.name)
            if project is not None:
                for version, files in releases(project.published()).items():
                    yield self._make_component(project, entry.display, version, files)

    def collect_pinned(self, versions: Mapping[str, Sequence[str]]) -> Iterator[Component]:
        """Yield the pinned releases in order of names. versions: by normalised name."""
        for name in sorted(versions):
            project = self._read_project(name) or Project(name)
            row = self._state.row(name)
            here = {release(version): files for version, files in releases(project.published()).items()}
            for version in sorted(versions[name]):
                files = here.get(release(version), [])
                if not files:
                    self.missing.append(f"{name}=={version}")
                yield self._make_component(project, row.display if row and row.display else name, version, files)

    def _read_project(self, name: str) -> Project | None:
        """Return a project from its record, with current advisories if wanted; None, with a problem, if unreadable."""
        try:
            record = self._state.record(name)
            if not record:
                return None
            project = records.decode(record)
            return self._mirror.advisories.current(project) if self._wanted.advisories else project
        except MirrorError as error:
            self.problems.append(f"{name}: {error}")
            return None

    def _make_component(self, project: Project, display: str, version: str, files: Sequence[File]) -> Component:
        """Return a release as a component, and add it to the graph of dependencies."""
        metadata = self._read_metadata(project.name, version, files)
        python = next((file.requires_python for file in files if file.requires_python), None)
        for text in self.graph.add((project.name, version), metadata.requires, python or ""):
            self.problems.append(f"{project.name} {version}: {shown(text)!r} is not a requirement; it is left out")
        fields = metadata.fields
        return Component(
            project.name, display, version,
            tuple(self._make_file(project.name, file) for file in sorted(files, key=lambda file: file.filename)),
            license_of(fields) if fields else License(),
            tuple(shown(value, _LONGEST) for value in fields.get("license-file", ())[:_MOST]),
            _first_value(fields, "summary"), _first_value(fields, "author") or _first_value(fields, "author-email"),
            tuple(project_links(fields)), self._matching_advisories(project, version))

    def _read_metadata(self, name: str, version: str, files: Sequence[File]) -> ReleaseMetadata:
        """Return the metadata of a release; empty, with a problem, if they can't be read."""
        if not files:
            return _NOTHING
        try:
            return read_metadata(self._mirror.storage, name, files) or _NOTHING
        except (MirrorError, InvalidContent) as error:
            self.problems.append(f"{name} {version}: licence and requirements are unknown: {error}")
        except Exception as error:  # a library fails on the content of one release
            log_error(f"{name} {version}: its metadata can't be read", error)
            self.problems.append(f"{name} {version}: licence and requirements are unknown: {describe(error)}")
        return _NOTHING

    def _make_file(self, name: str, file: File) -> ComponentFile:
        path = f"{name}/{quote(file.filename)}"
        return ComponentFile(file.filename, f"{self._base}/{path}" if self._base else path, file.content_hashes,
                             tuple(self._embedded_sboms(name, file)))

    def _embedded_sboms(self, name: str, file: File) -> Iterator[EmbeddedSbom]:
        """Yield the SBOMs in a wheel, and extract them if that is wanted."""
        if not self._wanted.embedded or not file.filename.endswith(".whl"):
            return
        try:
            for path, below, content in embedded_sboms(self._mirror.storage, f"{name}/{file.filename}"):
                if self._wanted.extract is not None:
                    self._wanted.extract(file.filename, below, content)
                yield EmbeddedSbom(path, sha256_of(content))
        except (MirrorError, InvalidContent) as error:
            self.problems.append(f"{file.filename}: its embedded SBOMs can't be read: {error}")

    def _matching_advisories(self, project: Project, version: str) -> tuple[tuple[str, str], ...]:
        """Return id and link of each advisory about a release."""
        if not self._wanted.advisories or not project.advisories:
            return ()
        found = AdvisoryMatcher(project.advisories, project.name).of_version(version)
        return tuple((each.id, each.link) for each in found)


def _first_value(fields: Mapping[str, Sequence[str]], name: str) -> str:
    return shown(next(iter(fields.get(name, ())), "").strip(), _LONGEST)
