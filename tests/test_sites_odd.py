"""Requests that no installer makes, byte for byte to every server: nothing hidden is served, nothing of theirs comes back."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from pypimirror import names
from pypimirror.serve import app, paths
from support import odd_paths, published_tree, servers
from support.odd_paths import ODD, REFUSED, Odd
from test_sites_made import self_signed

#: Headers that may be in an answer.
_KNOWN = {"accept-ranges", "allow", "cache-control", "connection", "content-encoding", "content-length", "content-type", "date",
          "etag", "last-modified", "location", "server", "transfer-encoding", "vary", "via", "x-content-type-options",
          "x-pypi-last-serial", "content-security-policy"}


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A mirror in a place that the web servers' own users may enter; the hidden folder may be entered, too."""
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        Path(folder).chmod(0o755)
        mirror = Path(folder, "mirror")
        published_tree.publish(mirror, odd_paths.PROJECTS)
        Path(folder, "outside").mkdir()
        Path(folder, "outside", "secret.txt").write_text(odd_paths.SECRET)
        own = mirror / ".pypimirror"
        own.chmod(0o755)
        (own / "state").write_text(odd_paths.SECRET)
        (mirror / ".slash").mkdir()
        (mirror / ".slash" / "demo-project").write_text(odd_paths.SECRET)
        for text, paths_ in ((odd_paths.SECRET, odd_paths.STRAYS), ("{}", (*odd_paths.SIDECARS, *odd_paths.OTHERS))):
            for path in paths_:
                (mirror / path).parent.mkdir(parents=True, exist_ok=True)
                (mirror / path).write_text(text)
        for path in mirror.rglob("*"):
            os.utime(path, (published_tree.WRITTEN, published_tree.WRITTEN), follow_symlinks=False)
        yield mirror


