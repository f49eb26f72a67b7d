"""Foreign text is printable and short wherever it is shown."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypimirror.errors import FetchError, MirrorError
from pypimirror.report.safe_stream import SafeStream
from pypimirror.secret import LONGEST, printable, printable_values
from pypimirror.verbs import VERBS
from support.mirror import Mirrored
from support.servers import answered_by
from support.upstream import Upstream, wheel

#: ANSI, OSC with both ends, C1, bidirectional overrides and isolates, line separators, and what no encoding has.
CODES = ["\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;http://evil.example\x1b\\x", "\x9b31m", "\x9d0;x\x9c", "a\rb", "a\nb",
         "a\x0bb", "a\x0cb", "\u202eevil", "\u2066x\u2069", "\u200fx", "a\u2028b", "a\u2029b",
         "a\x85b", "\ud83d", "\x00", "\x7f", "\u200b", "\ufeff", "\x08\x08", "\u061c"]


def bad(text: str) -> set[str]:
    """Return the characters of a text that no terminal should get, line ends apart."""
    return {character for character in text.replace("\n", "").replace("\t", "") if not character.isprintable()}


@pytest.mark.parametrize("code", CODES)
def test_codes_become_escapes(code: str) -> None:
    assert not bad(printable(code)) and printable(code).isprintable()


@given(st.text(max_size=50) | st.text(min_size=2 * LONGEST, max_size=2 * LONGEST + 9))
@pytest.mark.heavy
def test_any_text_is_printable_and_bounded(text: str) -> None:
    found = printable(text)
    assert found.isprintable() and len(found) <= 10 * LONGEST + 3
    stream = SafeStream(out := io.StringIO(), LONGEST)  # type: ignore[arg-type]
    assert stream.write(text) == len(text)
    assert not bad(out.getvalue())


def test_plain_data_keeps_its_form() -> None:
    assert printable_values({"a": ["\x1b", 1, None], "b": {"c": True}}) == {"a": ["\\x1b", 1, None], "b": {"c": True}}


@pytest.mark.parametrize("code", CODES)
def test_errors_are_printable_and_short(code: str) -> None:
    for error in (MirrorError(f"x {code}"), FetchError(f"http://h/{code}", f"status {code}")):
        assert str(error).isprintable()
    assert len(str(FetchError("http://h/" + "x" * 65_000, "y" * 65_000))) < 3000


def test_the_progress_lines_own_codes_stay() -> None:
    stream = SafeStream(out := io.StringIO())  # type: ignore[arg-type]
    stream.write("\r\x1b[Klooked at \x1b[31m")
    assert out.getvalue() == "\r\x1b[Klooked at \\x1b[31m"


def test_what_an_encoding_lacks_is_escaped() -> None:
    raw = io.BytesIO()
    stream = SafeStream(io.TextIOWrapper(raw, "ascii", write_through=True))
    stream.write("\u20ac\n")
    assert raw.getvalue() == b"\\u20ac\n"


NASTY = "\x1b[31m\x1b]0;x\x07\u202e\u2028\x9b" + "y" * 65_000


@pytest.fixture
def nasty(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror whose upstream says nasty things in names, reasons, headers and links."""
    upstream.add("one", wheel("one", "1"), yanked=NASTY)
    upstream.add("two", wheel("two", "1"))
    upstream.projects["one"][wheel("one", "1")[0]].facts["requires-python"] = NASTY
    entry = {"filename": NASTY, "url": f"{upstream.host}/{NASTY}", "hashes": {}, "yanked": NASTY}
    other = {"filename": wheel("two", "1")[0], "url": f"{upstream.host}/moved", "hashes": {"sha256": NASTY}}
    page = json.dumps({"meta": {"api-version": "1.4"}, "name": "two", "files": [entry, other], "_last-serial": NASTY})
    upstream.answers["/simple/two/"] = (200, {"Content-Type": "application/vnd.pypi.simple.v1+json"}, page.encode())
    upstream.answers["/moved"] = (302, {"Location": "/x\x1b[31m\x9b" + "y" * 9000}, b"")
    upstream.add("three")
    upstream.answers["/simple/three/"] = (200, {"Content-Type": "text/\x1b[31m\x9bhtml" + "x" * 9000}, b"")
    mirrored.settings |= {"report_filename": "report.json", "metrics_filename": "figures.prom", "verbose": "True"}
    return mirrored


