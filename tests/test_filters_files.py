"""Filters on files and their upload times: package_types, max_file_size, min_age, uploaded_before."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from pypimirror.errors import ConfigurationError
from pypimirror.filters.age import MinAge, UploadedBefore, uploaded
from pypimirror.filters.files import MaxFileSize, PackageTypes
from pypimirror.interfaces import IFilter, ITimedFilter
from support.filter_inputs import configured, file, names, project

KINDS = project("foo", "foo-1.0.tar.gz", "foo-1.0-py3-none-any.whl", "foo-1.0-py2.7.egg", "foo-1.0.win32-py2.7.exe",
                "foo-1.0.linux-x86_64.tar.gz", "foo-1.0.zip", "foo-1.0.win32-py2.7.msi")
NOW = datetime(2025, 6, 15, 12, tzinfo=timezone.utc).timestamp()
DAY = 86400.0


@pytest.mark.parametrize(("types", "expected"), [
    ("wheel", [1]),
    ("sdist", [0, 5]),
    ("wheel sdist", [0, 1, 5]),
    ("egg\nwininst", [2, 3]),
    ("dumb msi", [4, 6]),
])
def test_files_of_the_named_types_stay(types, expected):
    kept = names(PackageTypes(configured(package_types=types)).select(KINDS))
    assert kept == [KINDS.files[index].filename for index in expected]


def test_an_unknown_type_is_refused():
    with pytest.raises(ConfigurationError, match=r"package_types = 'wheel tarball': must be some of sdist, .*, not 'tarball'"):
        configured(package_types="wheel tarball")


def test_larger_files_are_left_out_and_unsized_ones_stay():
    found = project("foo", file("a.zip", size=1024), file("b.zip", size=1025), file("c.zip"), file("d.zip", size=0))
    assert names(MaxFileSize(configured(max_file_size="1K")).select(found)) == ["a.zip", "c.zip", "d.zip"]


@pytest.mark.parametrize(("text", "seconds"), [("7d", 7 * DAY), ("P7D", 7 * DAY), ("7", 7 * DAY), ("1d12h", 1.5 * DAY),
                                               ("PT12H", DAY / 2),
                                               ("2W", 14 * DAY), ("P1DT6H", 1.25 * DAY), ("0", 0)])
def test_durations_are_read_in_three_ways(text, seconds):
    assert configured(min_age=text)["min_age"] == seconds


@pytest.mark.parametrize("text", ["P", "7x", "-1d", "P1M", "1.5", "week", "36501", "PT"])
def test_other_durations_are_refused(text):
    with pytest.raises(ConfigurationError, match="min_age"):
        configured(min_age=text)


FRESH = project("foo", file("old-1.zip", upload_time="2025-06-01T00:00:00.000000Z"),
                file("new-1.zip", upload_time="2025-06-10T00:00:00Z"),
                file("newer-1.zip", upload_time="2025-06-14T23:59:59.999999Z"), file("timeless-1.zip"),
                file("future-1.zip", upload_time="2031-01-01T00:00:00Z"), file("odd-1.zip", upload_time="yesterday"))


def aged(now: float = NOW, **texts: str) -> MinAge:
    return MinAge(configured(**texts), clock=lambda: now)


def test_new_uploads_are_held_back():
    assert names(aged(min_age="7d").select(FRESH)) == ["old-1.zip", "timeless-1.zip", "odd-1.zip"]
    assert names(aged(min_age="1d").select(FRESH)) == ["old-1.zip", "new-1.zip", "timeless-1.zip", "odd-1.zip"]


def test_exempt_projects_are_not_held_back():
    held = aged(min_age="7d", min_age_exempt="Foo.* plone")
    assert names(held.select(FRESH._replace(name="foo-bar"))) == names(FRESH.files)
    assert held.next_change(FRESH._replace(name="foo-bar")) is None
    assert len(names(held.select(FRESH))) == 3


def test_it_is_known_when_the_next_upload_is_old_enough():
    due = aged(min_age="7d").next_change(FRESH)
    assert due == datetime(2025, 6, 17, tzinfo=timezone.utc).timestamp()
    assert "new-1.zip" in names(aged(due, min_age="7d").select(FRESH))
    assert aged(min_age="7d").next_change(project("foo", "foo-1.0.zip")) is None


@given(st.lists(st.integers(0, 40), max_size=6), st.integers(1, 20))
def test_nothing_changes_before_it_is_due_and_something_does_then(days, age):
    times = (datetime.fromtimestamp(NOW - day * DAY, timezone.utc).isoformat() for day in days)
    found = project("foo", *(file(f"foo-{index}.zip", upload_time=time) for index, time in enumerate(times)))
    before = names(aged(NOW, min_age=str(age)).select(found))
    due = aged(NOW, min_age=str(age)).next_change(found)
    if due is None:
        assert before == names(found.files)
    else:
        assert due > NOW
        assert names(aged(due - 1, min_age=str(age)).select(found)) == before
        assert len(names(aged(due, min_age=str(age)).select(found))) > len(before)


@pytest.mark.parametrize(("moment", "expected"), [
    ("2025-06-10", ["old-1.zip", "timeless-1.zip", "odd-1.zip"]),
    ("2025-06-11", ["old-1.zip", "new-1.zip", "timeless-1.zip", "odd-1.zip"]),
    ("2025-06-10T00:00:01Z", ["old-1.zip", "new-1.zip", "timeless-1.zip", "odd-1.zip"]),
    ("2025-06-10T02:00:00+02:00", ["old-1.zip", "timeless-1.zip", "odd-1.zip"]),
])
def test_a_snapshot_keeps_what_was_uploaded_before(moment, expected):
    assert names(UploadedBefore(configured(uploaded_before=moment)).select(FRESH)) == expected


@pytest.mark.parametrize("moment", ["yesterday", "2025-13-01", "01.02.2025", "20250630T99"])
def test_a_moment_that_is_none_is_refused(moment):
    with pytest.raises(ConfigurationError, match=r"uploaded_before .* must be an ISO date"):
        configured(uploaded_before=moment)


@pytest.mark.parametrize("text", ["2025-06-15T12:00:00Z", "2025-06-15T12:00:00", "2025-06-15T12:00:00.0Z",
                                  "2025-06-15T12:00:00.000000000Z",
                                  "2025-06-15T14:00:00+02:00", "2025-06-15T12:00:00z"])
def test_upload_times_are_read_as_indexes_write_them(text):
    assert uploaded(file("foo-1.zip", upload_time=text)) == NOW


@pytest.mark.parametrize(("factory", "contract", "applies_to_pins", "texts"), [
    (PackageTypes, IFilter, True, {"package_types": "wheel"}),
    (MaxFileSize, IFilter, True, {"max_file_size": "1M"}),
    (MinAge, ITimedFilter, False, {"min_age": "7"}),
    (UploadedBefore, IFilter, False, {"uploaded_before": "2025-01-01"}),
])
def test_the_contract_is_kept(factory, contract, applies_to_pins, texts):
    component = factory(configured(**texts))
    assert verifyObject(contract, component)
    assert component.active and component.applies_to_pins == applies_to_pins and component.reason
    assert not factory(configured()).active
