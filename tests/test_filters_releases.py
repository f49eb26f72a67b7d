"""Filters on releases: specifiers, prereleases, latest_releases, yanked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from zope.interface.verify import verifyObject

from pypimirror.errors import ConfigurationError
from pypimirror.filters.releases import LatestReleases, Prereleases, Specifiers, Yanked
from pypimirror.interfaces import IFilter
from support.filter_inputs import configured, file, names, project, releases, versions

PLONE = releases("Plone", "5.2", "6.0", "6.0.1", "6.1a1", "6.1", "7.0a1", "7.0", "trunk")._replace(name="plone")


@pytest.mark.parametrize(("lines", "expected"), [
    ("Plone >=6.0,<7", ["6.0", "6.0.1", "6.1a1", "6.1"]),
    ("Plone>=6.0,<7", ["6.0", "6.0.1", "6.1a1", "6.1"]),
    ("plone ==6.0.*", ["6.0", "6.0.1"]),
    ("PLONE ~=6.0", ["6.0", "6.0.1", "6.1a1", "6.1"]),
    ("Plone ==5.2.0\nPlone >=7", ["5.2", "7.0"]),
    ("Plone !=6.1", ["5.2", "6.0", "6.0.1", "6.1a1", "7.0a1", "7.0"]),
    ("Plone >=6\nPlone <6", ["5.2", "6.0", "6.0.1", "6.1a1", "6.1", "7.0a1", "7.0"]),
    ("Zope >=6.0,<7\n# Plone ==9", ["5.2", "6.0", "6.0.1", "6.1a1", "6.1", "7.0a1", "7.0", "trunk"]),
])
def test_specifiers_keep_the_versions_that_a_line_takes(lines, expected):
    assert versions(Specifiers(configured(specifiers=lines)).select(PLONE)) == expected


def test_a_file_that_tells_no_version_is_in_no_range():
    odd = project("plone", "docs.zip", "Plone-6.0.zip")
    assert names(Specifiers(configured(specifiers="Plone >=1")).select(odd)) == ["Plone-6.0.zip"]


@pytest.mark.parametrize("line", ["Plone >=6.0,<", "Plone = 6", ">=6", "Plone[test] >=6", "Plone >=6; python_version > '3'",
                                  "Plone @ https://files.example.com/Plone-6.zip"])
def test_a_line_that_is_no_specifier_is_refused(line):
    with pytest.raises(ConfigurationError) as caught:
        configured(specifiers=f"Zope >=5\n{line}")
    assert "specifiers" in str(caught.value) and line in str(caught.value).replace('"', "'") and "\n" not in str(caught.value)


def test_prereleases_are_left_out_on_demand():
    project = releases("foo", "1.0a1", "1.0b2", "1.0rc1", "1.0.dev3", "1.0", "1.0.post1", "1.0.post1.dev2", "snapshot")
    assert versions(Prereleases(configured(prereleases="False")).select(project)) == ["1.0", "1.0.post1", "snapshot"]


@pytest.mark.parametrize(("keep", "given", "expected"), [
    (1, ["1.0", "2.0"], ["2.0"]),
    (2, ["10.0", "9.0", "1.0", "2.0"], ["10.0", "9.0"]),
    (1, ["1.0", "2.0", "3.0a1"], ["2.0", "3.0a1"]),
    (2, ["0.9a1", "1.0a1", "1.0", "2.0a1", "2.0", "3.0.dev1"], ["1.0", "2.0a1", "2.0", "3.0.dev1"]),
    (1, ["1.0a1", "1.0a2"], ["1.0a1", "1.0a2"]),
    (3, ["0.1a1", "1.0", "2.0"], ["0.1a1", "1.0", "2.0"]),
    (1, ["1.0", "1.0.post1"], ["1.0.post1"]),
    (1, ["1!0.1", "2024.1"], ["1!0.1"]),
    (2, ["trunk", "snapshot-2", "1.0"], ["trunk", "1.0"]),
    (1, ["trunk", "1.0"], ["1.0"]),
    (2, ["snapshot-9", "snapshot-10", "snapshot-2"], ["snapshot-9", "snapshot-10"]),
    (1, ["snapshot-007", "snapshot-08"], ["snapshot-08"]),
    (1, ["1" * 5000, "2" * 5000, "3" * 4999], ["2" * 5000]),
])
def test_the_newest_releases_stay(keep, given, expected):
    latest = LatestReleases(configured(latest_releases=str(keep)))
    assert versions(latest.select(releases("foo", *given))) == expected


def test_yanked_releases_do_not_count():
    found = project("foo", "foo-1.0.zip", "foo-2.0.zip", file("foo-3.0.zip", yanked="broken"),
                    file("foo-2.0.tar.gz", yanked=True), file("foo-0.9.zip", yanked=True))
    latest = LatestReleases(configured(latest_releases="1"))
    assert names(latest.select(found)) == ["foo-2.0.zip", "foo-3.0.zip", "foo-2.0.tar.gz"]


def test_all_files_of_a_release_count_as_one():
    found = project("foo", "foo-1.0.zip", "foo-2.0.zip", "foo-2.0.0-py3-none-any.whl", "foo-2-py2.7.egg", "foo-1.5.tar.gz")
    latest = LatestReleases(configured(latest_releases="2"))
    assert names(latest.select(found)) == ["foo-2.0.zip", "foo-2.0.0-py3-none-any.whl", "foo-2-py2.7.egg", "foo-1.5.tar.gz"]


def test_files_that_tell_no_version_are_not_older_than_others():
    found = project("foo", "foo-1.0.zip", "foo-2.0.zip", "docs.zip")
    assert names(LatestReleases(configured(latest_releases="1")).select(found)) == ["foo-2.0.zip", "docs.zip"]


def test_yanked_files_are_hidden_on_demand():
    found = project("foo", "foo-1.0.zip", file("foo-2.0.zip", yanked=True), file("foo-3.0.zip", yanked="why"),
                    file("foo-4.0.zip", yanked=""))
    assert names(Yanked(configured(yanked="hide")).select(found)) == ["foo-1.0.zip"]
    assert not Yanked(configured(yanked="keep")).active


def test_yanked_takes_two_words():
    with pytest.raises(ConfigurationError, match="yanked = 'drop': must be one of keep, hide"):
        configured(yanked="drop")


FILTERS = {
    Specifiers: {"specifiers": "foo >=1,<3"},
    Prereleases: {"prereleases": "False"},
    LatestReleases: {"latest_releases": "2"},
    Yanked: {"yanked": "hide"},
}


@pytest.mark.parametrize("factory", FILTERS)
def test_the_contract_is_kept(factory):
    component = factory(configured(**FILTERS[factory]))
    assert verifyObject(IFilter, component)
    assert component.active and not component.applies_to_pins and component.reason
    assert not factory(configured()).active


_VERSIONS = st.lists(st.one_of(
    st.builds("{}.{}{}".format, st.integers(0, 3), st.integers(0, 3), st.sampled_from(("", "a1", "rc1", ".post1", ".dev0"))),
    st.sampled_from(("trunk", "snapshot-2"))), unique_by=lambda text: (Version(text) if text[0].isdigit() else text))
_PROJECTS = _VERSIONS.flatmap(lambda found: st.tuples(*(
    st.builds(lambda yanked, version=version: file(f"foo-{version}.tar.gz", yanked=yanked), st.booleans()) for version in found
))).map(lambda files: project("foo", *files))


@pytest.mark.parametrize("factory", FILTERS)
@given(found=_PROJECTS)
def test_what_stays_is_a_part_and_stays_again(factory, found):
    component = factory(configured(**FILTERS[factory]))
    once = tuple(component.select(found))
    assert set(names(once)) <= set(names(found.files))
    assert tuple(component.select(found._replace(files=once))) == once
    backwards = tuple(component.select(found._replace(files=found.files[::-1])))
    assert backwards == once[::-1]


@given(_PROJECTS)
def test_of_filters_that_count_nothing_the_order_is_free(found):
    def after(*factories):
        files = found.files
        for factory in factories:
            files = tuple(factory(configured(**FILTERS[factory])).select(found._replace(files=files)))
        return files

    expected = after(Specifiers, Prereleases, Yanked)
    assert after(Yanked, Specifiers, Prereleases) == after(Prereleases, Yanked, Specifiers) == expected
