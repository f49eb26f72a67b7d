"""Host headers: what a client made up is in no page, and caches keep pages apart that depend on one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from pypimirror.serve.host import index_address, is_loopback
from support import published_tree, servers
from support.servers import ask

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
#: Of others, or that only look like loopback.
FOREIGN = ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil.example",
           "evil.example#localhost", "localhost/evil", "localhost:80:80", "localhost:", "[::1", "::1", "[::2]", "10.0.0.1",
           "0.0.0.0", "localhost\tx", "", "localhost:999999", "2130706433", "xn--localhost", "pypi.example.com.evil.example",
           "pypi.example.com:1", "user@pypi.example.com", "pypi.example.com.")
LOOPBACK = ("localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:8080", "127.9.9.9", "[::1]", "[::1]:8080")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    published_tree.publish(folder / "mirror", {"Demo": [published_tree.wheel("Demo", "1.0")]})
    with servers.serve(folder / "mirror", folder / "log") as address:
        yield address


def environ(host: str) -> dict[str, str]:
    return {"HTTP_HOST": host, "SERVER_NAME": "mirror.lan", "SERVER_PORT": "8080", "wsgi.url_scheme": "http"}


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_host_gets_the_address_that_the_server_knows_itself(host: str) -> None:
    assert not is_loopback(host)
    assert index_address(environ(host), None) == "http://mirror.lan:8080"
    assert index_address(environ(host), "https://pypi.example.com/simple") == "https://pypi.example.com/simple"


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_client_on_this_machine_gets_the_address_that_it_came_by(host: str) -> None:
    assert index_address(environ(host), None) == index_address(environ(host), "https://pypi.example.com") == f"http://{host}"


@pytest.mark.parametrize("host", ["pypi.example.com", "PyPI.example.com"])
def test_a_client_that_came_by_base_url_gets_it(host: str) -> None:
    assert index_address(environ(host), "https://pypi.example.com") == "https://pypi.example.com"


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert index_address(environ("evil.example") | {"SERVER_NAME": "::1"}, None) == "http://[::1]:8080"


@pytest.mark.parametrize("host", [host for host in FOREIGN if host and "\t" not in host])
def test_no_page_holds_a_host_that_somebody_made_up(site: str, host: str) -> None:
    for path in ("/", "/demo/", "/pypi/demo/json", "/pypi/demo/1.0/json", "/demo", "/nothing/"):
        reply = ask(site, path, Accept=BROWSER, Host=host, X_Forwarded_Host=host, Forwarded=f"host={host}")
        text = f"{reply.headers}\n{reply.body.decode()}"
        assert not re.search(rf"//{re.escape(host)}(?![0-9.])", text)
        assert "evil" not in text


def test_caches_are_told_which_pages_depend_on_the_host(site: str) -> None:
    for path, accept in (("/", BROWSER), ("/pypi/demo/json", "")):
        one, other = (ask(site, path, Accept=accept, Host=host) for host in ("localhost:1", "127.0.0.1:2"))
        assert one.body != other.body
        for reply in (one, other):
            assert "Host" in re.split(r",\s*", reply.headers["Vary"])
        assert ask(site, path, Accept=accept, Host="localhost:1", If_None_Match=other.headers["ETag"]).status == 200
    for path in ("/simple/", "/demo/", f"/demo/{published_tree.wheel('Demo', '1.0').filename}"):
        one, other = (ask(site, path, Host=host) for host in ("localhost:1", "127.0.0.1:2"))
        assert one.body == other.body
        assert "Host" not in (one.headers["Vary"] or "")
    links = json.loads(ask(site, "/pypi/demo/json", Host="localhost:1").body)["urls"]
    assert links[0]["url"].startswith("http://localhost:1/packages/demo/")
