"""Filters and pins together."""

import re
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface import implementer

from pypimirror.errors import ConfigurationError
from pypimirror.filters.advisories import Malicious, Vulnerable
from pypimirror.filters.age import MinAge, UploadedBefore
from pypimirror.filters.compatibility import Compatibility
from pypimirror.filters.decisions import Denied, OnlyAllowed
from pypimirror.filters.files import FilenameExcludes, FilenameMatches, MaxFileSize, PackageTypes
from pypimirror.filters.metadata import MetadataExcludes, MetadataMatches
from pypimirror.filters.packages import PackageExcludes, PackageMatches
from pypimirror.filters.publishers import Publishers
from pypimirror.filters.releases import LatestReleases, Prereleases, Specifiers, Yanked
from pypimirror.filters.sdists import Sdists
from pypimirror.interfaces import IFilter
from pypimirror.selected import LeftOut, Selected, Unmet
from pypimirror.selection import Selection
from pypimirror.zcml import registry
from support.filter_inputs import configured, file, names, project, releases, versions

FACTORIES = {
    "malicious": Malicious, "deny": Denied, "filename-matches": FilenameMatches, "filename-excludes": FilenameExcludes,
    "package-types": PackageTypes, "max-file-size": MaxFileSize, "compatibility": Compatibility, "specifiers": Specifiers,
    "allow": OnlyAllowed,
    "prereleases": Prereleases, "yanked": Yanked, "uploaded-before": UploadedBefore, "min-age": MinAge,
    "vulnerable": Vulnerable, "publishers": Publishers, "metadata-matches": MetadataMatches,
    "metadata-excludes": MetadataExcludes, "sdists": Sdists,
    "latest-releases": LatestReleases,
}


def selection(pins=None, **texts: str) -> Selection:
    """Make the selection of a mirror with these keys."""
    settings = configured(**texts)
    filters = {name: FACTORIES[name](settings) for name in FACTORIES}
    return Selection((PackageMatches(settings), PackageExcludes(settings)), filters,
                     {name: frozenset(found) for name, found in (pins or {}).items()})


def test_a_matched_project_is_taken_whole():
    foo = releases("foo", "1.0", "2.0a1", "2.0")
    assert selection(package_matches="foo").select(foo) == Selected(foo.files)


def test_a_pinned_project_is_taken_in_its_pinned_releases():
    found = selection({"foo": ["2"]}).select(releases("foo", "1.0", "2.0a1", "2.0", "2.0.1"))
    assert versions(found.files) == ["2.0"]
    assert {(left.reason, left.filter) for left in found.left_out} == {("not pinned", "")}
    assert found.unmet == ()


def test_several_versions_may_be_pinned():
    found = selection({"foo": ["1.0", "2.0.1"]}).select(releases("foo", "1.0", "2.0", "2.0.1"))
    assert versions(found.files) == ["1.0", "2.0.1"]


def test_a_project_that_is_pinned_and_matched_is_taken_whole():
    foo = releases("foo", "1.0", "2.0")
    assert selection({"foo": ["1.0"]}, package_matches="f*").select(foo).files == foo.files


def test_excludes_win_over_pins():
    chosen = selection({"foo": ["1.0"], "bar": ["1.0"]}, package_matches="foo baz", package_excludes="f*")
    assert not chosen.wanted("foo") and chosen.wanted("bar") and chosen.wanted("baz")
    assert chosen.exact == {"bar", "baz"}
    found = chosen.select(releases("foo", "1.0"))
    assert found.files == ()
    assert [left.reason for left in found.left_out] == ["its project is not selected"]


def test_with_wildcards_only_a_list_of_all_names_tells():
    chosen = selection({"foo": ["1.0"]}, package_matches="zope.*")
    assert chosen.exact is None
    assert chosen.wanted("zope-interface") and chosen.wanted("foo") and not chosen.wanted("bar")


def test_nothing_asked_for_is_an_error():
    with pytest.raises(ConfigurationError, match=r"select everything with package_matches = \*"):
        selection().check()
    selection({"foo": ["1.0"]}).check()
    selection(package_matches="*").check()
    selection(package_matches="foo").check()


def _no_metadata(found):
    return None


ODD = project("foo", file("foo-1.0.tar.gz", upload_time="2025-01-01T00:00:00Z"), file("foo-1.1a1.tar.gz"),
              file("foo-2.0.tar.gz", yanked=True), file("foo-3.0.tar.gz", upload_time="2099-01-01T00:00:00Z"),
              file("foo-4.0.tar.gz"))


