"""TLS of the fetchers: which certificates they trust, and which they show."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import certifi
import pytest

from pypimirror.errors import FetchError
from support.certificates import SecureUpstream, authority
from support.fetchers import failure, got, opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = authority(tmp_path_factory.mktemp("certificates"))
    digest = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", str(made / "ca.pem")], capture_output=True, text=True,
                            check=True).stdout.strip()
    (made / "authorities").mkdir()
    (made / "authorities" / f"{digest}.0").write_bytes((made / "ca.pem").read_bytes())
    (made / "none").mkdir()
    return made


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authorities_of_the_environment_are_trusted(
        way: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SecureUpstream(folder) as upstream:
        monkeypatch.setenv(name, "")
        assert "certificate verify failed" in str(failure(way, f"{upstream.host}/simple/"))
        monkeypatch.setenv(name, str(folder / "ca.pem"))
        with opened(way) as made:
            assert got(made, f"{upstream.host}/simple/")[0].status == 200


def test_a_bundle_of_the_environment_that_does_not_exist_is_named(
        way: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SecureUpstream(folder) as upstream:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        error = failure(way, f"{upstream.host}/simple/")
        assert "/nowhere/ca.pem" in error.why and not error.transient
        assert upstream.asked() == []


def test_no_authority_is_trusted_but_those_of_certifi(way: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    with SecureUpstream(folder) as upstream:
        error = failure(way, f"{upstream.host}/simple/")
        assert "certificate verify failed" in error.why and not error.transient
        assert upstream.asked() == []


@pytest.mark.parametrize("way", ["pycurl", "pycurl-loop"])
def test_the_authorities_are_those_of_certifi(
        way: str, folder: Path, unconfigured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(folder / "ca.pem"))
    with SecureUpstream(folder) as upstream, opened(way) as made:
        assert got(made, f"{upstream.host}/simple/")[0].status == 200


@pytest.mark.parametrize("bundle", ["ca.pem", "authorities"])
def test_a_bundle_of_the_settings_is_a_file_or_a_directory(way: str, folder: Path, bundle: str) -> None:
    with SecureUpstream(folder) as upstream:
        with opened(way, ca_bundle=str(folder / bundle)) as made:
            assert got(made, f"{upstream.host}/simple/")[0].status == 200
        for other in ("client.pem", "none"):
            assert "certificate verify failed" in failure(way, f"{upstream.host}/simple/", ca_bundle=str(folder / other)).why


def test_a_certificate_is_for_one_host(way: str, folder: Path) -> None:
    with SecureUpstream(folder, name="other-server") as upstream:
        error = failure(way, f"{upstream.host}/simple/", ca_bundle=str(folder / "ca.pem"))
    assert "127.0.0.1" in error.why and not error.transient


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_a_common_name_is_no_host_name_the_first_time_and_later(way: str, scheme: str, folder: Path) -> None:
    with SecureUpstream(folder, name="localhost") as upstream, opened(way, ca_bundle=str(folder / "ca.pem")) as made:
        url = upstream.host.replace("127.0.0.1", "localhost").replace("https", scheme)
        for _ in range(3):
            with pytest.raises(FetchError, match="certificate verify failed") as caught:
                got(made, f"{url}/simple/")
            assert not caught.value.transient


def test_a_redirect_to_a_host_with_a_common_name_alone_is_refused(way: str, folder: Path) -> None:
    with SecureUpstream(folder, name="localhost") as other, SecureUpstream(folder) as upstream:
        upstream.answers["/x"] = (302, {"Location": f"{other.host.replace('127.0.0.1', 'localhost')}/simple/"}, b"")
        with opened(way, ca_bundle=str(folder / "ca.pem")) as made:
            for _ in range(2):
                with pytest.raises(FetchError, match="certificate verify failed"):
                    got(made, f"{upstream.host}/x")


def test_a_client_certificate_is_shown_when_a_path_needs_it(way: str, folder: Path) -> None:
    def answer(handler: Any) -> None:
        handler.connection.verify_client_post_handshake()
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        handler.wfile.flush()
        handler.connection.settimeout(0.1)
        for _ in range(100):
            if handler.connection.getpeercert():
                break
            with suppress(TimeoutError):
                handler.connection.recv(1)
        handler.reply(200, {}, str(handler.connection.getpeercert()).encode())

    with SecureUpstream(folder, later=True) as upstream:
        upstream.answers["/x"] = answer
        with opened(way, ca_bundle=str(folder / "ca.pem"), client_cert=(str(folder / "both.pem"),)) as made:
            assert b"'commonName', 'client'" in got(made, f"{upstream.host}/x")[1]


@pytest.mark.parametrize("names", [("both.pem",), ("client.pem", "client.key")], ids=["one", "two"])
def test_a_client_certificate_is_shown(way: str, folder: Path, names: tuple[str, ...]) -> None:
    with SecureUpstream(folder, asks=True) as upstream:
        bundle = str(folder / "ca.pem")
        assert failure(way, f"{upstream.host}/simple/", ca_bundle=bundle).why
        assert upstream.asked() == []
        with opened(way, ca_bundle=bundle, client_cert=tuple(str(folder / name) for name in names)) as made:
            assert got(made, f"{upstream.host}/simple/")[0].status == 200
