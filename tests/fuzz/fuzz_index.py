"""Targets for what an upstream index sends: pages, lists, links, file names, headers and compressed bodies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pypimirror.errors import FetchError, InvalidPage
from pypimirror.http import dates, retry
from pypimirror.http.content_types import content_type
from pypimirror.http.decoders import unpacked
from pypimirror.metadata.filenames import KINDS, parse, release
from pypimirror.model import Project
from pypimirror.names import distribution, is_distribution, is_legacy_folder, is_project, normalize, project_name, shown
from pypimirror.state import records
from pypimirror.upstream import validation
from pypimirror.upstream.html_page import HtmlParser
from pypimirror.upstream.json_page import JsonParser
from pypimirror.upstream.project_names import guess_project
from pypimirror.upstream.scan import scan

URL = "https://pypi.example.com/simple/bad/"


def html_page(body: bytes) -> None:
    _page(HtmlParser(), body)


def json_page(body: bytes) -> None:
    _page(JsonParser(), body)


def html_list(body: bytes) -> None:
    _list(HtmlParser(), body)


def json_list(body: bytes) -> None:
    _list(JsonParser(), body)


def _page(parser: HtmlParser | JsonParser, body: bytes) -> None:
    try:
        project, problems = parser.project(body, "bad", URL)
    except InvalidPage:
        return
    for file in project.files:
        assert is_distribution(file.filename)
        assert file.url.startswith(("http://", "https://")) and "@" not in file.url.split("/")[2]
        for text in (file.requires_python, file.upload_time, file.yanked):
            assert not isinstance(text, str) or text.isprintable()
    json.dumps([project.extra, project.meta, dict(project.status)], allow_nan=False)
    assert len(problems) <= validation.MOST_PROBLEMS + 1 and all(len(line.splitlines()) == 1 for line in problems)
    # What is remembered of a page is what was read.
    assert records.decode(records.encode(project)) == project


def _list(parser: HtmlParser | JsonParser, body: bytes) -> None:
    """Check that a list means the same in one block and in several."""
    size = body[0] % 32 + 1 if body else 1
    found: list[Any] = []
    for step in (size, len(body) or 1):
        reader = parser.listing(lambda name: True)
        try:
            for start in range(0, len(body), step):
                reader.write(body[start:start + step])
            found.append(reader.finish())
        except InvalidPage:
            found.append(None)
    assert found[0] == found[1], found
    assert found[0] is None or all(map(is_project, found[0].projects))


def external_page(body: bytes) -> None:
    for file in scan(body.decode("utf-8", "replace"), URL, "bad", URL, lambda files: files):
        assert is_distribution(file.filename)


def link(body: bytes) -> None:
    """Check that a link of a page leads to a URL to fetch or is refused."""
    try:
        url, hashes = validation.file_url(body.decode("utf-8", "replace"), URL)
    except validation.InvalidEntry as error:
        assert len(str(error).splitlines()) == 1
        return
    assert url.startswith(("http://", "https://")) and url.isascii() is url.encode().isascii()
    assert "#" not in url and " " not in url and "\n" not in url
    assert all(int(digest, 16) >= 0 for digest in hashes.values())
    assert validation.file_url(url, URL)[0] == url


def filename(body: bytes) -> None:
    """Check what is read out of the name of a file, and that a name that passes is one segment of a path."""
    name = body.decode("utf-8", "replace")
    project = normalize(name.partition("-")[0])
    found = parse(name, project)
    assert found.kind in (*KINDS, "")
    release(found.version or "")
    guess_project(name, lambda: None)
    content_type(name)
    distribution(name)
    assert shown(name).isprintable()
    if is_distribution(name):
        assert "/" not in name and "\\" not in name and not name.startswith(".") and len(name.encode()) < 250
    known = project_name(name)
    assert known is None or (is_project(known) and normalize(known) == known)
    assert not is_legacy_folder(name, project) or "/" not in name


def header(body: bytes) -> None:
    """Check dates and Retry-After of an answer."""
    text = body.decode("latin-1")
    moment = dates.seconds(text)
    assert moment is None or isinstance(moment, float)
    asked = retry._retry_after({"retry-after": text})
    assert asked is None or asked >= 0


def compressed(body: bytes) -> None:
    """Check that a compressed body means the same in one block and in several."""
    encoding = "deflate" if body[:1] == b"d" else "gzip"
    body, step = body[2:], (body[1] % 32 + 1 if len(body) > 1 else 1)
    found: list[bytes | None] = []
    for size in (step, len(body) or 1):
        blocks = (body[start:start + size] for start in range(0, len(body), size))
        try:
            found.append(b"".join(unpacked(blocks, encoding, URL)))
        except FetchError as error:
            assert len(str(error).splitlines()) == 1
            found.append(None)
    assert found[0] == found[1], encoding


def record(body: bytes) -> None:
    """Check that a record of the state is read or is reported as damaged, and that our pages can be written from it."""
    try:
        project: Project = records.decode(body)
    except records.BadRecord:
        return
    assert records.decode(records.encode(project)) == project


TARGETS: dict[str, Callable[[bytes], object]] = {
    "html-page": html_page, "json-page": json_page, "html-list": html_list, "json-list": json_list,
    "external-page": external_page, "link": link, "filename": filename, "header": header, "compressed": compressed,
    "record": record}
