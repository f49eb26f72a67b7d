"""What is chosen for the headers that real clients send, and for the corners of RFC 9110."""

import pytest

from pypimirror.serve.negotiate import HTML, JSON, TEXT, choose_media_type, takes_gzip

PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
UV = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize("accept, chosen", [
    ("", TEXT),
    ("*/*", TEXT),
    ("text/html", TEXT),
    (BROWSER, TEXT),
    (PIP, JSON),
    (UV, JSON),
    (JSON, JSON),
    (JSON.upper(), JSON),
    ("application/vnd.pypi.simple.latest+json", JSON),
    (f"{JSON}, */*;q=0.1", JSON),
    (f"text/html, {JSON}", JSON),
    (f"{JSON};q=0.5, text/html;q=0.4", JSON),
    (f"{JSON};q=0.4, text/html;q=0.5", TEXT),
    (f"{JSON};q=0.5, {HTML}", HTML),
    (f"{JSON}; q=0, */*", TEXT),
    (f"{JSON};q=0", TEXT),
    (f"{JSON};q=nonsense", TEXT),
    (HTML, HTML),
    ("application/vnd.pypi.simple.latest+html", HTML),
    ("application/*", HTML),
    (f"{HTML};q=0.1, text/html", TEXT),
    ("application/json", TEXT),
    ("image/png", TEXT),
    (",;q=,;;", TEXT),
])
def test_json_is_chosen_only_where_it_is_asked_for_by_name(accept, chosen):
    assert choose_media_type(accept) == chosen


@pytest.mark.parametrize("header, taken", [
    ("", False), ("gzip", True), ("gzip, deflate", True), ("br, GZIP;q=0.5", True), ("*", True),
    ("gzip;q=0", False), ("identity", False), ("*, gzip;q=0", False), ("br", False),
])
def test_gzip_is_sent_only_where_it_is_taken(header, taken):
    assert takes_gzip(header) is taken
