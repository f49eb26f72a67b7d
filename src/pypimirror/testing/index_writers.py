"""The contract of an index writer as tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..index.page_paths import ProjectPaths, check_roots, checked_blocks
from ..interfaces import IIndexWriter, IMetadataIndexWriter, IWholeIndexWriter
from ..model import Entry, Project
from . import checks

_SERIAL = 1_700_000_000


class IndexWriterContract:
    """The tests of an ``IIndexWriter``. Derived classes have names that begin with ``Test``."""

    #: The projects that the writer gets; all files are published.
    projects: Iterable[Project] = checks.PUBLISHED

    def make(self) -> Any:
        """Return a new index writer."""
        raise NotImplementedError

    def pages(self, writer: Any, project: Project, serial: int = _SERIAL) -> dict[str, bytes]:
        """Return the pages of a project by path. Raises ValueError for a path that is not for its pages."""
        more = [lambda file: b"Metadata-Version: 2.1\n"] if IMetadataIndexWriter.providedBy(writer) else []
        return dict(ProjectPaths(project).checked(writer, writer.pages(project, serial, *more)))

    def entries(self, writer: Any) -> list[Entry]:
        """Return the entries of the page about all projects."""
        whole = IWholeIndexWriter.providedBy(writer)
        return [Entry(project.name, project.display or project.name, _SERIAL, len(project.files),
                      writer.section(project) if whole else b"")
                for project in sorted(self.projects, key=lambda project: project.name)]

    def test_it_provides_its_interface(self) -> None:
        writer = self.make()
        checks.implements(writer, IIndexWriter)
        check_roots([("the writer", writer)])
        assert writer.most_files is None or writer.most_files > 0

    def test_pages_are_bytes_at_paths_of_the_project(self) -> None:
        writer = self.make()
        for project in self.projects:
            for path, page in self.pages(writer, project).items():
                assert isinstance(page, bytes), path

    def test_pages_depend_on_project_and_serial_alone(self) -> None:
        writer = self.make()
        first = [self.pages(writer, project) for project in self.projects]
        again = [self.pages(writer, project) for project in reversed(list(self.projects))][::-1]
        assert first == again == [self.pages(self.make(), project) for project in self.projects]
        assert checks.in_threads(lambda: [self.pages(writer, project) for project in self.projects]) == [first] * 12

    def test_a_serial_that_it_reads_is_the_one_that_it_wrote(self) -> None:
        writer = self.make()
        found = [page for project in self.projects for page in self.pages(writer, project).values()]
        if writer.root is not None:
            found.append(b"".join(writer.projects(self.entries(writer), _SERIAL)))
        assert {writer.serial(page) for page in found} <= {_SERIAL, None}
        assert writer.serial(b"") is None
        assert writer.serial(b"another page") is None

    def test_the_page_about_all_projects_depends_on_its_entries_alone(self) -> None:
        writer = self.make()
        if writer.root is None:
            return
        blocks = list(checked_blocks(writer, writer.projects(iter(self.entries(writer)), _SERIAL)))
        assert b"".join(blocks) == b"".join(writer.projects(iter(self.entries(writer)), _SERIAL))
        assert b"".join(writer.projects(iter(()), _SERIAL)) != b"".join(blocks), "it does not list the projects"
