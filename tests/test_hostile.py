"""An upstream that means harm: names, addresses, bodies and pages of every malformed kind."""

from __future__ import annotations

import contextlib
import gzip
import html
import itertools
import json
import re
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypimirror.errors import InvalidPage
from pypimirror.http import download, ssrf
from pypimirror.http import page as page_module
from pypimirror.sync import run
from pypimirror.upstream import http as http_source
from pypimirror.upstream import validation
from pypimirror.upstream.html_links import LinkParser, unescaped
from pypimirror.upstream.html_page import HtmlParser
from pypimirror.upstream.json_page import JsonParser
from support.mirror import Mirrored
from support.resource_limits import bounded
from support.upstream import JSON, Upstream, sdist, wheel

SHA = "a" * 64


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LAG", 0.01)


@pytest.fixture
def small(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror, not yet synced, of an upstream with one project that means no harm, and one that tests make worse."""
    upstream._server.handle_error = lambda request, address: None
    upstream.add("good", wheel("good", "1"))
    upstream.add("bad", wheel("bad", "1"))
    return mirrored


def page(*entries: Any, **more: Any) -> tuple[int, dict[str, str], bytes]:
    return (
        200,
        {"Content-Type": JSON},
        json.dumps(
            {"meta": {"api-version": "1.4", "_last-serial": 10**6}, "name": "bad", "files": list(entries), **more}
        ).encode(),
    )


def entry(upstream: Upstream, **facts: Any) -> dict[str, Any]:
    """The right entry of the bad project's file, with other facts."""
    name, served = next(iter(upstream.projects["bad"].items()))
    return {**upstream._entry("bad", served), "filename": name, **facts}


def logged(mirrored: Mirrored) -> str:
    return (mirrored.root / ".pypimirror/pypimirror.log").read_text(encoding="utf-8")


def check_unharmed(mirrored: Mirrored, outside: dict[str, bytes]) -> None:
    """Nothing was written outside of the mirror, the good project is there, and every page is true and can be read."""
    assert around(mirrored) == outside
    assert mirrored.files("good") == [wheel("good", "1")[0]]
    assert mirrored.untrue() == []
    for path, body in mirrored.tree().items():
        if path.endswith(("html", "json")):
            text = body.decode("utf-8")
            assert re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text) is None
            if path.endswith("json"):
                json.loads(body, parse_constant=pytest.fail)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]", logged(mirrored))


def around(mirrored: Mirrored) -> dict[str, bytes]:
    """Give what lies beside the mirror."""
    return {
        str(path): path.read_bytes()
        for path in mirrored.root.parent.rglob("*")
        if path.is_file() and mirrored.root not in path.parents and path != mirrored.config
    }


# --- names

