"""Files chosen by name."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from pypimirror.filters.files import FilenameExcludes, FilenameMatches
from pypimirror.interfaces import IFilter
from pypimirror.names import SUFFIXES
from support.filter_inputs import configured, names, project

PROJECT = project("foo", "foo-1.0.tar.gz", "foo-1.0.zip", "foo-1.0.tgz", "Foo-1.0-py2.7.egg", "foo-1.0-py3-none-any.whl",
                  "foo-1.0-cp311-cp311-win_amd64.whl")


@pytest.mark.parametrize(("patterns", "expected"), [
    ("*.zip *.tgz *.egg *.tar.gz *.tar.bz2", [0, 1, 2, 3]),
    ("*.whl", [4, 5]),
    ("foo*", [0, 1, 2, 4, 5]),
    ("[fF]oo-*.egg *-win_*.whl", [3, 5]),
    ("*.WHL", []),
    ("foo-1.0.zip", [1]),
    ("*", [0, 1, 2, 3, 4, 5]),
    ("*.t?z", [2]),
])
def test_matches_keep_what_a_pattern_means(patterns, expected):
    matches = FilenameMatches(configured(filename_matches=patterns))
    assert matches.active
    assert names(matches.select(PROJECT)) == [PROJECT.files[index].filename for index in expected]


@pytest.mark.parametrize(("patterns", "expected"), [
    ("*.egg *-win*", [0, 1, 2, 4]),
    ("*.EGG", [0, 1, 2, 3, 4, 5]),
    ("*", []),
])
def test_excludes_leave_out_what_a_pattern_means(patterns, expected):
    excludes = FilenameExcludes(configured(filename_excludes=patterns))
    assert names(excludes.select(PROJECT)) == [PROJECT.files[index].filename for index in expected]


def test_by_default_nothing_has_to_be_looked_at():
    assert not FilenameMatches(configured()).active
    assert not FilenameExcludes(configured()).active
    every = project("foo", *(f"foo-1.0{suffix}" for suffix in SUFFIXES))
    assert tuple(FilenameMatches(configured()).select(every)) == every.files


@pytest.mark.parametrize("factory", [FilenameMatches, FilenameExcludes])
def test_the_contract_is_kept(factory):
    component = factory(configured(filename_excludes="*.egg"))
    assert verifyObject(IFilter, component)
    assert component.applies_to_pins


_PATTERN = st.text("ab.*?[]-!", min_size=1, max_size=6).filter(lambda text: not text.startswith("#"))


@given(st.lists(_PATTERN, min_size=1, max_size=3), st.text("ab.-[]!", min_size=1, max_size=6))
def test_patterns_mean_what_they_mean_to_fnmatch(patterns, filename):
    expected = any(fnmatchcase(filename, pattern) for pattern in patterns)
    matches = FilenameMatches(configured(filename_matches=" ".join(patterns)))
    assert bool(names(matches.select(project("a", filename)))) == expected