@pytest.mark.usefixtures("each_fetcher")
def test_nothing_of_upstream_reaches_terminal_log_status_or_report_as_a_code(
        nasty: Mirrored, capsys: pytest.CaptureFixture[str]) -> None:
    nasty.run("sync", "-c")
    for verb in ("plan", "plan --json", "status", "status --json", "verify", "trash list", "config"):
        nasty.run(*verb.split())
    told = capsys.readouterr()
    texts = [told.out, told.err]
    folder = nasty.config.parent
    for name in (nasty.root / ".pypimirror/pypimirror.log", folder / "report.json", folder / "figures.prom"):
        texts.append(name.read_text(encoding="utf-8"))
    assert [bad(text) for text in texts] == [set()] * len(texts)
    assert max(len(line) for text in texts for line in text.splitlines()) < 21_000
    assert "Traceback" not in "".join(texts)


@pytest.mark.usefixtures("each_fetcher")
@pytest.mark.parametrize("reason", [b"\x1b[31mred\x1b]0;x\x07", b"\x9b31m\x85", b"x" * 60_000])
@pytest.mark.parametrize("as_proxy", [False, True])
def test_status_lines_of_hosts_and_proxies_are_printable(
        mirrored: Mirrored, reason: bytes, as_proxy: bool, capsys: pytest.CaptureFixture[str]) -> None:
    from http.server import BaseHTTPRequestHandler

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.1 502 " + reason + b"\r\nContent-Length: 0\r\n\r\n")
            self.close_connection = True

        do_CONNECT = do_GET  # noqa: N815

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with answered_by(Handler) as address:
        if as_proxy:
            mirrored.settings |= {"proxy": address, "index_url": "https://index.example.com/simple/"}
        else:
            mirrored.settings["index_url"] = f"{address}/simple/"
        assert mirrored.run("sync", "-c") == 1
    told = capsys.readouterr().err
    assert not bad(told) and "Traceback" not in told
    assert max(map(len, told.splitlines())) < 3000


@pytest.mark.parametrize("code", ["\x1b[31m\u202e\x9b\x1b]0;x\x07", "a\nb"])
@pytest.mark.parametrize("words", [
    ["{config}", "{code}"], ["{code}", "sync"], ["{config}", "--{code}"], ["{config}", "trash", "restore", "{code}"],
    ["{config}", "sync", "-f", "{config}/{code}/x"], ["{config}", "allow", "one", "--why", "{code}"],
    ["{config}", "allow", "one", "--why", "x", "--until", "{code}"], ["{config}", "who", "one", "--access-log", "{code}"],
    ["{config}", "who", "{code}", "--access-log", "{config}"], ["{config}", "export", "{code}", "--since", "{code}"],
    ["{config}", "snapshot", "create", "{code}"], ["{config}", "snapshot", "promote", "one", "--as", "{code}"],
    ["{config}", "snapshot", "create", "one", "--at", "{code}"], ["doctor", "--url", "http://127.0.0.1:9/{code}"],
    ["from-bandersnatch", "{code}"], ["plugin", "new", "{code}"], ["help", "{code}"],
    ["init", "{code}", "--packages", "{code}"],
    *(["{config}", verb, "{code}"] for verb, declared in sorted(VERBS.items()) if declared.configured and verb != "serve")])
def test_arguments_are_printable_in_messages(
        mirrored: Mirrored, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str,
        words: list[str]) -> None:
    from pypimirror import cli

    monkeypatch.chdir(tmp_path)
    given = [word.format(config=mirrored.write(), code=code) for word in words]
    try:
        status = cli.main(None, given)
    except SystemExit as stop:
        status = stop.code
    told = capsys.readouterr()
    assert status in (0, 1, 2)
    assert not bad(told.err + told.out) and "Traceback" not in told.err


@pytest.mark.parametrize("words", [[b"{config}", b"\xff"], [b"\xff.cfg", b"sync"], [b"{config}", b"sync", b"\xff\xfe"],
                                   [b"{config}", b"--log-filename", b"\xff", b"sync"], [b"{config}", b"sync", b"--report=\xe4"],
                                   [b"{config}", b"trash", b"restore", b"\xff"], [b"{config}", b"adopt", b"\xff"], [b"--\xff"]])
def test_arguments_that_are_not_utf_8_are_one_line_and_2(mirrored: Mirrored, words: list[bytes]) -> None:
    config = os.fsencode(mirrored.write())
    given = [word.replace(b"{config}", config) for word in words]
    process = subprocess.run([sys.executable, "-m", "pypimirror", *given], capture_output=True, stdin=subprocess.DEVNULL)
    assert process.returncode == 2
    assert process.stderr.count(b"\n") == 1 and b"not UTF-8" in process.stderr
    assert not mirrored.root.exists()
