"""Pages that are searched for files, and what answers tell about a file."""

import json
from types import SimpleNamespace

import pytest

from pypimirror.errors import InvalidPage
from pypimirror.model import File, Head, Project, Stored
from pypimirror.upstream import html_links, html_page, http, json_page, links, validation
from pypimirror.upstream.project_json import project_links
from pypimirror.upstream.scan import is_snapshot, newest, scan
from pypimirror.upstream.validators import conditions, etag, sent_name, size, validator
from support.resource_limits import bounded


@pytest.mark.parametrize("version", [
    "1.0.dev1", "1.0dev-r1234", "1.0-dev", "dev", "1.0-SNAPSHOT", "1.0-r1234", "1.0.r99", "1.0svn", "trunk", "master",
    "1.0-nightly"])
def test_snapshots_of_the_development_are_known(version: str) -> None:
    assert is_snapshot(version)


@pytest.mark.parametrize("version", ["1.0", "1.0rc1", "1.0b2", "1.0.post1", "1.0+cu118", "2010a", "1.0-final", "1.0-fix2"])
def test_releases_are_none(version: str) -> None:
    assert not is_snapshot(version)


def test_the_newest_by_version_are_taken_and_unknown_versions_last() -> None:
    names = [f"one-{n}.0.tar.gz" for n in range(1, 22)] + ["one-strange.tar.gz"]
    kept = [file.filename for file in newest((File(name, "") for name in names), "one")]
    assert kept == [f"one-{n}.0.tar.gz" for n in range(21, 1, -1)]


@pytest.mark.parametrize("page", [
    "", "<a", "<a href=>", "<a href='one-1.zip'", "<base href='http://['><a href=one-1.zip>x</a>", "<!DOCTYPE " * 1000,
    "<base href='file:///etc/'><a href=one-1.zip>x</a>", "<a href='\0/one-1.zip'>", "<![CDATA[", "<!-->"])
def test_malformed_pages_give_nothing_and_do_no_harm(page: str) -> None:
    found = scan(page, "http://x.example.com/", "one", "", lambda files: files)
    assert [file.url for file in found] == ["http://x.example.com/one-1.zip"] * ("one-1" in page)


@pytest.mark.parametrize("page", [
    '<a href="one-1.zip">', "<A HREF='one-1.zip'>", "<a class=x href=one-1.zip>", "<a\nhref = one-1.zip target=y",
    '<a href=" one-1.zip">',
    '<a data-href="two-1.zip" href="one-1.zip">', '<a href="./?a&amp;b"><a href="/files/../one-1.zip">',
    '<!-- <a href="one-2.zip"> --><a href="one-1.zip"><!-- <a href="one-3.zip">', '<base href="/"><a href="one&#45;1.zip">'])
def test_links_are_found_however_they_are_written(page: str) -> None:
    found = scan(page, "http://x.example.com/", "one", "", lambda files: files)
    assert [file.filename for file in found] == ["one-1.zip"]


@pytest.mark.parametrize("unit", ["<a ", "<a", "<!", "<!--", "-->", "<a href='", "<", "</a", "&", "<a href", "<a href=",
                                  "<a " + " " * 99, "<a href=one-1.zip>", " href", "<a href ' ", "=", "<base href=x "])
