"""What comes from elsewhere takes time and memory in proportion to its size, whatever is in it."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest

from pypimirror.errors import FetchError, InvalidPage
from pypimirror.http import ssrf
from pypimirror.metadata.core_metadata import fields
from pypimirror.metadata.errors import InvalidContent
from pypimirror.model import File, Project
from pypimirror.pins import dependencies, sections
from pypimirror.pins.environments import environments
from pypimirror.pins.extends_chain import Chain
from pypimirror.pins.flat_pins import flatten_versions
from pypimirror.pins.model import InvalidPins
from pypimirror.pins.pin_files import read_pin_files
from pypimirror.pins.pylock import read_pylock
from pypimirror.pins.requirements import pins_of, read_requirements
from pypimirror.pins.sdist import read_sdist
from pypimirror.pins.versions import read_versions
from pypimirror.upstream import html_links, json_page
from pypimirror.upstream.html_page import HtmlParser
from pypimirror.upstream.http import HttpSource
from pypimirror.upstream.json_page import JsonParser
from pypimirror.upstream.scan import scan
from support.mirror import Mirrored
from support.resource_limits import bounded
from support.upstream import Upstream, packed, wheel

URL = "http://x.example.com/simple/bad/"
META = b'{"meta": {"api-version": "1.0"}, '
LINUX = environments(("3.11",), ("manylinux_2_28_x86_64",))
MEGABYTE = 1 << 20


def listed(parser: HtmlParser | JsonParser, start: bytes, unit: bytes, megabytes: int) -> None:
    """Read a list as it comes from the network, in blocks."""
    reader = parser.listing(lambda name: False)
    block = unit * ((1 << 16) // len(unit))
    try:
        reader.write(start)
        for _ in range(megabytes * MEGABYTE // len(block)):
            reader.write(block)
        reader.finish()
    except InvalidPage:
        return


def refused(parser: HtmlParser | JsonParser, body: bytes) -> None:
    try:
        parser.project(body, "bad", URL)
    except InvalidPage:
        return


# --- lists

@pytest.mark.parametrize(("start", "unit"), [
    (META + b'"x": "', b"a"), (META, b"\n"), (META + b'"projects"', b" "), (META + b'"projects":[{"name":"', b"a"),
    (META + b'"projects":[', b"[},"), (META + b'"x": [', b'"projects"    ,')])
def test_json_lists_that_never_get_to_the_point(start: bytes, unit: bytes) -> None:
    # To look for it from the beginning for each block would take minutes.
    bounded(lambda: listed(JsonParser(), start, unit, 144))


@pytest.mark.parametrize(("start", "unit"), [
    (META + b'"projects":[{"name":[', b"[],"), (META + b'"x":[', b"{},"), (META + b'"projects":[{"a":{}},{"b":[', b"[],[],")])
def test_json_lists_of_very_many_values(start: bytes, unit: bytes) -> None:
    bounded(lambda: listed(JsonParser(), start, unit, 144))


def test_a_json_list_nested_without_end_is_refused() -> None:
    reader = JsonParser().listing(lambda name: True)
    reader.write(META + b'"projects":[' + b"[" * 200_000 + b"}")
    with pytest.raises(InvalidPage):
        reader.finish()


@pytest.mark.parametrize("parser", [JsonParser(), HtmlParser()])
def test_a_list_of_too_many_projects_is_refused(
        parser: HtmlParser | JsonParser, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("json_page", "html_page"):
        monkeypatch.setattr(f"pypimirror.upstream.{module}.MOST_PROJECTS", 100)
    reader = parser.listing(lambda name: True)
    start, unit = (META + b'"projects":[', b'{"name": "a"},') if isinstance(parser, JsonParser) else (b"", b"<a href=a/>a</a> ")
    reader.write(start)
    reader.write(unit * 100)
    with pytest.raises(InvalidPage, match="more than 100 projects"):
        reader.write(unit * 3)


# --- pages

@pytest.mark.parametrize("unit", [b"[],", b'{"":', b'[{"":""}],'])
def test_json_pages_of_very_many_values_take_little_memory(unit: bytes) -> None:
    bounded(lambda: refused(JsonParser(), META + b'"files":[' + unit * (64 * MEGABYTE // len(unit))))
    assert json_page._MOST_VALUES * 100 < 1 << 30


@pytest.mark.parametrize("tag", [1 << 15, 1 << 24])
@pytest.mark.heavy
def test_html_pages_of_very_many_attributes_take_little_memory(tag: int) -> None:
    attributes = " ".join(f"{number:x}" for number in range(tag // 6)).encode()
    body = (b"<a href=x " + attributes + b">") * (16 * MEGABYTE // tag)
    bounded(lambda: refused(HtmlParser(), body))


def test_a_tag_is_no_longer_than_one_is() -> None:
    for parts in ([b"<a " + b"b " * html_links._LONGEST_TAG + b">"], [b"<a href='", *[b"x" * (1 << 16)] * 3]):
        reader = HtmlParser().listing(lambda name: True)
        with pytest.raises(InvalidPage, match="a tag of more than"):
            for part in parts:
                reader.write(part)


@pytest.mark.heavy
def test_files_on_very_many_hosts_are_not_all_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    public = "index.example.com"
    monkeypatch.setattr(ssrf, "addresses", lambda host: looked.append(host) or ("8.8.8.8" if host == public else "10.0.0.1",))
    source = object.__new__(HttpSource)
    source.url, source._host = "http://index.example.com/simple/", "index.example.com"
    own = File("own-1.zip", "http://index.example.com/own-1.zip")
    files = [File(f"bad-{number}.zip", f"http://{number}.example.org/bad-{number}.zip") for number in range(60_000)]
    kept: list[Project] = []

    def look() -> None:
        project, problems = source._without_private_hosts(Project("bad", (own, *files)))
        assert (project.files, len(problems)) == ((own,), len(files))
        assert len(set(looked)) < 50
        kept.append(project)

    # To hold each file against each one that is refused would take many minutes.
    bounded(look)


def test_an_index_that_is_not_public_may_have_files_anywhere_without_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssrf, "addresses", lambda host: ["10.0.0.1"] if host == "inside" else pytest.fail(host))
    ssrf.check("http://inside/simple/", "http://files.example.com/")


@pytest.mark.parametrize("unit", ["<a href=bad-1.zip>", "<a href='", "<!--", "<a href ", "<base ", "<a " + " " * 999, "<"])
@pytest.mark.heavy
def test_pages_of_no_index(unit: str) -> None:
    bounded(lambda: scan(unit * (4 * MEGABYTE // len(unit)), URL, "bad", URL, lambda files: files))


# --- pin files and what is in distributions

def versions(text: str) -> None:
    chain = Chain("/a", lambda name: text.encode())
    try:
        read_versions(chain, LINUX)
        flatten_versions(chain, LINUX)
    except InvalidPins:
        return


@pytest.mark.parametrize(("start", "unit"), [
    ("[versions:", " "), ("[versions]\na = ", "${"), ("[versions]\na = ", "${versions:a}"), ("", "[versions]\n"),
    ("[versions]\n", "a += 1\n"), ("[versions]\n", "a -= 1\n"), ("[versions]\na =\n", "  b\n"), ("[", "a"),
    ("[versions]\n", " ")])
def test_versions_of_buildouts(start: str, unit: str) -> None:
    bounded(lambda: versions(start + unit * (MEGABYTE // len(unit))))


def test_conditions_without_end() -> None:
    text = "".join(f"[versions:python_version != '{number}']\na = {number}\n" for number in range(100_000))
    bounded(lambda: versions(text))
    with pytest.raises(InvalidPins, match="line 20001: more than 10000 sections"):
        sections.parse(text, "/a")


def requirements(text: str) -> None:
    try:
        pins_of(read_requirements("/a", lambda name: text.encode()), LINUX)
    except InvalidPins:
        return


@pytest.mark.parametrize(("start", "unit"), [
    ("", " "), ("a==1", " "), ("-r ", "["), ("a==1 --hash=", "a"), ("a==", "1."), ("a ; ", "("), ("a[", "a,"), ("", "\\\n"),
    ("a ; ", "python_version < '3' and "), ("", " #"), ("a==1 ", "\t")])
def test_requirements(start: str, unit: str) -> None:
    bounded(lambda: requirements(start + unit * (2 * MEGABYTE // len(unit))))


@pytest.mark.parametrize(("start", "operator"), [("[versions]\n", " = "), ("", "==")], ids=["versions", "requirements"])
@pytest.mark.heavy
def test_hundreds_of_thousands_of_pins(start: str, operator: str) -> None:
    """Half a gigabyte, when each pin was several objects and each step a copy."""
    count = 230_000
    text = start + "".join(f"p{number}{operator}1.{number}\n" for number in range(count))

    def read() -> None:
        found = read_pin_files(("/a",) if start else (), () if start else ("/a",), LINUX, lambda name: text.encode(), Kept())
        assert len(found.pins.versions) == count and not found.pins.problems

    bounded(read, memory=320 * MEGABYTE)


class Kept:
    """No earlier copies."""

    def get(self, name: str) -> str | None:
        return None

    def put(self, name: str, text: str) -> None:
        assert text


@pytest.mark.parametrize("unit", ["1.", "a.b.", "[", "{a=", "a = [", "'", "a" * 9999 + "\n"])
def test_lock_files_and_build_requirements(unit: str) -> None:
    text = "lock-version = '1.0'\n" + unit * (MEGABYTE // len(unit) - 1)

    def read() -> None:
        try:
            read_pylock("/pylock.toml", lambda name: text.encode(), LINUX)
        except InvalidPins as error:
            assert len(str(error)) < 1000

    bounded(read)
    _, body = packed("bad-1.0", {"pyproject.toml": text})
    bounded(lambda: read_sdist(io.BytesIO(body), "bad-1.0.tar.gz"))


def requirements_in(metadata: bytes) -> None:
    with suppress(InvalidContent):  # too many fields: refused before they are parsed
        dependencies._requires_dist(metadata)


@pytest.mark.parametrize("unit", ["A: b\n", "A:\n ", " b\n", ":", "A", "Name: ", "\r", "=?utf-8?q?", "A: =?x?b?\n"])
@pytest.mark.heavy
def test_core_metadata(unit: str) -> None:
    body = (unit * (8 * MEGABYTE // len(unit))).encode()
    bounded(lambda: fields(body))
    bounded(lambda: requirements_in(body))


def test_a_name_that_means_another_address_by_now_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssrf, "addresses", lambda host: ["192.0.43.7"])
    ssrf.check("http://index.example.com/", "http://files.example.com/")
    ssrf.check_peer("files.example.com", "192.0.43.8")
    for address in ("127.0.0.1", "10.0.0.1", "::1", "fe80::1%eth0", "169.254.169.254"):
        with pytest.raises(FetchError, match="connected at the private address"):
            ssrf.check_peer("FILES.example.com", address)
    ssrf.check_peer("elsewhere.example.com", "127.0.0.1")


@pytest.mark.parametrize("fetcher", ["requests", "pycurl"])
def test_no_fetcher_asks_a_host_whose_address_was_public_and_is_no_more(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, fetcher: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    if fetcher == "pycurl":
        pytest.importorskip("pycurl")
    upstream.add("one", wheel("one", "1"))
    monkeypatch.setattr(ssrf, "addresses", lambda host: ["192.0.43.7"])
    mirrored.settings |= {"fetcher": fetcher, "index_url": upstream.url.replace("127.0.0.1", "localhost")}
    # The page is on a host that is public when its links are looked at, and leads to it under another name.
    upstream.projects["one"][wheel("one", "1")[0]].facts["url"] = upstream.host + "/files/one/" + wheel("one", "1")[0]
    assert mirrored.run("sync") == 1
    assert not [path for path in upstream.asked() if path.startswith("/files")]
    assert "connected at the private address 127.0.0.1" in capsys.readouterr().err