@pytest.mark.parametrize(("texts", "unpinned"), [
    ({"specifiers": "foo >=4"}, ["4.0"]),
    ({"prereleases": "False"}, ["1.0", "2.0", "3.0", "4.0"]),
    ({"yanked": "hide"}, ["1.0", "1.1a1", "3.0", "4.0"]),
    ({"min_age": "7d"}, ["1.0", "1.1a1", "2.0", "4.0"]),
    ({"uploaded_before": "2025-01-01"}, ["1.1a1", "2.0", "4.0"]),
    ({"latest_releases": "2"}, ["3.0", "4.0"]),
    ({"metadata_matches": "Name: foo"}, []),
])
def test_filters_on_releases_never_hold_back_what_is_pinned(texts, unpinned):
    every = ["1.0", "1.1a1", "2.0", "3.0", "4.0"]
    assert versions(selection(package_matches="foo", **texts).select(ODD, _no_metadata).files) == unpinned
    for pin in every:
        assert versions(selection({"foo": [pin]}, package_matches="foo", **texts).select(ODD, _no_metadata).files) == [
            version for version in every if version in {*unpinned, pin}]
        assert versions(selection({"foo": [pin]}, **texts).select(ODD).files) == [pin]


@pytest.mark.parametrize(("texts", "reason", "filter_name"), [
    ({"filename_matches": "*.zip"}, "its name matches nothing in filename_matches", "filename-matches"),
    ({"filename_excludes": "*.whl"}, "its name matches filename_excludes", "filename-excludes"),
    ({"package_types": "egg sdist"}, "not of the types egg sdist", "package-types"),
    ({"python_versions": "3.9"}, "not for Python 3.9", "compatibility"),
    ({"platforms": "win32"}, "not for win32", "compatibility"),
    ({"max_file_size": "5"}, "larger than 5 bytes", "max-file-size"),
])
def test_filters_on_files_hold_for_pins_and_a_release_without_a_file_is_told(texts, reason, filter_name):
    wheel = file("foo-1.0-cp311-cp311-win_amd64.whl", size=6)
    found = selection({"foo": ["1", "9.9"]}, **texts).select(project("foo", wheel))
    assert found.files == ()
    assert found.left_out == (LeftOut(wheel, reason, filter_name),)
    assert found.unmet == (Unmet("1", (reason,)), Unmet("9.9"))


def test_each_file_left_out_names_the_filter_that_left_it_out_first():
    found = selection(package_matches="foo", specifiers="foo <4", prereleases="False", latest_releases="1").select(ODD)
    assert versions(found.files) == ["3.0"]
    assert [(versions([left.file])[0], left.filter) for left in found.left_out] == [
        ("4.0", "specifiers"), ("1.1a1", "prereleases"), ("1.0", "latest-releases"), ("2.0", "latest-releases")]


def test_pinned_releases_count_among_the_newest():
    chosen = selection({"foo": ["4.0"]}, package_matches="foo", latest_releases="2")
    assert versions(chosen.select(releases("foo", "1.0", "2.0", "3.0", "4.0")).files) == ["3.0", "4.0"]


def test_a_pin_that_another_filter_holds_back_displaces_nothing():
    texts = {"package_matches": "foo", "latest_releases": "2", "yanked": "hide", "min_age": "7d"}
    assert versions(selection(**texts).select(ODD).files) == ["1.0", "1.1a1", "4.0"]
    assert versions(selection({"foo": ["2.0", "3.0"]}, **texts).select(ODD).files) == ["1.0", "1.1a1", "2.0", "3.0", "4.0"]


def test_it_is_known_when_the_answer_changes():
    chosen = selection(package_matches="foo", min_age="7d")
    assert chosen.select(ODD).due == datetime(2099, 1, 8, tzinfo=timezone.utc).timestamp()
    assert selection(package_matches="foo").select(ODD).due is None
    assert selection({"foo": ["3.0"]}, min_age="7d").select(ODD).due is None


def test_of_several_filters_the_one_that_changes_first_counts():
    week, month = MinAge(configured(min_age="7d")), MinAge(configured(min_age="30d"))
    never = MinAge(configured(min_age="1d", min_age_exempt="foo"))
    due = datetime(2099, 1, 8, tzinfo=timezone.utc).timestamp()
    assert Selection((), {"week": week, "month": month}).select(ODD).due == due
    assert Selection((), {"week": week, "never": never}).select(ODD).due == due
    # The filter behind never sees what the first one holds back.
    assert Selection((), {"month": month, "week": week}).select(ODD).due == due + 23 * 86400


def test_metadata_is_read_through_what_the_caller_passes():
    chosen = selection(package_matches="foo", metadata_excludes="License: GPL*")
    found = chosen.select(ODD, lambda file: b"License: GPL\n" if "4.0" in file.filename else None)
    assert [left.file.filename for left in found.left_out] == ["foo-4.0.tar.gz"]


def test_without_a_way_to_read_metadata_nothing_is_taken_for_unwanted():
    with pytest.raises(ConfigurationError, match="the filter metadata-matches needs core metadata"):
        selection(package_matches="foo", metadata_matches="Name: foo").select(ODD)


def test_a_filter_without_anything_to_do_is_never_asked():
    @implementer(IFilter)
    class Idle:
        active = False
        applies_to_pins = True
        reason = "idle"

        def select(self, project):
            raise AssertionError("asked")

    foo = releases("foo", "1.0")
    assert Selection((), {"idle": Idle()}).select(foo).files == foo.files


