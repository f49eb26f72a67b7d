"""Core metadata from elsewhere: fields, or an error of our own."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pypimirror.metadata.core_metadata import check_release, fields, parse_email
from pypimirror.metadata.errors import InvalidContent
from support.flat_directories import info
from support.resource_limits import bounded

GOOD = info("Demo.Pkg", "1.0", "Requires-Dist: a (>1)", "Classifier: x", "Classifier: y").encode() + b"\nwords\n"


def test_fields_are_read() -> None:
    assert fields(GOOD)["classifier"] == ["x", "y"]
    assert fields(b"Summary: a\n  b\n\nName: no\n") == {"summary": ["a b"]}
    assert parse_email(GOOD)[0]["requires_dist"] == ["a (>1)"]


@pytest.mark.parametrize("extra", [
    b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x--\n", b"Summary: =?utf-8?b?a?= \xff\n",
    b"Keywords: =?x-unknown?b?YQ==?= \xff\n", b"Content-Transfer-Encoding: base64\n\n\xff!!\n", b"Project-URL: a\n",
    b"Content-Type: message/rfc822\n\nA: b\n"])
def test_mail_in_the_place_of_metadata_is_read_or_refused(extra: bytes) -> None:
    for read in (fields, parse_email):
        try:
            read(GOOD.partition(b"\n\n")[0] + b"\n" + extra)
        except InvalidContent as error:
            assert str(error).isprintable()


def test_metadata_is_held_against_name_and_version_of_the_file() -> None:
    for filename in ("demo_pkg-1.0-py3-none-any.whl", "Demo.Pkg-1.0.0.tar.gz"):
        check_release(GOOD, "demo-pkg", filename)
    for content in (b"", b"<!DOCTYPE html><html>Name: log in</html>", info("other", "1.0").encode(),
                    info("demo-pkg", "2").encode(),
                    b"Name: demo-pkg\n", b"Version: 1.0\n"):
        with pytest.raises(InvalidContent, match=r"not the metadata of demo_pkg-1\.0-py3-none-any\.whl"):
            check_release(content, "demo-pkg", "demo_pkg-1.0-py3-none-any.whl")


@given(st.one_of(st.binary(max_size=300), st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=40)).map(
    lambda change: GOOD[:change[0]] + change[1] + GOOD[change[0]:])))
@example(b"Content-Type: multipart/mixed\n\n")
def test_arbitrary_and_mutated_metadata_raise_nothing_but_our_error(content: bytes) -> None:
    for read in (fields, parse_email, lambda text: check_release(text, "demo-pkg", "demo_pkg-1.0.tar.gz")):
        try:
            read(content)
        except InvalidContent as error:
            assert str(error).isprintable()


@pytest.mark.parametrize("unit", ["A: b\n", "A:\n ", " b\n", ":", "=?utf-8?q?", "Name: =?x?b?", "A: \xff\n", "\r"])
@pytest.mark.heavy
def test_large_metadata_take_little_memory(unit: str) -> None:
    content = unit.encode("latin-1") * ((16 << 20) // len(unit))

    def read() -> None:
        for reader in (fields, parse_email):
            try:
                reader(content)
            except InvalidContent as error:
                assert "Memory" not in str(error)

    bounded(read, memory=600 << 20)
