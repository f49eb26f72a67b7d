"""SSRF guard: a public host may not lead to a private one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypimirror.errors import FetchError
from pypimirror.http import ssrf
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

PUBLIC = ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808", "8.8.8.8.",
          "[::ffff:808:808]"]
OTHER = ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0x7f.1", "017700000001", "10.1.2.3", "172.16.0.1", "192.168.0.1",
         "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1",
         "ff02::1",
         "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "localhost",
         "LOCALHOST", "localhost.", "127.0.0.1.", "[::1]", "fe80::1%eth0", "[fe80::1%25eth0]", "::7f00:1", "64:ff9b:1::7f00:1",
         "2620::5efe:10.0.0.1", "fec0::1", "::ffff:0:127.0.0.1", "192.0.0.8", "5f00::1", "3fff::1",
         "%31%32%37.0.0.1", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021"]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """Names and their addresses; all others are looked up."""
    known: dict[str, tuple[str, ...]] = {}
    real = ssrf.addresses
    monkeypatch.setattr(ssrf, "addresses", lambda host: known.get(host) or real(host))
    return known


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_address_is_public_in_every_spelling(host: str) -> None:
    assert ssrf.is_public_target(host) and ssrf.is_public_source(host)


@pytest.mark.parametrize("host", OTHER)
def test_loopback_private_and_other_special_addresses_are_private_in_every_spelling(host: str) -> None:
    assert not ssrf.is_public_target(host) and not ssrf.is_public_source(host)


def test_of_several_addresses_any_makes_a_source_public_and_all_a_target(names: dict[str, tuple[str, ...]]) -> None:
    names["both.example.com"] = ("8.8.8.8", "10.0.0.1")
    assert ssrf.is_public_source("both.example.com") and not ssrf.is_public_target("both.example.com")
    with pytest.raises(FetchError, match=r"refused: public host both\.example\.com leads to a private address"):
        ssrf.check("https://Both.example.com./simple/", "http://10.0.0.1/x")
    with pytest.raises(FetchError):
        ssrf.check("https://8.8.8.8/", "https://both.example.com/")
    ssrf.check("https://both.example.com/simple/", "https://both.example.com:443/files/x")
    with pytest.raises(FetchError):
        ssrf.check("https://both.example.com/simple/", "https://both.example.com:9200/")


def test_a_name_without_addresses_is_left_to_the_proxy_that_knows_it() -> None:
    assert ssrf.addresses("no-such-host.invalid") == ()
    assert ssrf.is_public_source("no-such-host.invalid") and ssrf.is_public_target("no-such-host.invalid")
    assert ssrf.addresses("x" * 300) == ()


@pytest.mark.parametrize(("source", "target"), [
    ("https://8.8.8.8/a", "https://8.8.4.4/b"), ("http://127.0.0.1/", "http://10.0.0.1/"), ("http://[::1]/", "http://8.8.8.8/"),
    ("file:///srv/index/", "http://127.0.0.1/"), ("http://127.0.0.1:1/", "http://127.0.0.1:2/"),
    ("/srv/versions.cfg", "http://127.0.0.1/"), ("https://8.8.8.8/", "/srv/x")])
def test_public_leads_to_public_and_what_is_private_leads_anywhere(source: str, target: str) -> None:
    ssrf.check(source, target)


@pytest.mark.parametrize("target", [
    "http://127.0.0.1/", "http://user:secret@127.0.0.1/", "http://[::1]:8080/", "http://localhost/", "http://2130706433/",
    "http://8.8.8.8@127.0.0.1/", "http://[fd00::1]/", "http://localhost./", "HTTP://LOCALHOST/", "http://127.0.0.1.:80/",
    "http://0x7f.1/", "http://[::ffff:127.0.0.1]/", "http://[fe80::1%25eth0]/", "http://[64:ff9b::7f00:1]/", "http://%6cocalhost/"])
@pytest.mark.parametrize("source", ["https://8.8.8.8/simple/", "https://8.8.8.8./simple/", "https://[::ffff:8.8.8.8]/simple/"])
def test_a_public_host_leads_to_no_private_one(source: str, target: str) -> None:
    with pytest.raises(FetchError) as caught:
        ssrf.check(source, target)
    assert "private address" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("target", [
    "http://[", "http://[::1", "http://host:port/", "http://8.8.8.8\\@127.0.0.1/", "http://a@b@127.0.0.1/", "http:/127.0.0.1/",
    "http:127.0.0.1", "http:///127.0.0.1/", "http://8.8.8.8:99999/", "http://8.8.8.8\n.example.com/", "http://a..b/", " http://127.0.0.1/"])
def test_a_url_that_parsers_may_read_in_several_ways_is_refused(target: str) -> None:
    with pytest.raises(FetchError):
        ssrf.check("https://8.8.8.8/", target)


@pytest.mark.parametrize("name", ["rebound.example.com", "REBOUND.example.com", "rebound.example.com."])
def test_the_peer_of_a_connection_counts_whatever_the_name_meant_before(names: dict[str, tuple[str, ...]], name: str) -> None:
    names["rebound.example.com"] = ("8.8.8.8",)
    ssrf.check_peer(name, "127.0.0.1")  # nothing led there
    ssrf.check("https://8.8.4.4/", "https://rebound.example.com./x")
    ssrf.check_peer(name, "8.8.8.8")
    for address in ("127.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0"):
        with pytest.raises(FetchError, match="connected at the private address"):
            ssrf.check_peer(name, address)


def test_a_name_without_addresses_at_first_is_held_to_them_later(names: dict[str, tuple[str, ...]]) -> None:
    ssrf.check("https://8.8.8.8/", "https://late.invalid/")
    with pytest.raises(FetchError):
        ssrf.check_peer("late.invalid", "127.0.0.1")


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Names that mean an address to whatever in this process asks the system."""
    known: dict[str, str] = {}
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real(known.get(host, host), *rest, **more))
    yield known


@pytest.mark.usefixtures("each_fetcher")
def test_no_fetcher_follows_a_public_host_to_a_private_one_with_a_dot_at_its_end(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The index is public by name and on this machine in truth; its file is on ``localhost.``, by link and by redirect."""
    real = ssrf.addresses
    monkeypatch.setattr(ssrf, "addresses", lambda host: ("8.8.8.8", "127.0.0.1") if host == "127.0.0.1" else real(host))
    upstream.add("one", wheel("one", "1"))
    upstream.add("two", wheel("two", "1"))
    dotted = upstream.host.replace("127.0.0.1", "LocalHost.")
    upstream.projects["one"][wheel("one", "1")[0]].facts["url"] = f"{dotted}/linked"
    upstream.answers[f"/files/two/{wheel('two', '1')[0]}"] = (302, {"Location": f"{dotted}/redirected"}, b"")
    assert mirrored.run("sync") == 1
    assert not {"/linked", "/redirected"} & set(upstream.asked())
