"""TOML from elsewhere: what the standard parser gives, or an error of our own, in bounded memory."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pypimirror.metadata.bounded_toml import MAX_DEPTH, loads
from pypimirror.metadata.errors import InvalidContent
from support.resource_limits import bounded

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MEGABYTE = 1 << 20

PYPROJECT = """\
# [not.a.table
[build-system]
requires = ["flit_core >=3.2,<4", 'tomli; python_version < "3.11"']  # why [x.y
[project]
name = "demo"
urls."Home.Page" = "https://example.com/#a.b"
version = "1.0"
date = 1979-05-27T07:32:00.5Z
text = \"\"\"\\
  one "two" \\"\"\" [three]
  = four\"\"\"\"\"
raw = '''
'[x]' = ''''
[[tool.demo.overrides]]
a.b.c = { d.e = [1.5, {f = []}, [[]],], g = "}" }
"""


def test_an_honest_document_is_what_the_standard_parser_gives() -> None:
    expected = tomllib.loads(PYPROJECT)
    assert loads(PYPROJECT) == expected
    assert loads(PYPROJECT.encode()) == expected
    assert loads(b"\xef\xbb\xbf" + PYPROJECT.replace("\n", "\r\n").encode())["build-system"] == expected["build-system"]


@pytest.mark.heavy
def test_a_large_lock_file_is_read() -> None:
    wheel = ('[[packages.wheels]]\nname = "a-1.0-py3-none-any.whl"\nurl = "https://files.example.com/a/b/a-1.0-py3-none-any.whl"\n'
             f'size = 1\n[packages.wheels.hashes]\nsha256 = "{"a" * 64}"\n')
    text = "lock-version = '1.0'\n" + ("[[packages]]\nname = 'a'\nversion = '1.0'\n" + wheel * 10) * 1600
    assert len(text) > 3 * MEGABYTE
    assert len(loads(text)["packages"]) == 1600


def numbered(line: str, size: int) -> str:
    return "".join(line % number for number in range(size // len(line)))


@pytest.mark.parametrize("make", [
    lambda: "a." * 8000 + "b = 1\n", lambda: numbered("a." * 900 + "b%06d = 1\n", MEGABYTE),
    lambda: numbered("[" + "a." * 90 + "b%06d]\n", MEGABYTE), lambda: numbered("a." * 90 + "b%06d = 1\n", MEGABYTE),
    lambda: numbered('"x%06d".' + "a ." * 90 + "b = 1\n", MEGABYTE),
    lambda: numbered("'x%06d'" + ".a" * 20 + "=[]\n", MEGABYTE),
    lambda: "[" + "h." * 90 + "x]\n" + numbered("a%06d = 1\n", MEGABYTE), lambda: numbered("[a%06d]\n", 2 * MEGABYTE),
    lambda: "[[a]]\n" * 400_000, lambda: "a = [" + "{b.c.d.e=1}," * 300_000 + "]",
    lambda: "a = {" + numbered("b%06d.c.d.e.f=1,", 2 * MEGABYTE) + "b=1}", lambda: "a = [" + "[]," * MEGABYTE + "]",
    lambda: "a = [" + "{}," * MEGABYTE + "]"], ids=range(13))
@pytest.mark.heavy
def test_documents_of_very_many_tables_and_parts_of_keys_are_refused(make: Callable[[], str]) -> None:
    text = make()

    def refused() -> None:
        with pytest.raises(InvalidContent):
            loads(text)

    bounded(refused, memory=100 * MEGABYTE)


@pytest.mark.parametrize("text", [
    'a = """' + "\\" * MEGABYTE, "a = '" + "'" * MEGABYTE, 'a = "' + "\\n" * MEGABYTE + '"', "#" * MEGABYTE, "\n" * MEGABYTE,
    'a = "' * (MEGABYTE // 5), "a = " + "9" * MEGABYTE, "a = 1" + "_1" * MEGABYTE, "a = 0." + "1" * MEGABYTE, "a" * MEGABYTE,
    '"' + "a" * MEGABYTE + '" = 1', "a = [" + "1," * MEGABYTE + "]", "a = " + "[" * MEGABYTE, "a = " + "{a=" * MEGABYTE,
    "a = [" + "''," * MEGABYTE + "]", "a = " + " " * MEGABYTE, '"""' * MEGABYTE, "a = '''" + "\r\n" * MEGABYTE + "'''"],
    ids=range(18))