NAMES = [
    "../evil-1.zip",
    "..",
    "/etc/evil-1.zip",
    "a/b-1.zip",
    "a\\b-1.zip",
    "bad-1.zip\0.html",
    "bad\n-1.zip",
    "\x1b[2Jbad-1.zip",
    "con.zip",
    "NUL.tar.gz",
    "com1.whl",
    "index.html",
    "index.v1_json",
    ".htaccess",
    ".bad-1.zip",
    "bad-1.zip/",
    "x" * 5000 + ".zip",
    "b\u0430d-1.zip",
    "bad\u200b-1.zip",
    "bad\u2215-1.zip",
    "\uff0e\uff0e/bad-1.zip",
    "bad-1.zip\u202e",
    "bad-1.zip.metadata",
    "",
    " ",
    "bad-1.zip ",
    "%2e%2e%2fevil-1.zip",
    "bad-1.zip#x",
    "bad-1.zip?x",
    "<script>-1.zip",
    '"onload=x-1.zip',
    7,
    None,
    [],
    {},
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_file_of_such_a_name_is_left_out_told_and_nothing_else_is(small: Mirrored, upstream: Upstream, name: Any) -> None:
    outside = around(small)
    upstream.answers["/simple/bad/"] = page(entry(upstream, filename=name), entry(upstream))
    assert small.run("sync") == 0
    check_unharmed(small, outside)
    assert small.files("bad") == [wheel("bad", "1")[0]]
    assert "bad: " in logged(small)


def test_names_that_differ_in_case_only_are_one_file(small: Mirrored, upstream: Upstream) -> None:
    other = wheel("bad", "1")[0].replace("bad", "BAD")
    upstream.answers["/simple/bad/"] = page(entry(upstream), entry(upstream, filename=other))
    assert small.run("sync") == 0
    assert len(small.files("bad")) == 1
    assert "listed twice" in logged(small)


PROJECTS = [
    "../evil",
    "..",
    ".",
    "/etc",
    "a/b",
    "a\\b",
    "\0",
    "bad\n",
    "\x1b[2J",
    "x" * 5000,
    "\u212aarrigell",
    "b\u0430d",
    "<script>",
    ".pypimirror",
    "bad%2f..%2f",
    "",
    " ",
    "-",
    "_",
    "caf\u00e9",
]


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("name", PROJECTS, ids=repr)
def test_a_project_of_such_a_name_is_none(small: Mirrored, upstream: Upstream, name: str, as_json: bool) -> None:
    outside = around(small)
    if as_json:
        body = json.dumps({"meta": {"api-version": "1.0"}, "projects": [{"name": name}, {"name": "good"}]})
        upstream.answers["/simple/"] = (200, {"Content-Type": JSON}, body.encode())
    else:
        upstream.json = False
        body = f'<html><a href="x/">{html.escape(name)}</a><a href="good/">good</a></html>'
        upstream.answers["/simple/"] = (200, {"Content-Type": "text/html"}, body.encode())
    assert small.run("sync") in ((0, 1) if name in ("", " ") else (0,))  # then the link's last part is the name
    check_unharmed(small, outside)
    assert {path.name for path in small.root.iterdir()} <= {
        "good",
        ".pypimirror",
        "full.html",
        "index.html",
        "index.v1_json",
        *(("x",) if not name.strip() else ("bad",) if not as_json else ()),
    }


@pytest.mark.parametrize("name", ["index.html", "pins", "full.html", "simple", "index.v1_json", "INDEX.HTML", "CON", "Pins"])
def test_a_project_called_like_a_path_of_ours_does_no_harm(small: Mirrored, upstream: Upstream, name: str) -> None:
    upstream.add(name, sdist(name, "1"))
    outside = around(small)
    assert small.run("sync") == 0
    check_unharmed(small, outside)
    assert "<title>Simple index</title>" in small.read("index.html")


# --- addresses


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/bad-1.whl",
        "javascript:alert(1)",
        "data:text/plain,x",
        "gopher://x/",
        "http://[::1",
        "http://me:secret@127.0.0.1/x",
        "https://me@files.example.com/x",
        "http://x/\x00",
        "http://x/a b",
        "http://x/" + "a" * 10_000,
        7,
        None,
        ["http://x/"],
    ],
    ids=repr,
)
def test_a_file_at_such_an_address_is_left_out_and_told(small: Mirrored, upstream: Upstream, url: Any) -> None:
    outside = around(small)
    upstream.answers["/simple/bad/"] = page(entry(upstream, url=url))
    assert small.run("sync") == 0
    check_unharmed(small, outside)
    assert small.files("bad") == []
    assert "bad: " in logged(small)
    assert "secret" not in logged(small)


@pytest.mark.parametrize("url", ["http:///x", "http://", "//", "\\\\server\\share", "..", "/", "?", "#", "."])
def test_an_address_that_leads_back_to_the_index_gets_nothing_else(small: Mirrored, upstream: Upstream, url: str) -> None:
    outside = around(small)
    upstream.answers["/simple/bad/"] = page(entry(upstream, url=url))
    assert small.run("sync") == 1
    check_unharmed(small, outside)
    assert small.files("bad") == []


