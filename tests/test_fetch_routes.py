"""What gets a URL, and with which credentials; and files of this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pypimirror.errors import FetchError
from pypimirror.http.dispatcher import Dispatcher
from pypimirror.http.file_urls import path_of, tree_of, url_of
from pypimirror.http.page import read
from pypimirror.model import Head
from pypimirror.upstream.file_fetcher import FileFetcher
from support.credentials import guard, in_netrc
from support.flat_directories import put
from support.mirror import Mirrored
from support.upstream import Upstream, wheel


class Web:
    """Takes note of what it is asked for; redirects to another place on the same host."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fetch(self, url: str, receiver: Any, headers: Any = None) -> Head:
        self.asked.append(url)
        head = Head(200, {}, url + "?moved")
        receiver.start(head)
        return head

    def close(self) -> None:
        self.asked.append("closed")


@pytest.mark.parametrize(("asked", "sent"), [
    ("https://host.example.com/alice/dev/+simple/one/", "https://alice:a@host.example.com/alice/dev/+simple/one/"),
    ("https://host.example.com/alice/dev/+f/one.whl", "https://alice:a@host.example.com/alice/dev/+f/one.whl"),
    ("https://host.example.com/bob/dev/+f/one.whl", "https://bob:b@host.example.com/bob/dev/+f/one.whl"),
    ("https://host.example.com:443/bob/dev/x", "https://bob:b@host.example.com/bob/dev/x"),
    ("https://me:x@host.example.com/bob/dev/x", "https://me:x@host.example.com/bob/dev/x"),
    ("http://host.example.com/bob/dev/x", "http://host.example.com/bob/dev/x"),
    ("https://host.example.com:8443/bob/dev/x", "https://host.example.com:8443/bob/dev/x"),
    ("https://files.example.com/bob/dev/x", "https://files.example.com/bob/dev/x"),
    ("https://host.example.com.evil.example.net/bob/dev/x", "https://host.example.com.evil.example.net/bob/dev/x"),
    ("https://open.example.com/x", "https://open.example.com/x")])
def test_credentials_go_to_the_origin_of_their_index_alone(asked: str, sent: str) -> None:
    web = Web()
    indexes = ["https://alice:a@host.example.com/alice/dev/+simple/", "https://bob:b@host.example.com/bob/dev/+simple/",
               "https://open.example.com/simple/"]
    head, _ = read(Dispatcher(web, FileFetcher(()), indexes), asked, {}, 100)  # type: ignore[arg-type]
    assert web.asked == [sent]
    assert "alice" not in head.url.partition("/alice")[0] and "bob:" not in head.url


@pytest.fixture
def guarded(upstream: Upstream) -> Upstream:
    """An index that wants the password of ``site``."""
    guard(upstream, "site", "p@ss word")
    upstream.add("one", wheel("one", "1"))
    return upstream