def test_a_filter_can_not_add_to_a_project():
    @implementer(IFilter)
    class Adding:
        active = True
        applies_to_pins = True
        reason = "nothing"

        def select(self, project):
            return reversed([*project.files, *added])

    foo = releases("foo", "1.0", "2.0")
    added = []
    assert Selection((), {"adding": Adding()}).select(foo).files == foo.files
    added = [file("evil-1.0.tar.gz")]
    with pytest.raises(ValueError, match=r"select returned 'evil-1.0.tar.gz', which is not among the files that it was given"):
        Selection((), {"adding": Adding()}).select(foo)


@pytest.mark.parametrize(("result", "message"), [
    (None, "select returned None, not files"),
    (["foo-1.0.tar.gz"], "select returned 'foo-1.0.tar.gz' among the files; return the files that it was given"),
    ([None], "select returned None among the files; return the files that it was given"),
    (True, "select returned True, not files"),
    ("foo-1.0.tar.gz", "select returned 'f' among the files; return the files that it was given")])
@pytest.mark.parametrize("applies_to_pins", [True, False])
def test_a_filter_that_returns_anything_but_files_is_refused(result, message, applies_to_pins):
    @implementer(IFilter)
    class Wrong:
        active = True
        reason = "nothing"

        def select(self, project):
            return result

    Wrong.applies_to_pins = applies_to_pins
    foo = releases("foo", "1.0", "2.0")
    made = Selection((), {"wrong": Wrong()})
    for call in [made.select, made.requirable][:2 if applies_to_pins else 1]:
        with pytest.raises(TypeError, match=re.escape(message)):
            call(foo)


def test_filters_run_in_the_order_of_their_registration():
    assert registry.names(registry.load(), IFilter) == tuple(FACTORIES)


_FILE = st.builds(
    lambda version, suffix, facts: file(f"foo-{version}{suffix}", **facts),
    st.sampled_from(("1.0", "1.1a1", "2.0", "2.1", "3.0.dev1", "3.0", "trunk")),
    st.sampled_from((".tar.gz", "-py3-none-any.whl", "-cp311-cp311-win_amd64.whl", "-py2.7.egg")),
    st.fixed_dictionaries({"yanked": st.sampled_from((False, True, "why")), "size": st.sampled_from((None, 10, 10_000)),
                           "upload_time": st.sampled_from((None, "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"))}))
_PROJECTS = st.lists(_FILE, max_size=10, unique_by=lambda found: found.filename).map(lambda files: project("foo", *files))
_TEXTS = st.fixed_dictionaries({}, optional={
    "package_matches": st.just("f*"), "specifiers": st.just("foo >=1.1"), "latest_releases": st.sampled_from("12"),
    "prereleases": st.just("False"), "yanked": st.just("hide"), "min_age": st.just("7d"),
    "uploaded_before": st.just("2050-01-01"), "package_types": st.sampled_from(("wheel", "sdist egg")),
    "python_versions": st.just("3.11"), "platforms": st.just("win32"),
    "max_file_size": st.just("1K"), "filename_excludes": st.just("*.egg"),
})
_PINS = st.frozensets(st.sampled_from(("1.0", "2.0", "3.0.dev1", "9.9")), max_size=2)


@given(_PROJECTS, _TEXTS, _PINS)
@pytest.mark.heavy
def test_every_file_is_either_taken_or_left_out_with_a_reason(found, texts, pins):
    chosen = selection({"foo": pins} if pins else {}, **texts)
    selected = chosen.select(found)
    left = names(each.file for each in selected.left_out)
    assert sorted(names(selected.files) + left) == sorted(names(found.files))
    assert names(selected.files) == [name for name in names(found.files) if name not in left]
    assert all(each.reason for each in selected.left_out)


@given(_PROJECTS, _TEXTS, _PINS)
def test_pins_lose_files_to_filters_on_files_alone(found, texts, pins):
    chosen = selection({"foo": pins} if pins else {}, **texts)
    on_files = {name for name, factory in FACTORIES.items() if factory(configured()).applies_to_pins}
    selected = chosen.select(found)
    for left in selected.left_out:
        if versions([left.file])[0].partition("-")[0] in pins:
            assert left.filter in on_files
    assert {unmet.version for unmet in selected.unmet} == {
        pin for pin in pins if not any(each.filename.startswith((f"foo-{pin}.tar", f"foo-{pin}-")) for each in selected.files)}


@given(_PROJECTS, _TEXTS, _PINS)
def test_what_was_selected_is_selected_again(found, texts, pins):
    chosen = selection({"foo": pins} if pins else {}, **texts)
    once = chosen.select(found).files
    assert chosen.select(found._replace(files=once)).files == once


@given(_PROJECTS, _TEXTS, _PINS)
def test_pins_add_and_never_take_away(found, texts, pins):
    without = selection({}, **texts).select(found).files
    assert set(names(without)) <= set(names(selection({"foo": pins} if pins else {}, **texts).select(found).files))