def public_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 127.0.0.1 count as a public host, and no other name or address of this machine."""
    real = ssrf.addresses
    monkeypatch.setattr(ssrf, "addresses", lambda host: ("192.0.43.7",) if host == "127.0.0.1" else real(host))
    monkeypatch.setattr(ssrf, "check_peer", lambda host, address: None)  # where connections lead is another matter



def test_a_public_upstream_leads_to_no_file_that_is_not_public(
    small: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if 127.0.0.1 were public, and the loopback under another name were not."""
    public_loopback(monkeypatch)
    targets = [
        entry(upstream, filename=f"bad-{number}.zip", url=url)
        for number, url in enumerate(
            [
                upstream.host.replace("127.0.0.1", "localhost") + "/x",
                "http://169.254.169.254/latest/meta-data/",
                "http://10.0.0.1/x",
                upstream.host.replace("127.0.0.1", "[::1]") + "/x",
                "http://2130706434/x",
            ]
        )
    ]
    upstream.answers["/simple/bad/"] = page(*targets, entry(upstream))
    assert small.run("sync") == 0
    assert small.files("bad") == [wheel("bad", "1")[0]]
    assert logged(small).count("leads to a private address") == 5
    assert "/x" not in upstream.asked()


def test_a_public_upstream_redirects_to_nothing_that_is_not_public(
    small: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_loopback(monkeypatch)
    elsewhere = upstream.host.replace("127.0.0.1", "localhost")
    upstream.answers["/simple/bad/"] = (302, {"Location": f"{elsewhere}/simple/good/"}, b"")
    upstream.answers[f"/files/good/{wheel('good', '1')[0]}"] = (302, {"Location": f"{elsewhere}/secret"}, b"")
    assert small.run("sync") == 1
    assert "/secret" not in upstream.asked()
    assert logged(small).count("leads to a private address") >= 2


def test_a_public_upstream_has_no_provenance_that_is_not_public(
    small: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_loopback(monkeypatch)
    elsewhere = upstream.host.replace("127.0.0.1", "localhost")
    upstream.answers["/secret"] = (200, {"Content-Type": "application/json"}, b"{}")
    upstream.answers["/simple/bad/"] = page(entry(upstream, provenance=f"{elsewhere}/secret"))
    assert small.run("sync") == 0
    assert small.files("bad") == [wheel("bad", "1")[0]]
    assert "/secret" not in upstream.asked()
    assert "its provenance: refused: public host 127.0.0.1 leads to a private address" in logged(small)


@pytest.mark.parametrize(
    ("key", "text"),
    [("versions", "[buildout]\nextends = {url}\n[versions]\ngood = 1\n"), ("requirements", "-r {url}\ngood==1\n")],
)
def test_a_public_pin_file_names_none_that_is_not_public(
    small: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, key: str, text: str
) -> None:
    public_loopback(monkeypatch)
    elsewhere = upstream.host.replace("127.0.0.1", "localhost")
    upstream.answers["/pins"] = (200, {}, text.format(url=f"{elsewhere}/secret").encode())
    small.settings[key] = f"{upstream.host}/pins"
    assert small.run("sync") == 1
    assert "/secret" not in upstream.asked()
    assert "leads to a private address" in logged(small)


def test_redirects_without_end_have_one(small: Mirrored, upstream: Upstream) -> None:
    upstream.answers["/simple/bad/"] = (302, {"Location": "/simple/bad/"}, b"")
    assert small.run("sync") == 1
    assert "too many redirects" in logged(small)
    assert small.files("good")


# --- bodies


def endless(block: bytes, headers: dict[str, str], over: threading.Event) -> Callable[[Any], None]:
    """Send a block again and again, until the other side hangs up."""

    def answer(handler: Any) -> None:
        handler.close_connection = True
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        try:
            while not over.is_set():
                handler.wfile.write(block)
        except OSError:
            return

    return answer


@pytest.mark.parametrize(
    "where", ["/simple/", "/simple/bad/", f"/files/bad/{wheel('bad', '1')[0]}", f"/files/bad/{wheel('bad', '1')[0]}.metadata"]
)
@pytest.mark.parametrize("known", [True, False])
def test_a_body_without_end_is_cut_off(
    small: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, where: str, known: bool
) -> None:
    monkeypatch.setattr(http_source, "LONGEST_PAGE", 1 << 20)
    monkeypatch.setattr(http_source, "LONGEST_LIST", 1 << 20)
    if not known:
        upstream.json = False  # sizes are in JSON only
        temporary = small.root / ".pypimirror/tmp"

        def free(self: object) -> int:
            """Give what a disk would have on which 64 MB more than min_free are free."""
            written = sum(one.stat().st_blocks * 512 for one in temporary.iterdir())
            assert written < 512 << 20  # else the test would fill the disk that it runs on
            return (1 << 30) + (64 << 20) - written

        monkeypatch.setattr("pypimirror.storage.filesystem.FileSystem.free", free)
    # Not what is in the wheel, so that it has to be asked for.
    upstream.projects["bad"][wheel("bad", "1")[0]].metadata = b"Metadata-Version: 2.1\nName: bad\nVersion: 1\n\nMended."
    over = threading.Event()
    upstream.answers[where] = endless(b"x" * (1 << 16), {"Content-Type": JSON if upstream.json else "text/html"}, over)
    try:
        assert small.run("sync") == 1
    finally:
        over.set()
    assert not list((small.root / ".pypimirror/tmp").iterdir())
    if where != "/simple/":
        assert small.files("good")


@pytest.mark.usefixtures("each_fetcher")
@pytest.mark.parametrize("where", ["/simple/", "/simple/bad/"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_measured_by_what_comes_out_of_it(
    small: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, where: str, encoding: str
) -> None:
    monkeypatch.setattr(http_source, "LONGEST_PAGE", 1 << 20)
    monkeypatch.setattr(http_source, "LONGEST_LIST", 1 << 20)
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    packed = pack(b'{"meta": {"api-version": "1.0"}, "x": "' + b" " * (64 << 20))
    assert len(packed) < 1 << 20
    upstream.answers[where] = (200, {"Content-Type": JSON, "Content-Encoding": encoding}, packed)
    assert small.run("sync") == 1
    assert "is larger than" in logged(small)


@pytest.mark.parametrize("where", ["/simple/", "/simple/bad/"])
@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,deflate", "br", "zstd", "x"])
def test_what_is_packed_in_a_way_nobody_asked_for_is_not_unpacked(
    small: Mirrored, upstream: Upstream, where: str, encoding: str
) -> None:
    packed = gzip.compress(gzip.compress(b" " * (16 << 20)))
    upstream.answers[where] = (200, {"Content-Type": JSON, "Content-Encoding": encoding}, packed)
    assert small.run("sync") == 1
    assert "which was not requested" in logged(small)


def test_a_packed_body_nobody_asked_for_is_no_file(small: Mirrored, upstream: Upstream) -> None:
    body = gzip.compress(b"x" * (64 << 20))
    upstream.answers[f"/files/bad/{wheel('bad', '1')[0]}"] = (200, {"Content-Encoding": "gzip"}, body)
    assert small.run("sync") == 1
    assert small.files("bad") == []


@pytest.mark.parametrize("where", ["/simple/", "/simple/bad/", f"/files/bad/{wheel('bad', '1')[0]}"])
def test_a_body_that_takes_too_long_is_cut_off(
    small: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(page_module, "LONGEST", 0.0)
    monkeypatch.setattr(http_source, "_SECONDS", 0.0)
    monkeypatch.setattr(download, "LONGEST", 0.0)
    assert small.run("sync") == 1
    assert "takes too long" in logged(small) or "takes longer than" in logged(small)


@pytest.mark.usefixtures("each_fetcher")
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/html; charset=\x1b"},
        {"Content-Type": ""},
        {"Content-Type": "application/octet-stream"},
        {"ETag": "x" * 60_000},
        {"Content-Encoding": "br"},
        {"Content-Encoding": "gzip"},
        {"Content-Length": "-5"},
        {"Content-Length": "1e9"},
        {"X-PyPI-Last-Serial": "9" * 9000},
        *({f"X-{n}": "y" for n in range(size)} for size in (90, 150)),
    ],
    ids=lambda headers: str(headers)[:30],
)
def test_such_headers_are_got_over_or_told(small: Mirrored, upstream: Upstream, headers: dict[str, str]) -> None:
    outside = around(small)
    status, own, body = page(entry(upstream))
    upstream.answers["/simple/bad/"] = (status, {**own, **headers}, body)
    small.settings["timeout"] = 1  # a length that is none is taken for no length
    for _ in range(2):
        assert small.run("-I") in (0, 1)
        check_unharmed(small, outside)


NOT_HTTP = [
    b"HTTP/1.1 \r\n\r\n",
    b"HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 abc\r\n\r\n",
    b"\r\n\r\n",
    b"HTTP/1.1 99999 x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxxxx",
    b"HTTP/1.1 204 No\r\n\r\n",
    b"HTTP/1.1 101 Switch\r\n\r\nx",
    *(b"HTTP/1.1 302 x\r\nLocation: " + target + b"\r\nContent-Length: 0\r\n\r\n"
      for target in (b"file:///etc/passwd", b"http://[", b"\xff\xfe", b"gopher://x/", b"http://a b/", b"http://127.0.0.1:0/",
                     b"http://127.0.0.1:99999/", b"//", b"javascript:x", b"http://x:y@[::1/", b"\x1b[2J", b"")),
]


@pytest.mark.parametrize("fetcher", ["requests", "pycurl"])
@pytest.mark.parametrize("where", ["/simple/bad/", f"/files/bad/{wheel('bad', '1')[0]}"])
@pytest.mark.parametrize("answer", NOT_HTTP, ids=lambda answer: repr(answer[:60]))
def test_what_is_no_http_is_told_and_holds_up_nobody(
    small: Mirrored, upstream: Upstream, answer: bytes, where: str, fetcher: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if fetcher == "pycurl":
        pytest.importorskip("pycurl")
    outside = around(small)

    def raw(handler: Any) -> None:
        handler.close_connection = True
        with contextlib.suppress(OSError):
            handler.connection.sendall(answer)

    upstream.answers[where] = raw
    small.settings["fetcher"] = fetcher
    assert small.run("sync") == 1
    check_unharmed(small, outside)
    assert small.files("bad") == [] if where.startswith("/files") else "bad" not in small.read("index.html")
    assert "Traceback" not in "".join(capsys.readouterr()) + logged(small)


# --- pages


@pytest.mark.parametrize(
    "fact",
    [
        {"requires-python": '>=3"><script>alert(1)</script>'},
        {"yanked": "<img src=x onerror=alert(1)>"},
        {"yanked": "\ud800\x00\x1b[2J"},
        {"requires-python": "\ud800"},
        {"requires-python": "\x00"},
        {"upload-time": "<b>"},
        {"size": 10**400},
        {"size": -1},
        {"size": 1.5},
        {"size": True},
        {"hashes": {"sha256": "../../etc"}},
        {"hashes": {"sha256": "g" * 64}},
        {"hashes": "x"},
        {"hashes": {"md5": None}},
        {"core-metadata": {"sha256": 7}},
        {"core-metadata": [1]},
        {"gpg-sig": "x"},
        {"provenance": "javascript:alert(1)"},
        {"provenance": 7},
        {"new": json.loads("[" * 500 + "]" * 500)},
        {"new": 10**300},
        {"new": "\ud800"},
        {"new": {"<": "\x00"}},
        {"\ud800": 1},
    ],
    ids=lambda fact: str(fact)[:40],
)
def test_such_facts_of_a_file_reach_no_page_as_they_are(small: Mirrored, upstream: Upstream, fact: dict[str, Any]) -> None:
    outside = around(small)
    upstream.answers["/simple/bad/"] = page(entry(upstream, **fact))
    status = small.run("sync")
    assert status in (0, 1)
    check_unharmed(small, outside)
    for path in ("bad/index.html", "full.html", "index.html"):
        assert re.search(r"<(script|img|b)\b", small.read(path)) is None
    assert small.run("-I") == status


@pytest.mark.parametrize(
    "more",
    [
        {"name": "other"},
        {"project-status": {"status": "<b>", "reason": "\ud800"}},
        {"project-status": [[]]},
        {"versions": [7, None]},
        {"meta": {"api-version": "1.0", "_last-serial": 10**300}},
        {"meta": {"api-version": "1.9", "_last-serial": "\x00"}},
        {"meta": {"api-version": "1.0", "tracks": [[[]]]}},
        {"alternate-locations": json.loads("[" * 300 + "]" * 300)},
    ],
    ids=lambda more: str(more)[:40],
)
def test_such_facts_of_a_project_do_no_harm(small: Mirrored, upstream: Upstream, more: dict[str, Any]) -> None:
    outside = around(small)
    upstream.answers["/simple/bad/"] = page(entry(upstream), **more)
    assert small.run("sync") == 0
    check_unharmed(small, outside)
    assert small.run("-I") == 0


@pytest.mark.parametrize(
    "body",
    [
        b'{"meta": {"api-version": "1.0"}, "files": [], "x": NaN}',
        b'{"meta": {"api-version": "1.0"}, "files": [], "x": -Infinity}',
        b'{"meta": {"api-version": "1.0"}, "files": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        b"[]",
        b"null",
        b"{}",
        b"\x00" * 100,
        b"",
        b'{"meta": {"api-version": "1.0"}, "files": [], "x": ' + b"9" * 10_000 + b"}",
        b'{"meta": {"api-version": "2.0"}, "files": []}',
    ],
)
def test_such_a_page_is_told_and_holds_up_nobody(small: Mirrored, upstream: Upstream, body: bytes) -> None:
    outside = around(small)
    upstream.answers["/simple/bad/"] = (200, {"Content-Type": JSON}, body)
    assert small.run("sync") == 1
    check_unharmed(small, outside)
    assert f"{upstream.host}/simple/bad/" in logged(small) or "bad: " in logged(small)


def test_a_number_that_is_none_in_json_reaches_no_page(small: Mirrored, upstream: Upstream) -> None:
    status, headers, body = page(entry(upstream, new=0))
    upstream.answers["/simple/bad/"] = (status, headers, body.replace(b'"new": 0', b'"new": 1e999'))
    outside = around(small)
    assert small.run("sync") == 0
    check_unharmed(small, outside)


def test_a_page_of_too_many_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypimirror.upstream.json_page.MOST_LINKS", 3)
    monkeypatch.setattr("pypimirror.upstream.html_links.MOST_LINKS", 3)
    for parser, body in ((JsonParser(), page(*[{}] * 4)[2]), (HtmlParser(), b"<a href=x>" * 5)):
        with pytest.raises(InvalidPage, match="more than 3"):
            parser.project(body, "bad", "http://x.example.com/")


# --- HTML in proportional time

UNITS = [
    "<a ",
    "<a",
    "<!",
    "<!--",
    "-->",
    "<a href='",
    '<a href="',
    "<",
    "</a",
    "&",
    "<a href",
    "<a href=",
    "<a " + " " * 99,
    "<a href=x>",
    " href",
    "<a href ' ",
    "=",
    "<base href=x ",
    "<script>",
    "</script",
    "<style",
    "<a b=\"'",
    "<title><a ",
    "&#",
    "&#9999999999",
    "<!DOCTYPE ",
    "<?",
    "<a/",
    "</",
    "<a =",
    "<a ='",
    "&#x;",
    "<!-",
    "--!>",
    "<a b =\n",
    "\x00",
    "<meta name=pypi:repository-version content=",
]


@pytest.mark.parametrize("unit", UNITS)
def test_pages_take_time_in_proportion_to_their_size(unit: str) -> None:
    # With Python's own parser some of these take hours.
    body = (unit * ((1 << 20) // len(unit))).encode()

    def parse() -> None:
        with contextlib.suppress(InvalidPage):
            HtmlParser().project(body, "bad", "http://x.example.com/")
        with contextlib.suppress(InvalidPage):
            reader = HtmlParser().listing(lambda name: True)
            for start in range(0, len(body), 1 << 14):
                reader.write(body[start : start + (1 << 14)])
            reader.finish()

    bounded(parse)


def test_digits_without_end_are_no_character() -> None:
    assert unescaped("&#" + "9" * 100_000 + ";x") == "\ufffdx"
    assert unescaped("&#x" + "f" * 100_000 + "x") == "\ufffdx"
    assert unescaped("&#65;&#x42;&amp;&gt") == "AB&>"


def found(*parts: str) -> list[tuple[str, str]]:
    links = LinkParser()
    for part in parts:
        links.feed(part)
    links.close()
    return [(href, text) for href, text, _ in links.anchors]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("<a href=x>y</a>", [("x", "y")]),
        ("<A HREF='x'>y", [("x", "y")]),
        ('<a\nhref = "x y" >z</a>', [("x y", "z")]),
        ("<a title='>' href=x>y</a>", [("x", "y")]),
        ("<a href=a/b/>y</a>", [("a/b/", "y")]),
        ("<a href=x/>", [("x/", "")]),
        ("<a href=1 href=2>y</a>", [("1", "y")]),
        ("<!-- <a href=1> --><a href=2>y</a>", [("2", "y")]),
        ("<!--><a href=1>y</a>", [("1", "y")]),
        ("<!---><a href=1>y</a>", [("1", "y")]),
        ("<script>'<a href=1>'</script><a href=2>y", [("2", "y")]),
        ("<SCRIPT><a href=1></sCript ><a href=2>y", [("2", "y")]),
        ("<a href=1>a<b>c</b>d</a>", [("1", "acd")]),
        ("<a href=1><a href=2>", [("1", ""), ("2", "")]),
        ("a < b <a href=1>c < d</a>", [("1", "c < d")]),
        ("<a href='1", []),
        ("<a href=1", []),
        ("<abbr href=1>", []),
        ("<a data-href=1>", []),
        ("<!DOCTYPE html><?xml ?><a href=&quot;x&amp;y>&lt;</a>", [('"x&y', "<")]),
        ("</a href=1>", []),
        ("<a href>", []),
        ("<a href=''>", []),
        ('<a href="x"title=y>z</a>', [("x", "z")]),
        ("<a =b href=x>", [("x", "")]),
        ("<title><a href=1></title><a href=2>", [("2", "")]),
    ],
)
def test_links_are_what_the_standard_says(text: str, links: list[tuple[str, str]]) -> None:
    assert found(text) == links


@given(st.text(alphabet="<>/!-a='\" bhref&#;1\nscript?", max_size=80), st.data())
def test_a_page_in_parts_is_the_same_page(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    parts = [text[start:end] for start, end in itertools.pairwise([0, *cuts, len(text)])]
    assert found(*parts) == found(text)


# --- lists


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"meta": {"api-version": "1.0"}, "projects": {}}',
        b'{"meta": {"api-version": "1.0"}, "projects": [7]}',
        b"[" * 1_000_000 + b"]",
        b'{"meta": {"api-version": "9.0"}, "projects": []}',
        b"\xff" * 1000,
    ],
)
def test_a_malformed_list_is_one_line_and_takes_nothing_away(
    small: Mirrored, upstream: Upstream, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small.run("sync") == 0
    before = small.tree()
    upstream.answers["/simple/"] = (200, {"Content-Type": JSON}, body)
    assert small.run("-U") in (1, 4)
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and upstream.url in error
    assert small.tree() == before


@given(st.text(max_size=300))
def test_a_line_is_one_that_any_page_can_carry(text: str) -> None:
    line = validation.line(text)
    assert line is None or (line.isprintable() and line.encode("utf-8"))
