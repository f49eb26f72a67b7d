"""Messages about failed connections name what to check, with every fetcher."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import SecureUpstream, authority
from support.fetchers import clear_environment, failure


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that refuses connections."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


def test_an_unknown_host_names_host_and_key(way: str) -> None:
    url = "http://pypi.example.invalid/simple/"
    error = failure(way, url, index_url=(url,))
    assert error.transient
    assert str(error) == (f"{url}: the host pypi.example.invalid has no address; check index_url, this machine's DNS, and "
                          "whether a proxy is needed")
    assert "check versions, this" in failure(way, "http://pins.example.invalid/v.cfg", index_url=(url,),
                                             versions=("v.cfg", "http://pins.example.invalid/v.cfg")).why
    assert "check this machine's DNS" in failure(way, "http://files.example.invalid/x", index_url=(url,)).why


def test_a_refused_connection_names_host_and_port(way: str, closed: int) -> None:
    url = f"http://127.0.0.1:{closed}/simple/"
    error = failure(way, url, index_url=(url,))
    assert error.transient
    assert error.why == (f"Connection refused by 127.0.0.1 port {closed}; check index_url, the port, a firewall, and whether a "
                         "proxy is needed")


@pytest.mark.parametrize("origin", ["proxy", "http_proxy"])
def test_a_refused_or_unknown_proxy_is_named_with_its_origin_and_without_its_password(
        way: str, closed: int, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = f"the proxy's host proxy.example.invalid has no address; check {origin} and this machine's DNS"
    for host, message in (("127.0.0.1", f"Connection refused by the proxy at 127.0.0.1 port {closed}; check {origin}"),
                          ("proxy.example.invalid", unknown)):
        proxy = f"http://user:secret@{host}:{closed}"
        if origin != "proxy":
            monkeypatch.setenv(origin, proxy)
        error = failure(way, "http://pypi.example.com/", **({"proxy": proxy} if origin == "proxy" else {}))
        assert error.why == message


def test_a_host_that_needs_no_proxy_is_named_itself(way: str, closed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert f"by 127.0.0.1 port {closed}" in failure(way, f"http://127.0.0.1:{closed}/", proxy="http://proxy.example.com:1").why


def test_a_certificate_that_is_not_trusted_has_the_reason_and_the_bundle(way: str, tmp_path: Path) -> None:
    folder = authority(tmp_path)
    with SecureUpstream(folder) as upstream:
        why = failure(way, f"{upstream.host}/simple/").why
        assert why.startswith(tuple(f"certificate verify failed: {reason}; if the server is right" for reason in (
            "unable to get local issuer certificate", "self-signed certificate in certificate chain")))
        assert why.endswith("cacert.pem, from certifi)")
        (tmp_path / "other").mkdir()
        other = authority(tmp_path / "other")
        bundle = str(other / "ca.pem")
        assert f"(now {bundle}, from ca_bundle)" in failure(way, f"{upstream.host}/", ca_bundle=bundle).why
