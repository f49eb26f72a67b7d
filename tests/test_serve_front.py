"""The page for people at the root."""

import gzip
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser

import pytest

from support import clients, published_tree, servers
from support.servers import ask
from support.upstream import wheel as upstream_wheel

JSON = "application/vnd.pypi.simple.v1+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
PROJECTS = {
    "Zope.Interface": [published_tree.wheel("Zope.Interface", "8.0")],
    "zope.schema": [published_tree.wheel("zope.schema", "7.0")],
    "demo": [published_tree.sdist("demo", "1.0")]}


@pytest.fixture
def root(tmp_path):
    published_tree.publish(tmp_path / "mirror", PROJECTS)
    return tmp_path / "mirror"


@pytest.fixture
def address(root, tmp_path):
    with servers.serve(root, tmp_path / "log") as address:
        yield address


class Elements(HTMLParser):
    """All elements of a page: tag and attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def projects(self):
        links = [attributes["href"] for tag, attributes in self.found if tag == "a" and attributes["href"] != ".#projects"]
        return [link.removesuffix("browse.html") for link in links]


def page(address, path="/", **headers):
    reply = ask(address, path, Accept=BROWSER, **headers)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    return reply.body.decode()


def test_browsers_see_it_at_the_root_and_clients_the_plain_page(address, root):
    plain = (root / "index.html").read_bytes()
    assert "<form" in page(address)
    assert page(address) == page(address, "/browse.html")
    for path, accept in (("/", "*/*"), ("/", "text/html"), ("/", ""), ("/simple/", BROWSER), ("/index.html", BROWSER)):
        assert ask(address, path, Accept=accept).body == plain


def test_it_lists_every_project_as_a_root_page_does(address, root):
    assert Elements(page(address)).projects() == Elements((root / "index.html").read_text()).projects()
    assert "X-PyPI-Last-Serial" in ask(address, "/", Accept=BROWSER).headers


@pytest.mark.parametrize("query, found", [
    ("zope", ["zope-interface/", "zope-schema/"]), ("Zope.S", ["zope-schema/"]), ("ZOPE_interface", ["zope-interface/"]),
    ("nothing", []), ("+", ["demo/", "zope-interface/", "zope-schema/"])])
def test_search_finds_names_in_every_spelling(address, query, found):
    assert sorted(Elements(page(address, f"/?q={query}")).projects()) == found


def test_what_was_searched_for_is_shown_as_text(address):
    text = page(address, "/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    (box,) = (attributes for tag, attributes in Elements(text).found if tag == "input")
    assert box["value"] == '"><script>alert(1)</script>'


def test_the_lines_to_copy_are_those_of_the_client_files(address):
    text = page(address)
    for client in clients.CLIENTS:
        shown = unescape(re.search(rf'<pre id="{client}"[^>]*>(.*?)</pre>', text, re.DOTALL)[1])
        file = clients.render(client, f"{address}/simple/")
        assert shown.splitlines() == [line for line in file.splitlines() if line and not line.startswith("#")]


def test_a_host_that_somebody_made_up_is_shown_as_text(address):
    assert "<script>x" not in page(address, Host='"><script>x')


def test_nothing_comes_from_elsewhere_and_nothing_else_runs(address):
    reply = ask(address, "/", Accept=BROWSER)
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    outside = [attributes for _, attributes in Elements(reply.body.decode()).found
               if any(value and value.startswith(("http", "//")) for value in attributes.values())]
    assert outside == []


def test_a_browser_that_has_it_gets_it_no_second_time_until_it_changes(address, root):
    reply = ask(address, "/", Accept=BROWSER, Accept_Encoding="gzip")
    assert gzip.decompress(reply.body).decode() == page(address)
    tag = reply.headers["ETag"]
    assert ask(address, "/", Accept=BROWSER, Accept_Encoding="gzip", If_None_Match=tag).status == 304
    published_tree.publish(root, {**PROJECTS, "newer": [published_tree.wheel("newer", "1.0")]})
    again = ask(address, "/", Accept=BROWSER, Accept_Encoding="gzip", If_None_Match=tag)
    assert again.status == 200
    assert b'"newer/browse.html"' in gzip.decompress(again.body)


def test_a_mirror_served_from_the_command_line_tells_how_fresh_it_is(mirrored, upstream):
    upstream.add("Demo.Lib", upstream_wheel("Demo.Lib", "1.0"), upstream_wheel("Demo.Lib", "2.0"))
    mirrored.settings["base_url"] = "https://pypi.example.com"
    assert mirrored.run("sync") == 0
    command = [sys.executable, "-m", "pypimirror", mirrored.write(), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().split()[-1]
        text = page(address)
        serials = {ask(address, "/simple/demo-lib/", Accept=accept).headers["X-PyPI-Last-Serial"] for accept in (JSON, "")}
        process.terminate()
        process.communicate(timeout=servers.PATIENCE)
    assert process.returncode == 0
    shown = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    assert (shown["Projects"], shown["Files"]) == ("1", "2")
    assert re.search(r"\d{4}-\d\d-\d\dT", shown["Last checked"])
    assert "index-url = https://pypi.example.com/simple/" in text
    assert serials == {str(mirrored.page("demo-lib")["meta"]["_last-serial"])}
