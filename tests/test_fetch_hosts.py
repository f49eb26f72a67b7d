"""Which hosts may be asked on the word of which others."""

import pytest

from pypimirror.errors import FetchError
from pypimirror.fetch import hosts

PUBLIC = ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808"]
OTHER = ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254",
         "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1",
         "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "localhost"]


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_address_is_public(host: str) -> None:
    assert hosts.is_public(host)


@pytest.mark.parametrize("host", OTHER)
def test_loopback_private_and_other_special_addresses_are_not(host: str) -> None:
    assert not hosts.is_public(host)


def test_one_address_that_is_not_public_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "addresses", lambda host: ["8.8.8.8", "10.0.0.1"])
    assert not hosts.is_public("both.example.com")


def test_a_name_without_addresses_is_left_to_whoever_knows_it() -> None:
    assert hosts.addresses("no-such-host.invalid") == []
    assert hosts.is_public("no-such-host.invalid")
    assert hosts.addresses("x" * 300) == []


@pytest.mark.parametrize("source, target", [
    ("https://8.8.8.8/a", "https://8.8.4.4/b"), ("http://127.0.0.1/", "http://10.0.0.1/"), ("http://[::1]/", "http://8.8.8.8/"),
    ("file:///srv/index/", "http://127.0.0.1/"), ("http://127.0.0.1:1/", "http://127.0.0.1:2/")])
def test_public_leads_to_public_and_what_is_not_public_leads_anywhere(source: str, target: str) -> None:
    hosts.check(source, target)


@pytest.mark.parametrize("target", [
    "http://127.0.0.1/", "http://user:secret@127.0.0.1/", "http://[::1]:8080/", "http://localhost/", "http://2130706433/",
    "http://8.8.8.8@127.0.0.1/", "http://[fd00::1]/"])
def test_a_public_host_leads_to_no_other(target: str) -> None:
    with pytest.raises(FetchError) as caught:
        hosts.check("https://8.8.8.8/simple/", target)
    assert "not public" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("target", ["http://[", "http://[::1", "http://host:port/"])
def test_what_is_no_url_is_refused(target: str) -> None:
    with pytest.raises(FetchError):
        hosts.check("https://8.8.8.8/", target)
