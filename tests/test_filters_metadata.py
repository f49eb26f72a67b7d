"""Releases chosen by core metadata."""

import pytest
from zope.interface.verify import verifyObject

from pypimirror.errors import ConfigurationError, FetchError
from pypimirror.filters.metadata import MetadataExcludes, MetadataMatches
from pypimirror.interfaces import IMetadataFilter
from pypimirror.metadata.core_metadata import fields
from support.filter_inputs import configured, file, names, project

ZPL = b"""Metadata-Version: 2.1
Name: foo
Version: 1.0
License: ZPL-2.1
Classifier: Framework :: Plone :: 6.0
Classifier: License :: OSI Approved :: Zope Public License
Summary: Says what it is
  over two lines

License: GPL in the description
"""
GPL = "Metadata-Version: 2.4\nName: foo\nVersion: 2.0\nLicense-Expression: GPL-3.0-or-later\nAuthor: Zoë\n".encode()
TEXTS = {"foo-1.0-py3-none-any.whl": ZPL, "foo-2.0-py3-none-any.whl": GPL}
FOO = project("foo", "foo-1.0.tar.gz", file("foo-1.0-py3-none-any.whl", core_metadata=True),
              file("foo-2.0-py3-none-any.whl", core_metadata=True), "foo-2.0.tar.gz", "foo-3.0.tar.gz", "odd.zip")
FIRST = ["foo-1.0.tar.gz", "foo-1.0-py3-none-any.whl"]
SECOND = ["foo-2.0-py3-none-any.whl", "foo-2.0.tar.gz"]
UNKNOWN = ["foo-3.0.tar.gz", "odd.zip"]


def read(found):
    return TEXTS.get(found.filename)


@pytest.mark.parametrize(("lines", "expected"), [
    ("License: ZPL*", FIRST),
    ("license: zpl-2.1", FIRST),
    ("License: ZPL", []),
    ("Classifier: Framework :: Plone*", FIRST),
    ("License-Expression: *GPL*", SECOND),
    ("License: GPL*", []),
    ("Summary: *what it is over two*", FIRST),
    ("Author: Zo\u00eb", SECOND),
    ("License: ZPL*\n# one more\nLicense-Expression: GPL*", FIRST + SECOND),
    ("Name: *", FIRST + SECOND),
])
def test_lines_take_releases_and_leave_them_out(lines, expected):
    assert names(MetadataMatches(configured(metadata_matches=lines)).select(FOO, read)) == expected
    left = names(MetadataExcludes(configured(metadata_excludes=lines)).select(FOO, read))
    assert left == [name for name in FIRST + SECOND + UNKNOWN if name not in expected]


def test_without_metadata_nothing_matches():
    assert names(MetadataMatches(configured(metadata_matches="Name: *")).select(FOO)) == []
    assert names(MetadataExcludes(configured(metadata_excludes="Name: *")).select(FOO)) == names(FOO.files)


def test_each_release_is_read_once_from_the_file_that_has_metadata():
    asked = []

    def counting(found):
        asked.append(found.filename)
        return read(found)

    MetadataMatches(configured(metadata_matches="Name: *")).select(FOO, counting)
    assert asked == [FIRST[1], SECOND[0], *UNKNOWN]


def test_files_of_which_upstream_says_that_they_have_metadata_come_first():
    asked = []

    def reading(found):
        asked.append(found.filename)
        return ZPL

    found = project("foo", "foo-1.0-py3-none-any.whl", file("foo-1.0.tar.gz", core_metadata={"sha256": "0" * 64}))
    MetadataExcludes(configured(metadata_excludes="Name: *")).select(found, reading)
    assert asked == ["foo-1.0.tar.gz"]


def test_what_goes_wrong_while_reading_is_passed_on():
    def failing(found):
        raise FetchError("https://files.example.com/foo.metadata", "404")

    with pytest.raises(FetchError):
        MetadataExcludes(configured(metadata_excludes="Name: *")).select(FOO, failing)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", b"no field at all", b"\n\nbody", b"Name", b": value\n"])
def test_no_metadata_makes_it_fail(text):
    assert isinstance(fields(text), dict)


@pytest.mark.parametrize("line", ["License", "License:", ": ZPL", "Li cense: x"])
def test_a_line_that_is_no_field_and_pattern_is_refused(line):
    with pytest.raises(ConfigurationError, match="metadata_matches"):
        configured(metadata_matches=f"Name: foo\n{line}")


@pytest.mark.parametrize("factory", [MetadataMatches, MetadataExcludes])
def test_the_contract_is_kept(factory):
    component = factory(configured(metadata_matches="Name: *", metadata_excludes="Name: *"))
    assert verifyObject(IMetadataFilter, component)
    assert component.active and not component.applies_to_pins
    assert not factory(configured()).active
