"""Conditional and range requests."""

import pytest

from pypimirror.serve.conditions import byte_range, is_unchanged

#: 2020-01-01 00:00:00.5 GMT
MODIFIED = 1577836800.5
DATE = "Wed, 01 Jan 2020 00:00:00 GMT"
EARLIER = "Tue, 31 Dec 2019 23:59:59 GMT"
TAG = '"a-1"'


@pytest.mark.parametrize("headers, same", [
    ({}, False),
    ({"NONE_MATCH": TAG}, True),
    ({"NONE_MATCH": f'"b", W/{TAG}'}, True),
    ({"NONE_MATCH": "*"}, True),
    ({"NONE_MATCH": '"b"'}, False),
    ({"NONE_MATCH": ""}, False),
    ({"MODIFIED_SINCE": DATE}, True),
    ({"MODIFIED_SINCE": EARLIER}, False),
    ({"MODIFIED_SINCE": "yesterday"}, False),
    ({"NONE_MATCH": '"b"', "MODIFIED_SINCE": DATE}, False),
])
def test_a_client_that_has_the_version_gets_it_no_second_time(headers, same):
    assert is_unchanged({f"HTTP_IF_{key}": value for key, value in headers.items()}, TAG, MODIFIED) is same


@pytest.mark.parametrize("header, part", [
    ("bytes=0-0", (0, 1)),
    ("bytes=2-4", (2, 5)),
    ("bytes=5-", (5, 10)),
    ("bytes=-3", (7, 10)),
    ("bytes=-30", (0, 10)),
    ("Bytes = 8 - 30", (8, 10)),
    ("bytes=0-1,4-5", None),
    ("bytes=4-2", None),
    ("bytes=-", None),
    ("bytes=a-b", None),
    ("lines=1-2", None),
    ("", None),
])
def test_one_range_is_answered_and_everything_else_gets_the_whole(header, part):
    assert byte_range({"HTTP_RANGE": header}, 10, TAG, MODIFIED) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_a_range_outside_of_the_file_is_empty(header):
    first, end = byte_range({"HTTP_RANGE": header}, 10, TAG, MODIFIED)
    assert first >= end


@pytest.mark.parametrize("condition, part", [
    (TAG, (2, 10)), (DATE, (2, 10)), ('"b"', None), (f"W/{TAG}", None), (EARLIER, None), ("nonsense", None),
])
def test_a_range_of_another_version_gets_the_whole(condition, part):
    assert byte_range({"HTTP_RANGE": "bytes=2-", "HTTP_IF_RANGE": condition}, 10, TAG, MODIFIED) == part
