"""The contracts of filters and name filters as tests."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from ..filters.results import as_read_only, checked_filenames
from ..interfaces import IExactNames, IFilter, IMetadataFilter, INameFilter, ITimedFilter, IUploadTimeFilter, IWrittenNames
from ..model import File, Project
from ..names import normalize
from . import checks

_METADATA = b"Metadata-Version: 2.1\nName: zope.interface\nVersion: 6.0\nLicense: ZPL 2.1\n"


class FilterContract:
    """The tests of an ``IFilter``; ``make`` returns an active one. Derived classes have names that begin with ``Test``."""

    #: The projects that the filter gets. Add some that it treats differently.
    projects: Iterable[Project] = checks.PROJECTS

    def make(self) -> Any:
        """Return a new filter that the settings enable."""
        raise NotImplementedError

    def select(self, component: Any, project: Project) -> set[str]:
        """Return the names of the selected files. Raises TypeError, ValueError if these are not files of the project."""
        given = as_read_only(component, project)
        return checked_filenames(component, given, component.select(given, *self._metadata(component)))

    def test_it_provides_its_interface(self) -> None:
        component = self.make()
        checks.implements(component, IFilter)
        assert component.active is True
        assert component.applies_to_pins in (True, False)
        assert isinstance(component.reason, str) and component.reason.isprintable() and component.reason

    def test_it_selects_from_the_files_that_it_gets(self) -> None:
        component = self.make()
        for project in self.projects:
            self.select(component, project)
        assert self.select(component, Project("empty")) == set()

    def test_the_result_depends_on_the_project_alone(self) -> None:
        component = self.make()
        first = [self.select(component, project) for project in self.projects]
        again = [self.select(component, project) for project in reversed(list(self.projects))][::-1]
        assert first == again == [self.select(self.make(), project) for project in self.projects]

    def test_threads_can_share_it(self) -> None:
        component = self.make()
        expected = [self.select(component, project) for project in self.projects]
        for found in checks.in_threads(lambda: [self.select(component, project) for project in self.projects]):
            assert found == expected

    def test_a_timed_filter_changes_in_the_future(self) -> None:
        component = self.make()
        if ITimedFilter.providedBy(component):
            for project in self.projects:
                now = time.time()
                moment = component.next_change(project)
                assert moment is None or moment > now, f"next_change returned {moment!r} for {project.name}"

    def test_a_filter_on_upload_times_counts_the_files_without(self) -> None:
        component = self.make()
        if IUploadTimeFilter.providedBy(component):
            for project in self.projects:
                assert 0 <= component.untimed(project) <= len(project.files)

    def test_a_filter_on_metadata_passes_failures_on(self) -> None:
        component = self.make()
        if not IMetadataFilter.providedBy(component):
            return
        for project in self.projects:
            checked_filenames(component, project, component.select(project))  # no file has metadata
            asked: list[File] = []

            def failing(file: File, asked: list[File] = asked) -> bytes | None:
                asked.append(file)
                raise LookupError

            try:
                selected = list(component.select(project, failing))
            except LookupError:
                continue
            assert not asked, f"select returned {selected!r} although the metadata of {asked[0].filename} could not be read"

    def _metadata(self, component: Any) -> list[Any]:
        return [lambda file: _METADATA if file.core_metadata else None] if IMetadataFilter.providedBy(component) else []


class NameFilterContract:
    """The tests of an ``INameFilter``; ``make`` returns an active one."""

    #: The normalised names that the filter gets. Add some that it accepts, and some that it does not accept.
    names: Iterable[str] = ("plone", "plone-api", "products-cmfplone", "zope-interface", "a", "1", "x" * 200)

    def make(self) -> Any:
        """Return a new name filter that the settings enable."""
        raise NotImplementedError

    def test_it_provides_its_interface(self) -> None:
        component = self.make()
        checks.implements(component, INameFilter)
        assert component.active is True
        assert component.applies_to_pins in (True, False)

    def test_it_answers_with_a_boolean_that_depends_on_the_name_alone(self) -> None:
        component = self.make()
        accepted = [component(name) for name in self.names]
        assert all(isinstance(each, bool) for each in accepted), accepted
        assert accepted == [component(name) for name in reversed(list(self.names))][::-1]
        assert checks.in_threads(lambda: [component(name) for name in self.names]) == [accepted] * 12

    def test_exact_names_are_normalised_and_all_that_it_accepts(self) -> None:
        component = self.make()
        if component.exact is not None:
            assert all(name == normalize(name) for name in component.exact)
            assert {name for name in self.names if component(name)} <= component.exact
        if IExactNames.providedBy(component):
            assert all(normalize(written) == name for name, written in component.named.items())

    def test_the_expression_of_written_names_matches_all_that_it_accepts(self) -> None:
        component = self.make()
        if IWrittenNames.providedBy(component) and component.written is not None:
            for name in filter(component, self.names):
                for spelling in (name, name.replace("-", "."), name.replace("-", "_")):
                    assert re.fullmatch(component.written, spelling), spelling
            assert not re.fullmatch(component.written, '"')