def test_an_index_behind_a_password_in_its_url_is_mirrored_and_the_password_is_nowhere(
        mirrored: Mirrored, guarded: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    mirrored.settings["index_url"] = guarded.url.replace("://", "://site:p%40ss%20word@")
    assert mirrored.run("sync", "-c") == 0
    guarded.add("one", wheel("one", "2"))
    assert mirrored.run("-U", "-c") == 0
    assert mirrored.files("one") == ["one-1-py3-none-any.whl", "one-2-py3-none-any.whl"]
    assert mirrored.run("config") == 0
    guarded.answers["/simple/"] = (500, {}, b"")
    assert mirrored.run("sync") == 1
    told = capsys.readouterr()
    assert "ss%20word" not in told.out + told.err
    mirrored.settings["index_url"] = guarded.url
    assert not [path for path in mirrored.root.rglob("*") if path.is_file() and b"ss%20word" in path.read_bytes()]


def test_an_index_behind_a_password_in_netrc_is_mirrored(
        mirrored: Mirrored, guarded: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_netrc(tmp_path, monkeypatch, "site", "p@ss word")
    assert mirrored.run("sync") == 0
    assert mirrored.files("one")


def test_what_the_url_says_counts_before_netrc(
        mirrored: Mirrored, guarded: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_netrc(tmp_path, monkeypatch, "other", "wrong")
    assert mirrored.run("sync") == 1
    mirrored.settings["index_url"] = guarded.url.replace("://", "://site:p%40ss%20word@")
    assert mirrored.run("sync") == 0
    assert mirrored.files("one")


def test_a_wrong_password_is_an_error_without_it(
        mirrored: Mirrored, guarded: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    mirrored.settings["index_url"] = guarded.url.replace("://", "://site:guess@")
    assert mirrored.run("sync") == 1
    assert f"pypimirror: {guarded.url}: status 401" in (told := capsys.readouterr().err)
    assert "guess" not in told


# --- files


def test_a_file_comes_with_its_size_and_a_missing_one_with_404(tmp_path: Path) -> None:
    put(tmp_path, ("a b+c.whl", b"body"))
    fetcher = FileFetcher([str(tmp_path)])
    head, body = read(fetcher, url_of(str(tmp_path / "a b+c.whl")), {}, 100)
    assert (head.status, head.headers["content-length"], body) == (200, "4", b"body")
    assert read(fetcher, url_of(str(tmp_path / "missing")), {}, 100)[0].status == 404
    assert read(fetcher, url_of(str(tmp_path / "a b+c.whl" / "below")), {}, 100)[0].status == 404


def test_metadata_come_out_of_the_wheel_where_no_file_has_them(tmp_path: Path) -> None:
    name, body = wheel("one", "1")
    put(tmp_path, (name, body), ("bad-1-py3-none-any.whl", b"bad"))
    fetcher = FileFetcher([str(tmp_path)])
    assert b"Name: one\n" in read(fetcher, url_of(str(tmp_path / f"{name}.metadata")), {}, 1000)[1]
    put(tmp_path, (f"{name}.metadata", b"as it lies there"))
    assert read(fetcher, url_of(str(tmp_path / f"{name}.metadata")), {}, 1000)[1] == b"as it lies there"
    assert read(fetcher, url_of(str(tmp_path / "none.whl.metadata")), {}, 1000)[0].status == 404
    with pytest.raises(FetchError, match="not a zip file"):
        read(fetcher, url_of(str(tmp_path / "bad-1-py3-none-any.whl.metadata")), {}, 1000)


def test_nothing_outside_of_the_directories_is_read(tmp_path: Path) -> None:
    put(tmp_path / "in", ("file", b""))
    put(tmp_path / "inside-not", ("file", b"secret"))
    (tmp_path / "in" / "link").symlink_to(tmp_path / "inside-not" / "file")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "inside-not")
    fetcher = FileFetcher([str(tmp_path / "in")])
    for path in ("inside-not/file", "in/../inside-not/file", "in/link", "in/folder/file", "in"):
        with pytest.raises(FetchError, match="outside of the directories"):
            read(fetcher, f"file://{tmp_path}/{path}", {}, 100)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read(FileFetcher([str(tmp_path)]), url_of(str(tmp_path / "pipe")), {}, 100)[0].status == 404


@pytest.mark.parametrize("url", ["file://host.example.com/x", "file:x", "file:", "file:///x%00y"])
def test_what_is_no_file_of_this_machine_is_refused(url: str) -> None:
    with pytest.raises(FetchError):
        path_of(url)


@pytest.mark.parametrize(("directory", "tree"), [
    ("/srv/web/simple", "/srv/web"), ("/srv/pypi", "/srv/pypi"), ("/simple", "/simple"), ("/srv/simple/x", "/srv/simple/x")])
def test_an_index_called_simple_reaches_what_lies_beside_it(directory: str, tree: str) -> None:
    assert tree_of(directory) == tree
