"""Targets for URLs and hosts, for a crontab and access logs, and for the requests that ``serve`` answers."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from wsgiref.util import FileWrapper

from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import parse_url

from pypimirror import secret
from pypimirror.errors import MirrorError
from pypimirror.http.configured_url import configured_url, hidden
from pypimirror.http.hosts import normalize_host, origin
from pypimirror.http.urls import strip_credentials
from pypimirror.jobs import crontab
from pypimirror.names import is_project
from pypimirror.serve.app import App
from pypimirror.serve.missing_projects import MOST, MissingProjects, missing_in_log, read_record

MARK = "[pypimirror] in /srv/site"
#: From this length on a password is no part of other words by chance.
_LONG = 8
_FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") else None


def configured(body: bytes) -> None:
    """Check that no message has a password, and that a URL that passes has an origin or is refused with a ValueError."""
    text = body.decode("utf-8", "replace")
    secret._known.clear()
    secret._pattern = None
    try:
        url = configured_url(text)
    except ValueError as error:
        assert len(str(error).splitlines()) == 1
        hidden(text)
        return
    if isinstance(url, secret.SecretURL):
        authority = str(url).partition("://")[2].partition("/")[0]
        assert "@" not in authority.partition("?")[0].partition("#")[0]
        assert urlsplit(url.reveal()).hostname == urlsplit(str(url)).hostname
        user, _, password = url.userinfo().reveal().partition(":")
        for word in (unquote(password or user), password or user):
            if len(unquote(word)) >= _LONG:
                assert word not in secret.printable(f"failed: {url.reveal()} and {word}")
                shown = hidden(text)
                # What it adds to the known secrets makes another pattern of them, which takes longer than all the rest.
                assert word not in shown or word not in secret.printable(shown)
    try:
        origin(str(url))
    except ValueError as error:
        assert len(str(error).splitlines()) == 1


def host(body: bytes) -> None:
    """Check that the normal form is one, and that fetchers see the same host in a URL that has an origin."""
    text = body.decode("utf-8", "replace")
    url = text if "://" in text else f"http://{text}/"
    try:
        found = origin(url)
    except ValueError:
        return
    strip_credentials(url)
    if found is None:
        return
    assert found.host == found.host.lower() or "%" in found.host
    assert not found.host.partition("%")[0].endswith(".") and found.host.isascii()
    assert normalize_host(found.host) == found.host, found
    if found.scheme in ("http", "https"):
        assert normalize_host(urlsplit(url).hostname or "") == found.host, (url, found)
        try:
            seen = parse_url(url).host or ""
        except (LocationParseError, HTTPError, ValueError):
            return
        assert normalize_host(seen) == found.host, (url, found, seen)


def table(body: bytes) -> None:
    """Check that our block goes into any crontab and out of it, and that nothing else changes."""
    begin, end = crontab._border_lines(MARK)
    try:
        head, found, tail = crontab._split_at_block(body, begin, end)
        assert found or (head, tail) == (body, b"")
        if head and not head.endswith(b"\n"):
            head += b"\n"
        assert crontab._split_at_block(head + begin + b"x\n" + end + tail, begin, end) == (head, True, tail)
    except MirrorError:
        assert begin[:-1] in body


def access_log(body: bytes) -> None:
    """Check names and times out of an access log, plain or compressed."""
    suffix = ".gz" if body.startswith(b"\x1f\x8b") else ".log"
    with tempfile.NamedTemporaryFile(dir=_FOLDER, suffix=suffix) as stream:
        stream.write(body)
        stream.flush()
        missed = MissingProjects()
        for below in ("", "/mirror"):
            for name, when in missing_in_log(stream.name, below):
                missed.note(name, when)
    assert len(missed.names()) <= MOST and all(is_project(one.project) for one in missed.names())


def missed_record(body: bytes) -> None:
    """Check the record of names that ``serve`` keeps: what can't be read counts for nothing."""
    with tempfile.NamedTemporaryFile(dir=_FOLDER) as stream:
        stream.write(body)
        stream.flush()
        for one in read_record(stream.name):
            assert is_project(one.project) and one.requests > 0 and 0 <= one.last < 1 << 38


def request(body: bytes) -> None:
    """Check that ``serve`` answers any request: the lines of the input are path and headers."""
    lines = [*body.decode("latin-1").split("\n"), *[""] * 8]
    path = lines[0].partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET", "REQUEST_URI": lines[0], "PATH_INFO": unquote(path[0], "latin-1"), "QUERY_STRING": path[2],
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
        "wsgi.file_wrapper": FileWrapper}
    for name, value in zip(("HOST", "ACCEPT", "ACCEPT_ENCODING", "RANGE", "IF_NONE_MATCH", "IF_MODIFIED_SINCE", "IF_RANGE"),
                           lines[1:], strict=False):
        if value:
            environ[f"HTTP_{name}"] = value
    answers: list[tuple[str, list[tuple[str, str]]]] = []
    sent = _app()(environ, lambda status, headers: answers.append((status, headers)))
    content = b"".join(sent)
    getattr(sent, "close", lambda: None)()
    (status, headers), = answers
    assert status[:3] in ("200", "206", "301", "304", "400", "403", "404", "416"), status
    for name, value in headers:
        assert value.isascii() and value.isprintable(), (name, value)
    told = dict(headers)
    # The server sends no more of a file than that.
    assert status[:3] == "304" or int(told["Content-Length"]) <= len(content)
    assert status[:3] not in ("200", "206") or b"secret" not in content


_apps: list[App] = []


def _app() -> App:
    if not _apps:
        folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=_FOLDER))
        (folder / "secret").write_text("secret")
        root = folder / "mirror"
        (root / "demo").mkdir(parents=True)
        (root / ".pypimirror").mkdir()
        (root / ".pypimirror" / "state").write_text("secret")
        page = '<!DOCTYPE html><title>Simple index</title><a href="demo/">demo</a>\n<!--SERIAL 7-->\n'
        for path in ("index.html", "demo/index.html"):
            (root / path).write_text(page)
        (root / "demo" / "demo-1.0.zip").write_bytes(b"0123456789")
        _apps.append(App(str(root), missed=MissingProjects()))
    return _apps[0]


TARGETS: dict[str, Callable[[bytes], object]] = {
    "configured-url": configured, "host": host, "crontab": table, "access-log": access_log, "missed-record": missed_record,
    "request": request}
