"""Hosts and origins in one normal form."""

from __future__ import annotations

import pytest

from pypimirror.http.hosts import Origin, normalize_host, origin, same_origin

LOOPBACK = ["127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0X7F.0.0.1", "0177.0.0.1", "2130706433", "0x7f000001", "017700000001",
            "127.0.0.1.", "::ffff:127.0.0.1", "[::ffff:7f00:1]", "%31%32%37.0.0.1", "\uff11\uff12\uff17\uff0e\uff10.0.1"]


@pytest.mark.parametrize("host", LOOPBACK)
def test_each_spelling_of_an_ipv4_address_is_one(host: str) -> None:
    assert normalize_host(host) == "127.0.0.1"


@pytest.mark.parametrize(("host", "normal"), [
    ("Example.COM", "example.com"), ("example.com.", "example.com"), ("EXAMPLE.com..", "example.com"),
    ("b\u00fccher.example", "xn--bcher-kva.example"), ("B\u00dcCHER.example.", "xn--bcher-kva.example"),
    ("XN--BCHER-KVA.example", "xn--bcher-kva.example"), ("example\u3002com", "example.com"), ("a_b.example", "a_b.example"),
    ("[2001:DB8:0::1]", "2001:db8::1"), ("2001:db8:0:0:0:0:0:1", "2001:db8::1"), ("[fe80::1%25eth0]", "fe80::1%eth0"),
    ("fe80::1%eth0", "fe80::1%eth0"), ("[fe80::1%25ed0]", "fe80::1%ed0"), ("fe80::1%aa", "fe80::1%aa")])
def test_a_host_has_one_normal_form(host: str, normal: str) -> None:
    assert normalize_host(host) == normal == normalize_host(normal)


@pytest.mark.parametrize("host", ["", ".", "a..b", "-a", "a b", "a\nb", "a/b", "[::", "::g", "256.256.256.256",
                                  "x" * 64, "a%00b", "[1]", "[fe80::1%25et\xe8]", "fe80::1%a\nb",
                                  "fe80::1%", "[fe80::1%25a b]", "[::ffff:127.0.0.1%\x1b]"])
def test_what_is_no_host_has_none(host: str) -> None:
    with pytest.raises(ValueError):
        normalize_host(host)


@pytest.mark.parametrize(("url", "expected"), [
    ("https://Example.com./x", Origin("https", "example.com", 443)), ("HTTP://a:b@[::1]:80/", Origin("http", "::1", 80)),
    ("https://h", Origin("https", "h", 443)), ("https://h?x", Origin("https", "h", 443)),
    ("http://h:/", Origin("http", "h", 80)),
    ("file:///srv/x", None), ("/srv/x", None), ("versions.cfg", None)])
def test_the_origin_of_a_url(url: str, expected: Origin | None) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize(("one", "other", "same"), [
    ("https://h/a", "https://H.:443/b", True), ("https://h/", "http://h/", False), ("https://h/", "https://h:8443/", False),
    ("http://127.1/", "http://127.0.0.1/", True), ("https://h/", "https://h.example.com/", False), ("x", "x", False),
    ("https://[", "https://[", False)])
def test_origins_are_compared_in_normal_form(one: str, other: str, same: bool) -> None:
    assert same_origin(one, other) is same


@pytest.mark.parametrize("port", ["99999", "123456", "abc", "-1", "0x50", "\uff18\uff10", "\u0668\u0660", "80:80"])
def test_a_port_is_ascii_digits_up_to_65535(port: str) -> None:
    with pytest.raises(ValueError):
        origin(f"http://h:{port}/")
