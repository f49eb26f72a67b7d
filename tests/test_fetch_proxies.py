"""Proxies of the fetchers: from the settings and the environment, for http and tunnels, and hosts without one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from pypimirror.http import ssrf
from support.certificates import SecureUpstream, authority
from support.credentials import basic
from support.fetchers import Body, failure, got, opened
from support.proxies import connect_proxy, socks_proxy
from support.servers import elsewhere
from support.upstream import Upstream


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("name", ["http_proxy", "all_proxy", "ALL_PROXY", "HTTP_PROXY", "Http_Proxy"])
def test_proxies_of_the_environment(way: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with elsewhere() as (proxy, asked):
        monkeypatch.setenv(name, proxy)
        with opened(way) as made:
            assert got(made, "http://files.example.com/x")[0].status == 404
            assert got(made, "http://files.example.com/y")[0].status == 404
    assert asked == ["GET http://files.example.com/x HTTP/1.1", "GET http://files.example.com/y HTTP/1.1"]


def test_the_proxy_of_the_settings(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with elsewhere() as (proxy, asked), opened(way, proxy=proxy) as made:
        assert got(made, "http://files.example.com/x")[0].status == 404
    assert asked == ["GET http://files.example.com/x HTTP/1.1"]


@pytest.mark.parametrize("where", ["settings", "environment"])
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize("value", ["127.0.0.1", "*", "example.com,127.0.0.1", "localhost, 127.0.0.1"])
def test_hosts_without_a_proxy(
        way: str, where: str, name: str, value: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    upstream.answers["/x"] = (200, {}, b"x")
    with elsewhere() as (proxy, asked):
        if where == "environment":
            monkeypatch.setenv("http_proxy", proxy)
        with opened(way, proxy=proxy if where == "settings" else None) as made:
            assert got(made, f"{upstream.host}/x")[1] == b"x"
    assert asked == []


@pytest.mark.parametrize("where", ["settings", "environment"])
def test_each_host_with_and_without_a_proxy(way: str, where: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    upstream.answers["/x"] = (200, {}, b"x")
    with elsewhere() as (proxy, asked):
        if where == "environment":
            monkeypatch.setenv("http_proxy", proxy)
        with opened(way, proxy=proxy if where == "settings" else None) as made:
            for _ in range(2):
                assert got(made, f"{upstream.host}/x")[1] == b"x"
                assert got(made, "http://files.example.com/x")[0].status == 404
    assert asked == ["GET http://files.example.com/x HTTP/1.1"] * 2


@pytest.mark.parametrize("where", ["settings", "environment"])
def test_a_tunnel_to_a_secure_host(way: str, where: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SecureUpstream(folder) as upstream, connect_proxy() as (proxy, tunnels):
        proxy = proxy.replace("//", "//me:word@")
        upstream.answers["/x"] = (200, {"ETag": "1"}, b"x")
        if where == "environment":
            monkeypatch.setenv("https_proxy", proxy)
        with opened(way, ca_bundle=str(folder / "ca.pem"), proxy=proxy if where == "settings" else None) as made:
            for _ in range(3):
                head, body = got(made, f"{upstream.host}/x")
                assert (head.status, head.headers.get("x-proxy"), head.headers["etag"], body) == (200, None, "1", b"x")
    assert tunnels == [(upstream.host.removeprefix("https://"), f"Basic {basic('me', 'word')}")]


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_tunnel_that_is_refused(way: str, status: int, folder: Path) -> None:
    with SecureUpstream(folder) as upstream, connect_proxy(status) as (proxy, _):
        error = failure(way, f"{upstream.host}/x", ca_bundle=str(folder / "ca.pem"), proxy=proxy.replace("//", "//me:s3cret@"))
        assert upstream.asked() == []
    assert str(status) in error.why and "s3cret" not in str(error) and len(str(error).splitlines()) == 1


def test_a_proxy_that_is_not_there(way: str) -> None:
    error = failure(way, "http://files.example.com/x", proxy="http://me:s3cret@127.0.0.1:9")
    assert error.transient and "s3cret" not in str(error) and len(str(error).splitlines()) == 1


def test_the_certificate_is_that_of_the_host_behind_the_tunnel(way: str, folder: Path) -> None:
    with SecureUpstream(folder, name="other-server") as upstream, connect_proxy() as (proxy, tunnels):
        error = failure(way, f"{upstream.host}/x", ca_bundle=str(folder / "ca.pem"), proxy=proxy)
        assert upstream.asked() == []
    assert tunnels and "certificate" in error.why and not error.transient


@pytest.mark.parametrize(("scheme", "host", "told"), [
    ("socks5", "127.0.0.1", "127.0.0.1"), ("socks5h", "known-to-the-proxy.example.com", "known-to-the-proxy.example.com")])
@pytest.mark.parametrize("user", ["", "me:word@"])
def test_a_socks_proxy(way: str, scheme: str, host: str, told: str, user: str, upstream: Upstream) -> None:
    upstream.answers["/x"] = (200, {}, b"x")
    port = upstream.host.rpartition(":")[2]
    with socks_proxy() as (proxy, tunnels):
        setting = f"{scheme}://{user}127.0.0.1:{proxy}"
        if way == "requests" and importlib.util.find_spec("socks") is None:
            assert "SOCKS" in failure(way, f"http://{host}:{port}/x", proxy=setting).why
            return
        with opened(way, proxy=setting) as made:
            for _ in range(2):
                assert got(made, f"http://{host}:{port}/x")[1] == b"x"
    assert tunnels == [(f"{told}:{port}", user.rstrip("@"))]


def test_a_guarded_host_may_be_behind_a_proxy_with_a_private_address(
        way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is to the proxy, which resolves the name."""
    monkeypatch.setattr(ssrf, "addresses", lambda host: ("127.0.0.1",) if host == "127.0.0.1" else ("8.8.8.8",))
    ssrf.check("http://public.example.com/", "http://files.example.com/")
    with elsewhere() as (proxy, asked), opened(way, proxy=proxy) as made:
        assert got(made, "http://files.example.com/x")[0].status == 404
    assert len(asked) == 1


