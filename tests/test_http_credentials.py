"""Credentials go to their own host, port and scheme alone, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pypimirror.errors import FetchError
from pypimirror.http.credentials import Credentials, split_userinfo
from support.certificates import SecureUpstream, authority
from support.credentials import basic, guard, in_netrc
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

PASSWORD = "s3cret/w#rd"


@pytest.fixture
def heard(upstream: Upstream) -> list[tuple[str, str | None]]:
    """Paths and Authorization of the upstream's requests."""
    found: list[tuple[str, str | None]] = []
    respond = upstream.respond

    def listening(path: str, headers: Any) -> Any:
        found.append((path, headers.get("Authorization")))
        return respond(path, headers)

    upstream.respond = listening  # type: ignore[method-assign]
    return found


@pytest.fixture
def other() -> Iterator[tuple[Upstream, list[str | None]]]:
    """Another port of the same host, and what Authorization it was sent."""
    sent: list[str | None] = []
    with Upstream() as started:
        _, body = wheel("one", "1")
        started.answers["/x.whl"] = lambda handler: (sent.append(handler.headers.get("Authorization")),
                                                     handler.reply(200, {}, body))
        yield started, sent


@pytest.mark.usefixtures("each_fetcher")
def test_netrc_counts_for_the_indexs_own_origin_and_for_no_other_port(
        mirrored: Mirrored, upstream: Upstream, heard: list[Any], other: tuple[Upstream, list[str | None]], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, sent = other
    in_netrc(tmp_path, monkeypatch, "me", PASSWORD)
    upstream.add("one", wheel("one", "1"))
    upstream.add("two", wheel("two", "1"))
    upstream.add("three", wheel("three", "1"))
    upstream.projects["one"][wheel("one", "1")[0]].facts["url"] = f"{elsewhere.host}/x.whl"
    upstream.answers[f"/files/two/{wheel('two', '1')[0]}"] = (302, {"Location": f"{elsewhere.host}/x.whl"}, b"")
    mirrored.run("sync")
    assert heard and {value for _, value in heard} == {f"Basic {basic('me', PASSWORD)}"}
    assert sent and set(sent) == {None}


@pytest.mark.usefixtures("each_fetcher")
@pytest.mark.parametrize("where", ["netrc", "url"])
@pytest.mark.parametrize("form", ["{host}{path}", "{path}"])
def test_a_redirect_on_the_same_origin_keeps_credentials(
        mirrored: Mirrored, upstream: Upstream, heard: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str,
        form: str) -> None:
    if where == "netrc":
        in_netrc(tmp_path, monkeypatch, "me", "word")
    else:
        mirrored.settings["index_url"] = upstream.url.replace("//", "//me:word@")
    guard(upstream, "me", "word")
    upstream.add("one", wheel("one", "1"))
    path = f"/files/one/{wheel('one', '1')[0]}"
    upstream.projects["one"][wheel("one", "1")[0]].facts["url"] = f"{upstream.host}/moved"
    upstream.answers["/moved"] = (302, {"Location": form.format(host=upstream.host, path=path)}, b"")
    assert mirrored.run("sync") == 0


@pytest.mark.usefixtures("each_fetcher")
def test_credentials_in_a_redirect_are_not_sent(mirrored: Mirrored, upstream: Upstream, heard: list[Any]) -> None:
    upstream.add("one", wheel("one", "1"))
    path = f"/files/one/{wheel('one', '1')[0]}"
    upstream.projects["one"][wheel("one", "1")[0]].facts["url"] = f"{upstream.host}/moved"
    upstream.answers["/moved"] = (302, {"Location": upstream.host.replace("//", "//you:word@") + path}, b"")
    assert mirrored.run("sync") == 0
    assert {value for _, value in heard} == {None}


@pytest.mark.usefixtures("each_fetcher")
def test_netrc_of_a_secure_index_is_never_sent_in_the_clear(
        upstream: Upstream, heard: list[Any], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory,
        monkeypatch: pytest.MonkeyPatch) -> None:
    folder = authority(tmp_path_factory.mktemp("certificates"))
    in_netrc(tmp_path, monkeypatch, "me", "word")
    upstream.add("one", wheel("one", "1"))
    with SecureUpstream(folder) as secured:
        secured.add("one", wheel("one", "1"))
        secured.projects["one"][wheel("one", "1")[0]].facts["url"] = f"{upstream.host}/files/one/{wheel('one', '1')[0]}"
        mirror = Mirrored(tmp_path / "mirror", secured.url)
        mirror.settings["ca_bundle"] = folder / "ca.pem"
        mirror.run("sync")
    assert heard and {value for _, value in heard} == {None}


@pytest.mark.parametrize(("url", "sent"), [
    ("https://index.example.com/x", True), ("https://INDEX.example.com.:443/x", True),
    ("http://index.example.com/x", False),
    ("https://index.example.com:8443/x", False), ("https://other.example.com/x", False),
    ("https://a.index.example.com/x", False)])
@pytest.mark.parametrize("netrc", ["machine index.example.com login me password word",
                                   "machine Index.Example.com. login me password word", "default login me password word"])
def test_origins_of_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, sent: bool, netrc: str) -> None:
    (tmp_path / "netrc").write_text(netrc + "\nmachine other.example.com login me password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    credentials = Credentials(["https://index.example.com/simple/"])
    assert credentials.url(url) == (url.replace("//", "//me:word@") if sent else url)


def test_a_url_with_credentials_counts_before_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_netrc(tmp_path, monkeypatch, "other", "wrong")
    assert Credentials(["http://me:word@127.0.0.1/"]).url("http://127.0.0.1/x") == "http://me:word@127.0.0.1/x"


def test_every_url_of_an_origin_gets_its_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_netrc(tmp_path, monkeypatch, "me", "word")
    known = Credentials(["http://127.0.0.1/simple/", "http://other.example.com/simple/"])
    for path in ("one", "two"):
        assert known.url(f"http://127.0.0.1/{path}") == f"http://me:word@127.0.0.1/{path}"
        assert known.url(f"http://other.example.com/{path}") == f"http://other.example.com/{path}"
        assert known.url(f"http://127.0.0.1:81/{path}") == f"http://127.0.0.1:81/{path}"


@pytest.mark.parametrize("content", [
    b"machine h login me password \xff", b"mashine h s3cret", b"machine h login me password \"s3cret"])
def test_a_netrc_that_cant_be_read_is_an_error_that_quotes_none_of_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    (tmp_path / "netrc").write_bytes(content)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    try:
        Credentials(["https://h/"]).url("https://h/")
    except FetchError as error:
        assert "netrc" in str(error) and "s3cret" not in str(error)
    else:
        assert b"\"" in content  # some versions of Python read it to its end


@pytest.mark.parametrize(("url", "expected"), [
    ("https://a:b@h/x@y", ("https://h/x@y", "a:b")), ("https://h/x@y", ("https://h/x@y", "")),
    ("https://a@h", ("https://h", "a")),
    ("https://a@b@h?x", ("https://h?x", "a@b")), ("https://h?a@b", ("https://h?a@b", ""))])
def test_user_and_password_are_split_from_a_url(url: str, expected: tuple[str, str]) -> None:
    assert split_userinfo(url) == expected
