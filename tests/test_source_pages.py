"""Lists and project pages of upstream, in both forms, well-formed and not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from pypimirror.errors import InvalidPage
from pypimirror.interfaces import IParser
from pypimirror.model import ListedProject
from pypimirror.names import is_project, normalize
from pypimirror.upstream.html_page import HtmlParser
from pypimirror.upstream.json_page import JsonParser

URL = "https://pypi.example.com/simple/one/"
SHA = "a" * 64


def everything(name: str) -> bool:
    return True


def page(*files: Any, **more: Any) -> bytes:
    return json.dumps({"meta": {"api-version": "1.4"}, "name": "one", "files": list(files), **more}).encode()


def entry(filename: Any = "one-1.tar.gz", url: Any = "one-1.tar.gz", **more: Any) -> dict[str, Any]:
    return {"filename": filename, "url": url, "hashes": {"sha256": SHA}, **more}


@pytest.mark.parametrize("parser", [JsonParser(), HtmlParser()])
def test_parsers_keep_their_contract(parser: Any) -> None:
    assert verifyObject(IParser, parser)


def test_a_json_page_gives_all_facts() -> None:
    body = page(entry(size=5, **{
        "upload-time": "2024-01-01T00:00:00Z", "requires-python": ">=3.8", "yanked": "reason", "gpg-sig": True,
        "core-metadata": {"sha256": "b" * 64}, "provenance": "https://pypi.example.com/p", "new-fact": [1], "_private": 2}),
        **{"project-status": {"status": "archived", "reason": "done"}, "alternate-locations": ["x"], "_private": 1})
    project, problems = JsonParser().project(body, "one", URL)
    (file,) = project.files
    assert not problems
    assert (file.filename, file.url) == ("one-1.tar.gz", "https://pypi.example.com/simple/one/one-1.tar.gz")
    assert (file.hashes, file.size, file.upload_time) == ({"sha256": SHA}, 5, "2024-01-01T00:00:00Z")
    assert (file.requires_python, file.yanked, file.gpg_sig) == (">=3.8", "reason", True)
    assert (file.core_metadata, file.provenance) == ({"sha256": "b" * 64}, "https://pypi.example.com/p")
    assert file.extra == {"new-fact": [1]}
    assert project.status == {"status": "archived", "reason": "done"}
    assert project.extra == {"alternate-locations": ["x"]}


@pytest.mark.parametrize(("value", "serial"), [(12, 12), ("12", "12"), (None, None), (True, None), ([], None)])
def test_serials_are_numbers_texts_or_absent(value: Any, serial: Any) -> None:
    body = json.dumps({"meta": {"api-version": "1.0", "_last-serial": value}, "name": "one", "files": []}).encode()
    assert JsonParser().project(body, "one", URL)[0].serial == serial


@pytest.mark.parametrize("bad", [
    entry("../one-1.tar.gz"), entry("a/one-1.tar.gz"), entry("one-1.tar.gz\0"), entry(".one-1.tar.gz"), entry("index.html"),
    entry("a\\one-1.zip"), entry("one-1\n.zip"), entry("x" * 250 + ".zip"), entry("con.zip"), entry(5), entry(None), "text", 7,
    None, entry("\u043ene-1.zip"), entry(url="javascript:alert(1)"), entry(url="ftp://a/one-1.tar.gz"),
    entry(url="file:///etc/x.zip"),
    entry(url=None), entry(url="http://[::1/one-1.tar.gz"), entry(url="https://a/one 1\u0000.zip")])
def test_a_file_not_to_be_trusted_is_left_out_and_told(bad: Any) -> None:
    project, problems = JsonParser().project(page(bad, entry("one-2.tar.gz")), "one", URL)
    assert [file.filename for file in project.files] == ["one-2.tar.gz"]
    assert len(problems) == 1
    assert problems[0].isprintable()


def test_names_that_differ_in_case_only_are_one() -> None:
    project, problems = JsonParser().project(page(entry("One-1.zip"), entry("one-1.zip")), "one", URL)
    assert [file.filename for file in project.files] == ["One-1.zip"]
    assert problems == ("one-1.zip: listed twice; the first one is used",)


def test_many_problems_are_told_in_few_lines() -> None:
    _, problems = JsonParser().project(page(*[entry(f"../{n}") for n in range(100)]), "one", URL)
    assert len(problems) == 21
    assert problems[-1] == "and 80 more"


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"{}", b'{"meta": []}', b'{"meta": {"api-version": "2.0"}, "files": []}',
    b'{"meta": {}, "files": []}',
    b'{"meta": {"api-version": "1.0"}}', b'{"meta": {"api-version": "1.0"}, "files": {}}', b"[" * 100000, b"\xff\xfe"])
def test_what_is_no_json_page_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidPage):
        JsonParser().project(body, "one", URL)


@given(st.binary(max_size=200))
def test_any_bytes_as_json_raise_our_error_or_none(body: bytes) -> None:
    try:
        JsonParser().project(body, "one", URL)
    except InvalidPage:
        return


_VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                       lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                       max_leaves=6)
_KEYS = st.sampled_from(["filename", "url", "hashes", "size", "yanked", "core-metadata", "requires-python", "gpg-sig",
                         "provenance", "upload-time"])


@given(st.lists(st.dictionaries(_KEYS, _VALUES) | _VALUES, max_size=5), _VALUES)
def test_any_values_in_a_json_page_give_files_or_problems(files: list[Any], status: Any) -> None:
    project, problems = JsonParser().project(page(*files, **{"project-status": status}), "one", URL)
    assert len(project.files) + len(problems) == len(files)


def test_an_html_page_gives_all_facts() -> None:
    body = f"""<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4"></head><body>
        <a href="../../files/one-1.tar.gz#sha256={SHA}" data-requires-python="&gt;=3.8" data-yanked="a &quot;reason&quot;"
           data-gpg-sig="false">one-1.tar.gz</a>
        <a href="one-1%2Blocal-py3-none-any.whl" data-dist-info-metadata="sha256={'c' * 64}" data-yanked>x</a>
        <A HREF='https://files.example.com/one-2.zip#md5={'d' * 32}&egg=one' data-core-metadata="true">one-2.zip</A>
        <a href="/">up</a> <a>none</a>
        </body></html><!--SERIAL 123-->""".encode()
    project, problems = HtmlParser().project(body, "one", URL)
    by_name = {file.filename: file for file in project.files}
    assert not problems
    first = by_name["one-1.tar.gz"]
    assert (first.url, first.hashes) == ("https://pypi.example.com/files/one-1.tar.gz", {"sha256": SHA})
    assert (first.requires_python, first.yanked, first.gpg_sig) == (">=3.8", 'a "reason"', False)
    second = by_name["one-1+local-py3-none-any.whl"]
    assert (second.core_metadata, second.yanked, second.hashes) == ({"sha256": "c" * 64}, True, {})
    third = by_name["one-2.zip"]
    assert (third.core_metadata, third.hashes) == (True, {"md5": "d" * 32})
    assert project.serial == 123


def test_a_base_element_counts() -> None:
    body = b'<base href="https://files.example.com/x/"><a href="one-1.zip">one-1.zip</a>'
    project, _ = HtmlParser().project(body, "one", URL)
    assert project.files[0].url == "https://files.example.com/x/one-1.zip"


@pytest.mark.parametrize(("name", "filename", "is_refused"), [
    ("two", "two-1.tar.gz", True), ("two", "one-1.tar.gz", False), ("One", "two-1.tar.gz", False),
    (None, "two-1.tar.gz", False), ("?", "two-1.tar.gz", False)])
def test_the_page_of_another_project_is_refused(name: str | None, filename: str, is_refused: bool) -> None:
    title = f"<title>Links for {name}</title>" if name else ""
    link = f'<a href="{filename}#sha256={SHA}">{filename}</a>'
    for parser, body in ((JsonParser(), page(entry(filename), name=name)), (HtmlParser(), f"{title}{link}".encode())):
        if is_refused:
            with pytest.raises(InvalidPage, match="the page of two instead of one"):
                parser.project(body, "one", URL)
        else:
            assert len(parser.project(body, "one", URL)[0].files) == 1


def test_an_html_page_of_another_major_version_is_refused() -> None:
    with pytest.raises(InvalidPage, match="repository version"):
        HtmlParser().project(b'<meta name="pypi:repository-version" content="2.0">', "one", URL)


@given(st.text(alphabet="<>a href=\"'/&#.zip-123\n!", max_size=200))
def test_any_text_as_html_raises_our_error_or_none(text: str) -> None:
    try:
        HtmlParser().project(text.encode(), "one", URL)
    except InvalidPage:
        return


def test_lists_keep_what_is_asked_for_and_count_the_rest() -> None:
    body = json.dumps({"meta": {"api-version": "1.0"}, "projects": [
        {"name": "Zope.One", "_last-serial": 1}, {"name": "two", "_last-serial": 2}, {"name": "../three", "_last-serial": 3}]})
    reader = JsonParser().listing(lambda name: name != "two")
    for start in range(0, len(body), 7):
        reader.write(body[start:start + 7].encode())
    listing = reader.finish()
    assert dict(listing.projects) == {"zope-one": ListedProject("Zope.One", 1)}
    assert (listing.total, listing.serials) == (3, True)


_ENTRY = st.fixed_dictionaries({"name": st.text(min_size=1, max_size=12)},
                               optional={"_last-serial": st.integers(0, 9), "more": _VALUES, '"projects": [': st.just("}")})


@given(st.lists(_ENTRY, max_size=6), st.booleans(), st.booleans(), st.integers(1, 40), st.sampled_from([None, 1]))
def test_a_list_read_in_blocks_of_any_size_is_what_json_says(
        entries: list[dict[str, Any]], meta_first: bool, ascii_only: bool, size: int, indent: int | None) -> None:
    meta = {"meta": {"api-version": "1.0", "note": '"projects": ['}}
    projects = {"projects": entries}
    page = {**meta, **projects} if meta_first else {**projects, **meta}
    body = json.dumps(page, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    seen: list[str] = []

    def wanted(name: str) -> bool:
        seen.append(name)
        return True

    reader = JsonParser().listing(wanted)
    for start in range(0, len(body), size):
        reader.write(body[start:start + size])
    listing = reader.finish()
    assert listing.total == len(entries)
    names = [(entry["name"], normalize(entry["name"])) for entry in entries]
    assert seen == [name for display, name in names if display.isascii() and is_project(name)]
    serials = [entry.get("_last-serial") for entry in entries]
    alike = len(entries) > 1 and len(set(map(str, serials))) == 1
    assert dict(listing.projects) == {name: ListedProject(entry["name"], None if alike else entry.get("_last-serial"))
                                      for entry, (_, name) in zip(entries, names, strict=True) if name in seen}


def test_an_html_list_read_in_blocks_is_the_same() -> None:
    body = '<html><a href="/simple/zope-one/">Zope.One</a>\n<a href="two/">tw\u00f6</a><a href="three/"></a></html>'.encode()
    reader = HtmlParser().listing(everything)
    for start in range(0, len(body), 3):
        reader.write(body[start:start + 3])
    listing = reader.finish()
    assert dict(listing.projects) == {"zope-one": ListedProject("Zope.One"), "three": ListedProject("three")}
    assert (listing.total, listing.serials) == (3, False)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"meta": {"api-version": "1.0"}, "projects": [1]}',
                                  b'{"meta": {"api-version": "1.0"}, "projects": [{"name": "a"}, '])
def test_a_list_that_is_cut_off_or_none_is_refused(body: bytes) -> None:
    reader = JsonParser().listing(everything)
    reader.write(body)
    with pytest.raises(InvalidPage):
        reader.finish()


@pytest.mark.parametrize("entries", [b'{"name": "a"} {"name": "b"}', b'{"name": "a"},,{"name": "b"}', b'{"name": "a"},',
                                     b',{"name": "a"}', b'{"name": "a"}, {"name": "b"} ,', b'{"name": "a"}{}'])
@pytest.mark.parametrize("size", [1, 5, 14, 1000])
def test_a_list_that_is_not_json_is_refused_in_blocks_of_any_size(entries: bytes, size: int) -> None:
    body = b'{"meta": {"api-version": "1.0"}, "projects": [' + entries + b"]}"
    reader = JsonParser().listing(everything)
    with pytest.raises(InvalidPage):
        for start in range(0, len(body), size):
            reader.write(body[start:start + size])
        reader.finish()
