"""Pages that are searched for files, and what answers tell about a file."""

import pytest

from bounded import bounded
from pypimirror.model import File, Head
from pypimirror.upstream.scan import is_snapshot, newest, scan
from pypimirror.upstream.validators import sent_name, size, validator


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