def test_pages_take_time_in_proportion_to_their_size(unit: str) -> None:
    # With Python's own parser some of these take hours.
    bounded(lambda: scan(unit * ((4 << 20) // len(unit)), "http://x.example.com/", "one", "", lambda files: files))


@pytest.mark.parametrize("header, name", [
    ("attachment; filename=one-1.zip", "one-1.zip"), ('attachment; filename="one-1.zip"', "one-1.zip"),
    ("attachment; filename*=UTF-8''one%2D1.zip", "one-1.zip"), ('inline; filename="C:\\\\dl\\\\one-1.zip"', "one-1.zip"),
    ('attachment; filename="/etc/one-1.zip"', "one-1.zip"), ("attachment; filename=two-1.zip", None),
    ("attachment; filename=one-1.html", None), ("attachment", None), ("", None), ("filename", None),
    ('attachment; filename="one-1.zip\nX: y"', None), ("attachment; filename*=nonsense''one-1.zip", "one-1.zip"),
    ("attachment; filename*0=one-; filename*1=1.zip", "one-1.zip"), ('attachment; filename="..\\..\\\0one-1.zip"', None)])
def test_names_in_content_disposition(header: str, name: str | None) -> None:
    assert sent_name(Head(200, {"content-disposition": header}, "http://x.example.com/get"), "one") == name


def test_the_name_in_the_last_url_counts_first() -> None:
    head = Head(200, {"content-disposition": "attachment; filename=one-2.zip"}, "http://x.example.com/dl/one-1.zip?a=b/c")
    assert sent_name(head, "one") == "one-1.zip"


@pytest.mark.parametrize("headers, expected", [
    ({"content-length": "12"}, 12), ({"content-length": "-1"}, None), ({"content-length": "1e3"}, None), ({}, None),
    ({"content-length": "9" * 40}, None), ({"content-length": "12", "content-encoding": "gzip"}, None)])
def test_size(headers: dict[str, str], expected: int | None) -> None:
    assert size(Head(200, headers, "")) == expected


def test_weak_and_strong_etags_are_one_and_a_date_counts_without_any() -> None:
    tagged = [validator(Head(200, {"etag": etag, "last-modified": "x"}, "")) for etag in ('"a"', 'W/"a"')]
    assert tagged[0] == tagged[1] is not None
    assert validator(Head(200, {"last-modified": "Sat, 01 Feb 2020 00:00:00 GMT"}, "")) == "date Sat, 01 Feb 2020 00:00:00 GMT"
    assert validator(Head(200, {"etag": "x" * 10000}, "")) is None
    assert validator(Head(200, {}, "")) is None


PAGE = "https://index.example.com/simple/x/"
HASH = "#sha256=" + "a" * 64


@pytest.mark.parametrize(("href", "rel", "external"), [
    ("x-1.zip", "", False), ("/x-1.zip", "download", True), ("https://other.example.com/x-1.zip", "", True),
    ("https://INDEX.example.com/x-1.zip", "", False), ("https://other.example.com/x-1.zip" + HASH, "", False),
    ("https://other.example.com/x-1.zip" + HASH, "download", False), ("https://other.example.com/page", "", False),
    ("https://other.example.com/page", "homepage", True), ("http://[x", "homepage", True), ("http://[x", "", False)])
def test_which_links_lead_out_of_the_index(href: str, rel: str, external: bool) -> None:
    assert links.is_external(href, rel, PAGE, PAGE) is external


@pytest.mark.parametrize(("rel", "marked"), [
    ("homepage", True), ("download", True), ("Nofollow DOWNLOAD", True), ("nofollow,homepage", True), ("", False),
    ("internal", False), ("downloads", False)])
def test_which_relations_mark_a_link(rel: str, marked: bool) -> None:
    assert links.is_marked(rel) is marked


@pytest.mark.parametrize(("href", "address"), [
    (" a ", PAGE + "a"), ("a" + HASH, f"{PAGE}a{HASH}"), ("a#egg=x", None), (" a#egg=x ", None), ("a#x=egg", PAGE + "a"),
    ("ftp://example.com/", None), ("http://[x", None), ("file:///etc/passwd", None)])
def test_which_links_are_followed(href: str, address: str | None) -> None:
    assert links.resolved(href, PAGE) == address


@pytest.mark.parametrize(("page", "base", "beginning"), [
    (PAGE, "", PAGE), (PAGE, "/files/", "https://index.example.com/files/"), (PAGE, "http://o.example.com/", "http://o.example.com/"),
    (PAGE, "file:///srv/", PAGE), (PAGE, "http://[x", PAGE), ("file:///srv/x/", "file:///srv/y/", "file:///srv/y/"),
    (PAGE, "ftp://example.com/", PAGE)])
def test_where_relative_links_begin(page: str, base: str, beginning: str) -> None:
    assert links.start(page, base) == beginning


def test_files_of_the_index_come_first_and_names_are_one_whatever_their_case() -> None:
    own, own_too, first, second = File("x-1.zip", "a"), File("x-2.zip", "b"), File("X-3.zip", "c", external="c"), File(
        "x-3.zip", "d", external="d")
    hidden = File("X-1.zip", "e", external="e")
    assert links.own_first([hidden, first, own, second, own_too]) == [own, own_too, first]


def test_the_accept_header_names_formats_by_preference_and_none_that_is_only_understood() -> None:
    parsers = {"c/d": SimpleNamespace(quality=0.1), "e/f": SimpleNamespace(quality=0), "a/b": SimpleNamespace(quality=1)}
    assert http._accept(parsers) == "a/b, c/d;q=0.1"


@pytest.mark.parametrize(("start", "end", "complete"), [
    (b"{", b"}", True), (b" {", b"} \n", True), (b"[", b"]", True), (b"{", b"", False), (b"{", b",", False),
    (b"[", b"1", False), (b"<html><a", b"</a></html>\n", True), (b"<!DOCTYPE html><HTML>", b"</HTML>", True),
    (b"<html>", b"</body>", False), (b"<a href=x>", b"</a>", True), (b"", b"", True)])
def test_which_pages_are_complete(start: bytes, end: bytes, complete: bool) -> None:
    assert http._ends(start, end) is complete


@pytest.mark.parametrize(("modified", "date", "kept"), [
    ("Mon, 01 Jan 2024 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:02 GMT", True),
    ("Mon, 01 Jan 2024 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:01 GMT", False), (None, "Mon, 01 Jan 2024 00:00:00 GMT", True),
    ("Mon, 01 Jan 2024 00:00:00 GMT", None, True), ("never", "Mon, 01 Jan 2024 00:00:00 GMT", True),
    ("Mon, 01 Jan 2024 00:00:09 GMT", "Mon, 01 Jan 2024 00:00:00 GMT", False)])
def test_which_etags_are_too_young(modified: str | None, date: str | None, kept: bool) -> None:
    headers = {"etag": '"x"', **({"last-modified": modified} if modified else {}), **({"date": date} if date else {})}
    assert etag(Head(200, headers, PAGE)) == ('"x"' if kept else None)
    del headers["etag"]
    assert etag(Head(200, headers, PAGE)) is None


@pytest.mark.parametrize(("known", "headers"), [
    ('etag "x"', {"If-None-Match": '"x"'}), ("date Mon", {"If-Modified-Since": "Mon"}), (None, {})])
def test_the_headers_of_conditional_requests(known: str | None, headers: dict[str, str]) -> None:
    assert conditions(Stored("a", 1, validator=known)) == headers
    assert conditions(None) == {}


@pytest.mark.parametrize(("header", "value", "expected"), [
    ("etag", '"x"', 'etag "x"'), ("etag", ' W/"x" ', 'etag "x"'), ("etag", "x" * 500, "etag " + "x" * 500),
    ("etag", "x" * 501, None), ("last-modified", "Mon", "date Mon"), ("etag", "", None), ("other", "x", None)])
def test_what_validates_a_response(header: str, value: str, expected: str | None) -> None:
    assert validator(Head(200, {header: value}, PAGE)) == expected


@pytest.mark.parametrize(("length", "expected"), [
    ("5", 5), ("0", 0), ("9" * 18, int("9" * 18)), ("9" * 19, None), ("", None), ("-1", None), ("\u0663", None), ("1.5", None)])
def test_the_length_of_a_body(length: str, expected: int | None) -> None:
    assert size(Head(200, {"content-length": length}, PAGE)) == expected
    assert size(Head(200, {"content-length": length, "content-encoding": "gzip"}, PAGE)) is None
    assert size(Head(200, {"content-length": length, "content-encoding": "identity"}, PAGE)) == expected


@pytest.mark.parametrize(("value", "expected"), [
    (10 ** 100 - 1, 10 ** 100 - 1), (10 ** 100, None), (1 - 10 ** 100, 1 - 10 ** 100), (-10 ** 100, None), (0, 0), (True, None),
    ("x" * 100, "x" * 100), ("x" * 101, None), ("", None), ("a\nb", None), (1.5, None), (None, None)])
def test_which_serials_are_valid(value: object, expected: object) -> None:
    assert validation.serial(value) == expected


@pytest.mark.parametrize(("value", "expected"), [
    (1, 1), (0, None), (-1, None), (2 ** 53 - 1, 2 ** 53 - 1), (2 ** 53, None), (True, None), ("7", 7), ("0", None),
    ("9" * 15, int("9" * 15)), ("0" * 15 + "7", 7), ("0" * 16 + "7", None), ("7 ", None), ("\u0663", None),
    (1.0, None), (None, None)])
def test_which_sizes_are_valid(value: object, expected: object) -> None:
    assert validation.size(value) == expected


@pytest.mark.parametrize(("value", "expected"), [
    ("1.4", None), ("1.5", "1.5"), ("1.999999", "1.999999"), ("1.9999999", None), ("1.05", None), ("2.0", None), (1.5, "1.5"),
    ("1.0", None), (None, None)])
def test_which_api_versions_are_newer(value: object, expected: str | None) -> None:
    assert validation.newer_version(value, "1.4") == expected


@pytest.mark.parametrize(("value", "passed_on"), [
    (1, True), (2 ** 53 - 1, True), (2 ** 53, False), (1 - 2 ** 53, True), (-2 ** 53, False), (1.5, True),
    (float("nan"), False), ("x", True), (None, True), (True, True), ([1, {"a": 2 ** 53}], False), ({"a": [1]}, True),
    ([[[[[[[[1]]]]]]]], True), ([[[[[[[[[1]]]]]]]]], False)])
def test_which_unknown_values_are_passed_on(value: object, passed_on: bool) -> None:
    found = validation.unknown({"x": value, "_x": 1, "known": 2}, frozenset({"known"}))
    assert list(found) == (["x"] if passed_on else [])


@pytest.mark.parametrize("number", [0, 20, 21, 25])
def test_twenty_problems_of_a_page_are_told(number: int) -> None:
    problems = [f"problem {n}" for n in range(number)]
    told = validation.bounded(problems)
    assert told[:20] == tuple(problems[:20])
    assert told[20:] == ((f"and {number - 20} more",) if number > 20 else ())


def test_an_index_without_simple_in_its_url_has_no_json_to_ask_for() -> None:
    def attempts(attempt: object) -> None:
        raise AssertionError("asked")

    assert project_links(None, attempts, Project("x", url="https://index.example.com/x/")) == ()


@pytest.mark.parametrize("number", [3, 4])
@pytest.mark.parametrize("form", ["html", "json"])
def test_lists_and_pages_have_bounds(monkeypatch: pytest.MonkeyPatch, form: str, number: int) -> None:
    module = html_page if form == "html" else json_page
    monkeypatch.setattr(module, "MOST_PROJECTS", 3)
    monkeypatch.setattr(html_links if form == "html" else json_page, "MOST_LINKS", 3)
    parser = html_page.HtmlParser() if form == "html" else json_page.JsonParser()
    head = "<title>Simple index</title>"
    if form == "html":
        listed = head + "".join(f'<a href="p{n}/">p{n}</a>\n' for n in range(number))
        page = head + "".join(f'<a href="x-{n}.zip">x-{n}.zip</a>\n' for n in range(number))
    else:
        listed = json.dumps({"meta": {"api-version": "1.0"}, "projects": [{"name": f"p{n}"} for n in range(number)]})
        page = json.dumps({"meta": {"api-version": "1.0"}, "files": [
            {"filename": f"x-{n}.zip", "url": f"x-{n}.zip", "hashes": {}} for n in range(number)]})
    reader = parser.listing(lambda name: True)
    if number == 3:
        reader.write(listed.encode())
        assert reader.finish().total == 3
        assert len(parser.project(page.encode(), "x", PAGE)[0].files) == 3
        return
    with pytest.raises(InvalidPage, match="more than 3 projects"):  # while it is read, or at its end
        reader.write(listed.encode())
        reader.finish()
    with pytest.raises(InvalidPage, match=r"more than 3 (links|files)"):
        parser.project(page.encode(), "x", PAGE)


def test_empty_comments_end_at_once() -> None:
    page = html_links.LinkParser()
    page.feed('<!--><a href="x-1.zip">1</a><!---><a href="x-2.zip">2</a>'
              '<!-- <a href="x-3.zip">3</a> --><a href="x-4.zip">4</a>')
    page.close()
    assert [href for href, _, _ in page.anchors] == ["x-1.zip", "x-2.zip", "x-4.zip"]


def test_links_that_name_no_project_make_no_list() -> None:
    reader = html_page.HtmlParser().listing(lambda name: True)
    reader.write(b'<a href="/_">_</a> <a href="/-">-</a>')
    with pytest.raises(InvalidPage, match="not the list of a Simple index"):
        reader.finish()