@pytest.mark.heavy
def test_any_document_takes_memory_in_proportion_to_its_length(text: str) -> None:
    def read() -> None:
        try:
            loads(text)
        except InvalidContent as error:
            assert len(str(error)) < 500

    bounded(read, memory=300 * MEGABYTE)


@pytest.mark.parametrize(("start", "end"), [
    ("[" + "a." * (MAX_DEPTH - 1), "b]\n"), ("a." * (MAX_DEPTH - 1), "b = 1"), ("[" + "h." * 49 + "h]\n" + "a." * 49, "b = 1"),
    ("a = " + "[" * (MAX_DEPTH - 1), "]" * (MAX_DEPTH - 1)), ("a = " + "{b = " * 49, "1" + "}" * 49)])
def test_what_is_nested_at_most_that_deep_is_read(start: str, end: str) -> None:
    assert loads(start + end) == tomllib.loads(start + end)


@pytest.mark.parametrize("text", [
    "[" + "a." * MAX_DEPTH + "b]\n", "a." * MAX_DEPTH + "b = 1", "[" + "h." * 50 + "h]\n" + "a." * 50 + "b = 1",
    "a = " + "[" * 101 + "]" * 101, "a = " + "{b = " * 60 + "1" + "}" * 60,
    "a=[{" + "b." * 60 + "c=[{" + "d." * 60 + "e=1}]}]", "a." * 999, "[" + "a." * 999, "a = {" + "b." * 999])
def test_what_is_nested_deeper_is_refused(text: str) -> None:
    with pytest.raises(InvalidContent, match="nested more than 100 levels deep"):
        loads(text)


@pytest.mark.parametrize("text", [
    b"\xff", b"a = '\xff'", "a", "a = ", "a = 1 b = 2", "[a", "[a]]", "a = [1", "a = {", "a = ]", "a = }", "a = [}",
    "a = 'b\nc'", 'a = "b\n"', "a = '''b", 'a = "\\q"', "a = 1\na = 2", "[a]\n[a]", "a = 2020-13-40", "a = 1, 2", "= 1",
    "{}", "a..b = 1", "a\0 = 1",
    "a = 99:99:99", "a = " + "9" * 999 + "e" + "9" * 9, "a = '\ud800", "\N{LINE SEPARATOR}a = 1"])
def test_what_is_no_toml_is_refused_in_one_line(text: str | bytes) -> None:
    try:
        loads(text)
    except InvalidContent as error:
        assert str(error).isprintable()
        assert 3 < len(str(error)) < 500
    else:
        assert tomllib.loads(str(text))  # a number that is too large for a float is infinite


_WORDS = st.sampled_from([
    "a", "b", "1", "1.5", "true", "[", "]", "[[", "]]", "{", "}", "=", " = ", ".", ",", "\n", "\r\n", '"', "'", '"""', "'''",
    '""""', "\\", '\\"', "#", " ", "\t", "\\\n", "a.b", "a = 1\n", "[t]\n", "x = [1, ", "y = {", '"k.l"',
    "1979-05-27", "\r", "\ud800", "\0"])


@given(st.lists(_WORDS, max_size=40).map("".join))
@example("a = '''\n''''']\nb = 1")
@example('a = """""x"""""\nb = [1]')
def test_the_scanner_never_refuses_what_the_parser_takes(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except (ValueError, RecursionError):
        with pytest.raises(InvalidContent):
            loads(text)
    else:
        assert loads(text) == expected


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60)), st.integers(0, len(PYPROJECT)), st.integers(0, 5))
def test_arbitrary_and_mutated_documents_give_a_table_or_our_error(change: str | bytes, place: int, removed: int) -> None:
    middle = change if isinstance(change, bytes) else change.encode("utf-8", "replace")
    original = PYPROJECT.encode()
    for document in (change, original[:place] + middle + original[place + removed:], original[:place]):
        try:
            assert isinstance(loads(document), dict)
        except InvalidContent as error:
            assert str(error).isprintable()