@pytest.fixture(scope="module", params=odd_paths.SERVERS)
def site(request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp(request.param) / "log"
    with getattr(servers, request.param)(root, log) as address:
        yield address


def shown(odd: Odd) -> str:
    text = odd.target if len(odd.target) < 60 else odd.target[:50] + b"-%d" % len(odd.target)
    hosts = b"" if odd.headers is None else b" " + b", ".join(odd.headers)
    return re.sub(r"[^!-~]", "_", (text + hosts).decode("latin-1"))


@pytest.mark.parametrize("odd", ODD, ids=shown)
def test_every_server_gives_the_same_answer(site: str, odd: Odd) -> None:
    answer = odd_paths.sent(site, odd)
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    match = re.fullmatch(r"HTTP/1\.[01] (\d{3}) .*", first)
    assert match is not None, answer
    if odd_paths.is_foreign(odd) and b"Server: Caddy" in head:
        # Caddy knows its sites by their hosts.
        assert (match[1], body) == ("200", b"") and b"location:" not in head.lower()
        return
    status, wanted = int(match[1]), odd.status if isinstance(odd.status, tuple) else (odd.status,)
    assert status in wanted, head
    found = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    assert {name for name, _ in found} <= _KNOWN
    assert odd_paths.SECRET.encode() not in body
    assert b"set-cookie" not in head.lower()
    if status != 301:
        assert "location" not in dict(found)
        return
    (location,) = (value for name, value in found if name == "location")
    target = urlsplit(urljoin(f"{site}/", urljoin(site + odd_paths.path(odd), location)))
    assert (target.netloc, target.path, target.query) == (urlsplit(site).netloc, odd.leads_to, "")


@pytest.mark.parametrize("server", ["apache", "caddy", "nginx"])
def test_a_site_below_a_path_gives_the_same_answers(server: str, root: Path, tmp_path: Path) -> None:
    with getattr(servers, server)(root, tmp_path / "log", "/a.b/py-pi") as address:
        site = address.removesuffix("/a.b/py-pi")
        for odd in ODD:
            if odd.target.startswith(b"/") and odd.status in (200, 301, 404) and odd.headers is None:
                below = b"/a.b/py-pi" + odd.target
                leads_to = odd.leads_to and f"/a.b/py-pi{odd.leads_to}"
                test_every_server_gives_the_same_answer(site, odd._replace(target=below, leads_to=leads_to))


@pytest.mark.parametrize("server", ["apache", "caddy", "nginx"])
def test_over_tls_and_http_2_the_answers_are_the_same(server: str, root: Path, tmp_path: Path) -> None:
    pycurl = pytest.importorskip("pycurl")
    certificate, key = self_signed(tmp_path)
    with getattr(servers, server)(root, tmp_path / "log", tls_certificate=str(certificate), tls_key=str(key)) as site:
        request = pycurl.Curl()
        lines: list[bytes] = []
        for option, value in ((pycurl.CAINFO, str(certificate)), (pycurl.PROXY, ""), (pycurl.URL, site),
                              (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS), (pycurl.HEADERFUNCTION, lines.append)):
            request.setopt(option, value)
        versions = set()
        for odd in ODD:
            if odd.target.startswith(b"/") and odd.headers is None and not re.search(rb"[\x00-\x20]", odd.target):
                body: list[bytes] = []
                lines.clear()
                request.setopt(pycurl.REQUEST_TARGET, odd.target)
                request.setopt(pycurl.WRITEFUNCTION, body.append)
                try:
                    request.perform()
                except pycurl.error:
                    assert not body, odd  # the stream was reset
                    continue
                versions.add(request.getinfo(pycurl.INFO_HTTP_VERSION))
                wanted = odd.status if isinstance(odd.status, tuple) else (odd.status,)
                assert request.getinfo(pycurl.RESPONSE_CODE) in (*wanted, *(REFUSED if odd.status == 404 else ())), odd
                assert odd_paths.SECRET.encode() not in b"".join(body), odd
                found = dict(line.decode("latin-1").lower().strip().partition(": ")[::2] for line in lines[1:])
                assert found.keys() - {""} <= _KNOWN | {"strict-transport-security", "alt-svc"}, odd
                if "location" in found:
                    target = urlsplit(urljoin(f"{site}/", urljoin(site + odd_paths.path(odd), found["location"])))
                    assert (target.scheme, target.netloc, target.path) == ("https", urlsplit(site).netloc, odd.leads_to), odd
        assert pycurl.CURL_HTTP_VERSION_2_0 in versions


def test_the_table_is_long_and_says_each_request_once() -> None:
    assert len(ODD) >= 150
    assert len({(odd.target, odd.headers) for odd in ODD}) == len(ODD)


@pytest.mark.parametrize("text", [
    "a", "Zope.Interface", "zope_interface", "x" * 200, "A-.-b", "0", "a" * 40 + "A" * 40])
def test_every_name_of_a_project_passes_the_rule(text: str) -> None:
    assert names.is_project(names.normalize(text)) and names.is_legacy_folder(text, names.normalize(text))
    assert re.fullmatch(paths.NAME, text) and re.fullmatch(paths.SEGMENT, text)


@pytest.mark.parametrize("name", ["index.html", "index.v1_json", "a.txt", "a.whl", "a.whl.metadata", "a.tar.gz.asc", "a.tar.Z",
    "a-variants.json", "a-variants.json.asc", "a.json", ".whl", "a.whl.metadata.asc", "full.html", "a.tar.gz2", "atar.gz",
    "a.whlx"])
def test_one_rule_says_what_a_project_s_folder_offers(name: str) -> None:
    assert app._is_project_file(name) == (re.fullmatch(f"(?={paths.SEGMENT}$){paths.FILE}", name) is not None)


@pytest.mark.parametrize("server", ["apache", "caddy", "nginx"])
def test_a_mirror_of_html_alone_offers_no_strays(server: str, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        Path(folder).chmod(0o755)
        root = Path(folder, "mirror")
        published_tree.publish(root, odd_paths.PROJECTS)
        for page in root.rglob("index.v1_json"):
            page.unlink()
        (root / "demo-project" / "notes.txt").write_text(odd_paths.SECRET)
        with getattr(servers, server)(root, tmp_path / "log", index_formats=("html",)) as address:
            assert servers.ask(address, "/demo-project/notes.txt").status == 404
            assert servers.ask(address, "/demo-project/").status == 200
            assert servers.ask(address, "/demo-project/demo_project-1.0+local-py3-none-any.whl").status == 200


@pytest.mark.parametrize("character", [chr(code) for code in range(256)])
def test_every_name_of_a_distribution_passes_the_rule(character: str) -> None:
    name = f"a{character}b-1.0.tar.gz"
    assert names.is_distribution(name) == (re.fullmatch(paths.SEGMENT, name) is not None)
    assert re.fullmatch(paths.SEGMENT, f"{character}a.tar.gz") is None or names.is_distribution(f"{character}a.tar.gz")
