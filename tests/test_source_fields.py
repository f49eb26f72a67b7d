"""Each field of upstream's pages in its poor forms: empty, null, of the wrong type, written in another way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pypimirror.errors import InvalidPage
from pypimirror.index.json import JsonIndex
from pypimirror.model import File, Stored
from pypimirror.names import is_distribution
from pypimirror.upstream import validation
from pypimirror.upstream.html_page import HtmlParser
from pypimirror.upstream.json_page import JsonParser
from support.mirror import Mirrored
from support.resource_limits import bounded
from support.upstream import Upstream, wheel

URL = "https://pypi.example.com/simple/demo/"
A, B, MD5 = "a" * 64, "b" * 64, "d" * 32


def page(*entries: Any, **meta: Any) -> bytes:
    return json.dumps({"meta": {"api-version": "1.0", **meta}, "name": "demo", "files": list(entries)}).encode()


def entry(**facts: Any) -> dict[str, Any]:
    return {"filename": "demo-1.0.zip", "url": "demo-1.0.zip", "hashes": {},
            **{key.replace("_", "-"): facts[key] for key in facts}}


def json_file(**facts: Any) -> File | None:
    project, _ = JsonParser().project(page(entry(**facts)), "demo", URL)
    return next(iter(project.files), None)


def html_file(href: str, attributes: str = "") -> File | None:
    project, _ = HtmlParser().project(f'<html><a href="{href}" {attributes}>x</a></html>'.encode(), "demo", URL)
    return next(iter(project.files), None)


@pytest.mark.parametrize(("fragment", "hashes"), [
    (f"sha256={A}", {"sha256": A}), (f"egg=demo&amp;sha256={A}", {"sha256": A}), (f"sha256={A}&amp;egg=demo", {"sha256": A}),
    (f"md5={MD5}&amp;sha256={A}", {"md5": MD5, "sha256": A}), (f"SHA256={A.upper()}", {"sha256": A}),
    (f"egg=demo&amp;Sha256={A}&amp;sha256={A}", {"sha256": A}),
    (f"sha256%3D{A}", {}), (f"egg=demo%26x&amp;sha256={A}", {"sha256": A}),
    ("sha256=", {}), ("sha256", {}), ("egg=demo", {}), ("&amp;&amp;=", {}), (f"subdirectory=x&amp;md5={MD5}", {"md5": MD5})])
def test_a_hash_counts_wherever_it_stands_in_a_fragment(fragment: str, hashes: dict[str, str]) -> None:
    file = html_file(f"demo-1.0.zip#{fragment}")
    assert file is not None
    assert (file.hashes, file.url) == (hashes, URL + "demo-1.0.zip")
    in_json = json_file(url="demo-1.0.zip#" + fragment.replace("&amp;", "&"))
    assert in_json is not None
    assert in_json.hashes == hashes


@pytest.mark.parametrize("href", [
    f"demo-1.0.zip#sha256={A}&amp;sha256={B}", f"demo-1.0.zip#SHA256={A}&amp;egg=x&amp;sha256={B}"])
def test_a_file_with_two_different_hashes_of_one_kind_is_left_out(href: str) -> None:
    project, problems = HtmlParser().project(f'<a href="{href}">x</a>'.encode(), "demo", URL)
    assert (project.files, problems) == ((), ("demo-1.0.zip: two different sha256 hashes",))
    assert json_file(hashes={"SHA256": A, "sha256": B}) is None
    assert json_file(hashes={"sha256": A}, url=f"demo-1.0.zip#sha256={B}") is None


@pytest.mark.parametrize(("value", "expected"), [
    ({"SHA256": A.upper()}, {"sha256": A}), ({"sha256": None}, {}), ({"sha256": ""}, {}), (None, {}), ([], {}),
    ("x", {}), (0, {})])
def test_hashes(value: Any, expected: dict[str, str]) -> None:
    assert getattr(json_file(hashes=value), "hashes", None) == expected


@pytest.mark.parametrize(("value", "expected"), [
    (0, None), (7, 7), ("7", 7), ("", None), (None, None), (False, None), (True, None), (-1, None),
    (1.5, None), (1 << 60, None), ("9" * 5000, None), ([], None), ("0", None), ("\u0663", None)])
def test_size(value: Any, expected: int | None) -> None:
    assert getattr(json_file(size=value), "size", 0) == expected


@pytest.mark.parametrize(("value", "expected"), [
    ("", False), (None, False), (False, False), (0, False), ([], False), ({}, False), (True, True), (1, True), (" ", True),
    ("why", "why"), ("a\nb", "a b"), ("\x1b[31m", "[31m")])
def test_yanked(value: Any, expected: bool | str) -> None:
    assert getattr(json_file(yanked=value), "yanked", None) == expected


def test_a_yanked_attribute_without_a_value_counts() -> None:
    for attribute, expected in (("data-yanked", True), ('data-yanked=""', True), ('data-yanked="why"', "why"), ("", False)):
        assert getattr(html_file("demo-1.0.zip#x=y", attribute), "yanked", None) == expected


@pytest.mark.parametrize(("facts", "expected"), [
    ({"core_metadata": None, "dist_info_metadata": {"sha256": A}}, {"sha256": A}), ({"core_metadata": ""}, False),
    ({"core_metadata": False, "dist_info_metadata": True}, False), ({"core_metadata": "true"}, True),
    ({"core_metadata": 0}, False), ({"core_metadata": {}}, True),
    ({"core_metadata": {"sha256": ""}}, True), ({"core_metadata": f"sha256={A}"}, {"sha256": A}),
    ({"core_metadata": {"SHA256": A}}, {"sha256": A}), ({"core_metadata": []}, False), ({"core_metadata": "false"}, False)])
def test_core_metadata(facts: dict[str, Any], expected: Any) -> None:
    assert getattr(json_file(**facts), "core_metadata", None) == expected


@pytest.mark.parametrize("value", [None, "", 0, False, [], {}, 7, "\x00", "\ud800"])
def test_texts_and_flags_of_a_wrong_kind_are_not_known(value: Any) -> None:
    file = json_file(requires_python=value, upload_time=value, provenance=value, gpg_sig="")
    assert file is not None
    assert (file.requires_python, file.upload_time, file.gpg_sig) == (None, None, None)


@pytest.mark.parametrize(("told", "written"), [("1.5", "1.5"), ("1.4", "1.4"), ("1.0", "1.4"), ("1", "1.4"), ("1.12", "1.12")])
def test_a_newer_version_is_passed_on_with_its_fields(told: str, written: str) -> None:
    body = json.loads(page(entry(hashes={"sha256": A}, size=3, **{"new-fact": [1]}), **{"api-version": told}))
    body["namespaces"] = ["demo"]
    project, problems = JsonParser().project(json.dumps(body).encode(), "demo", URL)
    files = tuple(file._replace(stored=Stored(A, 3, published=True)) for file in project.files)
    (_, text), = JsonIndex({}).pages(project._replace(files=files), 7)
    ours = json.loads(text)
    assert (ours["meta"]["api-version"], ours["namespaces"], problems) == (written, ["demo"], ())
    assert ours["files"][0]["new-fact"] == [1]


@pytest.mark.parametrize("told", ["2.0", "1.x", "", None, "1.-5", "11", "1.5.0", 1.5, "1." + "9" * 99])
def test_a_version_that_is_none_is_not_passed_on(told: Any) -> None:
    try:
        project, _ = JsonParser().project(page(**{"api-version": told}), "demo", URL)
    except InvalidPage:
        return
    assert project.meta.get("api-version", "1.5") == "1.5"


@pytest.mark.parametrize("label", ["application/octet-stream", "text/plain", "", "text/html"])
def test_a_page_in_json_is_told_by_its_content(mirrored: Mirrored, upstream: Upstream, label: str) -> None:
    name, body = wheel("demo", "1.0")
    upstream.add("demo", (name, body))
    good, seen = upstream.respond, []

    def answer(path: str, headers: Any) -> Any:
        status, sent, content = good(path, headers)
        if content.lstrip().startswith(b"{"):
            seen.append(path)
            sent = {**sent, "Content-Type": label}
        return status, sent, content

    upstream.respond = answer  # type: ignore[method-assign]
    mirrored.settings |= {"package_matches": "de*"}
    assert mirrored.run("sync") == 0
    assert len(seen) >= 2
    assert (mirrored.root / "demo" / name).read_bytes() == body


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
              st.sampled_from([A, URL, "1.0", "x=y"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)), max_leaves=6)
_KEYS = st.sampled_from(["filename", "url", "hashes", "size", "upload-time", "requires-python", "yanked", "core-metadata",
                         "gpg-sig", "dist-info-metadata", "provenance", "else"])
_ENTRIES = st.one_of(_VALUES, st.dictionaries(_KEYS, _VALUES, max_size=6).map(lambda facts: {**entry(), **facts}))


@given(st.lists(_ENTRIES, max_size=4),
       st.dictionaries(st.sampled_from(["name", "files", "meta", "project-status", "x"]), _VALUES, max_size=2))
def test_any_values_in_a_page_are_read_or_reported(entries: list[Any], changes: dict[str, Any]) -> None:
    whole = {"meta": {"api-version": "1.0"}, "name": "demo", "files": entries, **changes}
    harmless(JsonParser(), json.dumps(whole).encode())


_MARKUP = (f'<html><a href="demo-1.0.zip#egg=x&amp;sha256={A}" data-yanked '
           f'data-core-metadata="sha256={B}" rel=download>x</a></html>')


@given(st.one_of(st.binary(max_size=200), st.tuples(st.sampled_from([_MARKUP.encode(), page(entry(hashes={"sha256": A}))]),
                                                    st.integers(0, 200), st.binary(max_size=9)).map(
    lambda change: change[0][:change[1]] + change[2] + change[0][change[1] + 1:])))
@example(b'<a href="//[demo-1.0.zip#sha256=' + b"a" * 64 + b'">')
def test_arbitrary_and_mutated_pages_raise_nothing_but_our_error(body: bytes) -> None:
    harmless(JsonParser(), body)
    harmless(HtmlParser(), body)
    for parser in (JsonParser(), HtmlParser()):
        try:
            reader = parser.listing(lambda name: True)
            reader.write(body)
            reader.finish()
        except InvalidPage:
            continue


def harmless(parser: JsonParser | HtmlParser, body: bytes) -> None:
    try:
        project, problems = parser.project(body, "demo", URL)
    except InvalidPage:
        return
    assert all(is_distribution(file.filename) for file in project.files)
    assert all(set(digest) <= set("0123456789abcdef") for file in project.files for digest in file.hashes.values())
    assert all(line.isprintable() for line in problems)
    json.dumps([project.extra, project.meta], allow_nan=False)


@pytest.mark.parametrize("unit", [f"#md5={MD5}&", "&", "=", "%26", f"sha256={A}&", "a=b&"])
@pytest.mark.heavy
def test_long_fragments_take_little_memory(unit: str) -> None:
    href = "demo-1.0.zip#" + unit * ((1 << 20) // len(unit))
    body = page(*[entry(url=href)] * 20)
    bounded(lambda: harmless(JsonParser(), body), memory=300 << 20)


@pytest.mark.parametrize("levels, passed", [(8, True), (9, False), (100, False)])
def test_unknown_keys_are_passed_on_up_to_a_bound_of_nesting(levels, passed):
    value = 1
    for _ in range(levels):
        value = [value]
    assert validation.unknown({"x": value}, frozenset()) == ({"x": value} if passed else {})
