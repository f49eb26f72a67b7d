"""The contracts of sources and parsers as tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import InvalidPage, ProjectNotFound
from ..interfaces import IParser, ISource
from ..model import Project, ProjectList
from ..names import normalize
from . import checks
from .index import sdist, wheel

#: The files of the upstream's projects, by name as registered.
CONTENT: Mapping[str, Mapping[str, bytes]] = {
    "Zope.Demo": dict([sdist("Zope.Demo", "1.0"), wheel("Zope.Demo", "1.0"), sdist("Zope.Demo", "2.0rc1")]),
    "other": dict([sdist("other", "0.1")]),
    "third_one": dict([wheel("third_one", "3.0")]),
}
_NAMES = {normalize(name): name for name in CONTENT}


class SourceContract:
    """The tests of an ``ISource``. Derived classes have names that begin with ``Test``.

    ``CONTENT`` of this module has the projects of the upstream: by name as registered, the content of each file by its name.
    """

    def make(self) -> Any:
        """Return a new source of an upstream with the projects of ``CONTENT``. The upstream is the same throughout a test."""
        raise NotImplementedError

    def test_it_provides_its_interface(self) -> None:
        checks.implements(self.make(), ISource)

    def test_the_list_has_normalised_names_that_are_wanted(self) -> None:
        source = self.make()
        listing = source.listing(lambda name: True)
        assert isinstance(listing, ProjectList)
        assert listing.projects.keys() == _NAMES.keys()
        assert listing.total == len(_NAMES) and not listing.unchanged
        assert all(each.display == "" or normalize(each.display) == name for name, each in listing.projects.items())
        few = source.listing(lambda name: name == "zope-demo")
        assert few.projects.keys() == {"zope-demo"} and few.total == len(_NAMES)

    def test_an_etag_may_spare_the_list(self) -> None:
        source = self.make()
        etag = source.listing(lambda name: True).etag
        again = source.listing(lambda name: True, etag)
        assert again.unchanged or again.projects.keys() == _NAMES.keys()

    def test_a_project_has_its_files(self) -> None:
        source = self.make()
        for name, registered in _NAMES.items():
            project, problems = source.project(name)
            assert isinstance(project, Project) and project.name == name and project.listed
            assert problems == ()
            assert {file.filename for file in project.files} == CONTENT[registered].keys()
            for file in project.files:
                body = CONTENT[registered][file.filename]
                assert urlsplit(file.url).scheme and not urlsplit(file.url).fragment, f"{file.url}: not absolute"
                assert file.hashes.get("sha256") in (None, hashlib.sha256(body).hexdigest())
                assert file.size in (None, len(body))
                assert file.stored is None

    def test_an_etag_may_spare_the_page(self) -> None:
        source = self.make()
        first, _ = source.project("other")
        if first.etag is not None:
            again, problems = source.project("other", first.etag)
            assert problems == () and (again is None or again.files == first.files)

    def test_a_project_that_upstream_does_not_have(self) -> None:
        checks.raises(ProjectNotFound, self.make().project, "no-such-project")

    def test_threads_can_share_it(self) -> None:
        source = self.make()
        expected = source.project("zope-demo")[0].files
        assert all(found == expected for found in checks.in_threads(lambda: source.project("zope-demo")[0].files))


class ParserContract:
    """The tests of an ``IParser``. Derived classes have names that begin with ``Test``."""

    #: Bodies that are not of this format; each is refused as a project's page.
    invalid: tuple[bytes, ...] = ()

    def make(self) -> Any:
        """Return a new parser."""
        raise NotImplementedError

    def list_page(self) -> bytes:
        """Return upstream's list, with the projects of ``CONTENT``, in this format."""
        raise NotImplementedError

    def project_page(self, name: str) -> bytes:
        """Return the page of a project of ``CONTENT``. Its links are relative: ``../../files/FILENAME``.

        name: as registered.
        """
        raise NotImplementedError

    def test_it_provides_its_interface(self) -> None:
        parser = self.make()
        checks.implements(parser, IParser)
        assert 0 <= parser.quality <= 1

    def test_the_list_may_arrive_in_any_blocks(self) -> None:
        body = self.list_page()
        for size in (1, 7, len(body)):
            reader = self.make().listing(lambda name: True)
            for block in checks.blocks(body, size):
                reader.write(block)
            found = reader.finish()
            assert found.projects.keys() == _NAMES.keys() and found.total == len(_NAMES)

    def test_names_that_are_not_wanted_are_counted_alone(self) -> None:
        reader = self.make().listing(lambda name: name == "other")
        reader.write(self.list_page())
        found = reader.finish()
        assert found.projects.keys() == {"other"} and found.total == len(_NAMES)

    def test_a_page_has_the_files_with_absolute_urls(self) -> None:
        parser = self.make()
        for name, registered in _NAMES.items():
            url = f"https://pypi.example.com/simple/{name}/"
            project, problems = parser.project(self.project_page(registered), name, url)
            assert (project.name, problems) == (name, ())
            assert {file.filename for file in project.files} == CONTENT[registered].keys()
            for file in project.files:
                assert file.url == f"https://pypi.example.com/files/{file.filename}"

    def test_other_content_is_refused(self) -> None:
        for body in self.invalid:
            checks.raises(InvalidPage, self.make().project, body, "other", "https://pypi.example.com/simple/other/")