def test_credentials_of_the_url_are_sent_through_a_proxy(way: str, folder: Path) -> None:
    heard = []
    with SecureUpstream(folder) as upstream, connect_proxy() as (proxy, tunnels):
        upstream.answers["/x"] = lambda handler: (heard.append(handler.headers["Authorization"]), handler.reply(200, {}, b""))
        with opened(way, ca_bundle=str(folder / "ca.pem"), proxy=proxy) as made:
            got(made, upstream.host.replace("//", "//me:w%20ord@") + "/x")
    assert heard == [f"Basic {basic('me', 'w ord')}"] and tunnels[0][1] == ""


# --- what is sent

def test_the_headers_that_are_sent(way: str, upstream: Upstream) -> None:
    heard: list[dict[str, str]] = []
    upstream.answers["/x"] = lambda handler: (heard.append(dict(handler.headers)), handler.reply(200, {}, b""))
    with opened(way) as made:
        got(made, f"{upstream.host}/x")
        made.fetch(f"{upstream.host}/x", Body(),
                   {"Accept-Encoding": "gzip, deflate", "Accept": "text/html", "If-None-Match": '"1"'})
        got(made, f"{upstream.host}/x")
    plain, page, again = heard
    assert plain == again and plain.pop("User-Agent").startswith("z3c.recipe.pypimirror/")
    plain.pop("Connection", None)
    assert plain == {"Host": upstream.host[7:], "Accept-Encoding": "identity", "Accept": "*/*"}
    assert (page["Accept"], page["If-None-Match"], page["Accept-Encoding"]) == ("text/html", '"1"', "gzip, deflate")
    assert page["User-Agent"].startswith("z3c.recipe.pypimirror/")


def test_netrc_is_read_by_no_library(way: str, unconfigured: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts for configured URLs alone, which have their user and password by then."""
    heard: list[str | None] = []
    upstream.answers["/x"] = lambda handler: (heard.append(handler.headers["Authorization"]), handler.reply(200, {}, b""))
    (unconfigured / ".netrc").write_text("machine 127.0.0.1 login me password word\n")
    monkeypatch.setenv("NETRC", str(unconfigured / ".netrc"))
    with opened(way) as made:
        got(made, f"{upstream.host}/x")
        got(made, upstream.host.replace("//", "//you:other@") + "/x")
        got(made, f"{upstream.host}/x")
    assert heard == [None, f"Basic {basic('you', 'other')}", None]


@pytest.mark.parametrize(("url", "transient"), [
    ("http://127.0.0.1:{closed}/x", True), ("http://nowhere.invalid/x", True), ("https://127.0.0.1:{plain}/x", False),
    ("http://127.0.0.1:99999/x", False), ("http://a..example.com/x", None), ("http://.example.com/x", None)])
def test_hosts_that_cannot_be_reached(way: str, url: str, transient: bool | None, upstream: Upstream) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    address = url.format(closed=closed, plain=upstream.host.rpartition(":")[2])
    error = failure(way, address)
    assert error.url == address and error.why and len(str(error).splitlines()) == 1
    assert transient is None or error.transient is transient


def test_a_url_is_quoted(way: str, upstream: Upstream) -> None:
    upstream.answers |= {"/a%20b": (200, {}, b"b"), "/%C3%A9": (200, {}, b"e")}
    with opened(way) as made:
        for path, body in (("/a%20b", b"b"), ("/c/../a b", b"b"), ("/\xe9", b"e")):
            assert got(made, upstream.host + path)[1] == body


@pytest.mark.parametrize("url", ["http://b\xfccher.invalid/x", "http://\xad\u0301.invalid/x", "http://me:\xfc@b\xfccher.invalid/x"])
def test_a_host_with_letters_beyond_ascii(way: str, url: str) -> None:
    error = failure(way, url)
    assert error.why and len(str(error).splitlines()) == 1


def test_a_host_with_letters_beyond_ascii_is_sent_in_idna(way: str) -> None:
    with elsewhere() as (proxy, asked), opened(way, proxy=proxy) as made:
        got(made, "http://b\xfccher.example.com/x")
    assert asked == ["GET http://xn--bcher-kva.example.com/x HTTP/1.1"]


def test_http_proxy_in_capitals_is_a_header_in_cgi_scripts(
        way: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    upstream.answers["/x"] = (200, {}, b"x")
    with opened(way) as made:
        assert got(made, f"{upstream.host}/x")[1] == b"x"


def test_a_proxys_name_is_looked_up_once_for_each_address(monkeypatch: pytest.MonkeyPatch) -> None:
    curl_proxies = pytest.importorskip("pypimirror.http.curl_proxies")
    looked_up: list[str] = []
    known = ["192.0.2.1"]

    def addresses(host: str) -> tuple[str, ...]:
        looked_up.append(host)
        return tuple(known)

    monkeypatch.setattr(ssrf, "addresses", addresses)
    proxies = curl_proxies.Proxies({"proxy": "http://proxy.example.com:3128"})
    for _ in range(3):
        assert not proxies.has(("198.51.100.1", 443))
        assert proxies.has(("192.0.2.1", 3128))
    assert looked_up == ["proxy.example.com"]
    known[:] = ["192.0.2.2"]  # its name leads elsewhere now
    assert proxies.has(("192.0.2.2", 3128))
    assert not proxies.has(("192.0.2.2", 443))
