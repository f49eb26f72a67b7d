"""The pages for people in the tree: ``index_formats`` with ``browse``."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from zope.interface.verify import verifyClass

from pypimirror.index.browse import BrowseIndex
from pypimirror.index.project_page import render
from pypimirror.index.start_page import ANYWHERE, MOST_LISTED
from pypimirror.interfaces import IStartPageWriter
from pypimirror.model import Entry, File, Project, Stored, Totals
from support import clients, published_tree, servers
from support.mirror import Mirrored
from support.servers import ask
from support.upstream import Upstream, sdist, wheel

FORMATS = "html json full browse"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JSON = "application/vnd.pypi.simple.v1+json"
METADATA = b"""\
Metadata-Version: 2.4
Name: Zope.One
Version: 2.0
Summary: Ones <for> all
Classifier: License :: OSI Approved :: Zope Public License
Requires-Dist: zope.interface>=5; python_version<"3.12"
Provides-Extra: test
Project-URL: Source, https://example.com/one?a=1&b=2
Project-URL: Trap, javascript:alert(1)
Home-page: http://example.com/
Requires-Python: >=3.8

What it is about.
"""


class Links(HTMLParser):
    """The links of a page, and everything else that loads or leads somewhere."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        for name, value in attrs:
            if name in ("href", "src", "action") or name.startswith("on") or name == "style":
                (self.links if tag == "a" else self.loaded).append(value)


def file(name: str, **facts: Any) -> File:
    return File(name, "", stored=Stored("a" * 64, 7_340, facts.pop("metadata", None)), **facts)


def page(*files: File, metadata: bytes | None = None, **facts: Any) -> str:
    return render(Project("zope-one", files, "Zope.One", **facts), 5, lambda file: metadata).decode()


def text(html: str) -> str:
    """Return the text of a page as a reader sees it."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html.partition("<body")[2].partition(">")[2])).split())


def test_it_keeps_the_contract_of_its_kind() -> None:
    assert verifyClass(IStartPageWriter, BrowseIndex)


def test_the_newest_release_is_described_and_the_files_are_grouped_by_release() -> None:
    shown = page(
        file("zope_one-1.0.tar.gz", upload_time="2023-04-05T06:07:08Z", yanked="breaks <all>"),
        file("zope_one-2.0-cp312-cp312-manylinux_2_28_x86_64.whl", upload_time="2024-01-02T03:04:05Z", requires_python=">=3.8"),
        file("zope_one-2.0.tar.gz", upload_time="2024-01-03T03:04:05Z"), file("zope_one-3.0b1.tar.gz"), file("zope-one.deb"),
        metadata=METADATA)
    read = text(shown)
    assert "Ones <for> all" in read and "pip install Zope.One==2.0" in read
    assert "Newest release 2.0, 2024-01-02 Python >=3.8 Licence Zope Public License" in read
    assert 'Requires zope.interface>=5; python_version<"3.12" Extras test Links Source Home page' in read
    assert re.findall(r"<h3>(.*?)</h3>", shown) == ["3.0b1", "2.0", "1.0", "Other files"]
    assert re.findall(r'<details data-key="([^"]*)" open', shown) == ["2.0"]
    assert "1.0 2023-04-05 1 file Yanked: breaks <all>" in read and "3.0b1 1 file prerelease" in read
    assert "2_28_x86_64.whl wheel, cp312, manylinux_2_28_x86_64 >=3.8 7.3 kB 2024-01-02" in read
    assert Links(shown).links == [
        "../browse.html", "../browse.html#use", "https://example.com/one?a=1&b=2", "http://example.com/",
        f"zope_one-3.0b1.tar.gz#sha256={'a' * 64}",
        f"zope_one-2.0-cp312-cp312-manylinux_2_28_x86_64.whl#sha256={'a' * 64}", f"zope_one-2.0.tar.gz#sha256={'a' * 64}",
        f"zope_one-1.0.tar.gz#sha256={'a' * 64}", f"zope-one.deb#sha256={'a' * 64}"]


@pytest.mark.parametrize("metadata", [None, b"", b"\xff\xfe\x00", b"Name: <b>\nLicense: <i>\nAuthor: \"><script>x\n",
                                      b"Project-URL: x\nRequires-Dist: <script>\nSummary: <script>\n\n\xff"])
def test_nothing_of_upstream_reaches_the_page_unescaped(metadata: bytes | None) -> None:
    shown = page(file("zope_one-2.0.tar.gz", yanked="<script>", requires_python='"<script>', upload_time='"<script>'),
                 metadata=metadata, status={"status": "quarantined", "reason": "<script>"})
    assert shown.count("<script") == 1
    assert Links(shown).loaded == ["../browse.css", "../browse.js"]
    assert "<i>" not in shown and "<b>" not in shown


def test_a_project_without_files_says_so() -> None:
    shown = text(page(status={"status": "quarantined", "reason": "malware"}))
    assert shown == "All projects Zope.One This project is quarantined: malware There are no files of this project."


@pytest.mark.parametrize("base_url", ["", "https://pypi.example.com"])
def test_the_start_page_lists_projects_up_to_a_number(base_url: str) -> None:
    class Client:
        filename, title = "x.conf", "<x>"

        def render(self, index: str) -> str:
            return f"# comment\n<index> {index}\n"

    def started(count: int) -> str:
        entries = (Entry(f"p{number}", f"P{number}", 1) for number in range(count))
        writer = BrowseIndex({"base_url": base_url, "mirror_file_path": "/srv/pypi"})  # type: ignore[arg-type]
        blocks = writer.projects(entries, 9, Totals(count, 7, 10**9), {"<x>": Client()})  # type: ignore[dict-item]
        return b"".join(blocks).decode()

    short, long = started(3), started(MOST_LISTED + 1)
    assert Links(short).links == ["p0/browse.html", "p1/browse.html", "p2/browse.html"]
    assert Links(long).links == ["index.html"] and "10,001 projects" in text(long)
    assert f"<index> {f'{base_url}/simple/' if base_url else ANYWHERE}" in text(short) and "# comment" not in short
    assert ("data-anywhere-note" in short) == (not base_url)
    assert BrowseIndex({"base_url": base_url, "mirror_file_path": "/srv/pypi"}).serial(short.encode()) == 9  # type: ignore[arg-type]


def filled(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("Zope.One", wheel("Zope.One", "1.0", ("zope.interface",)), sdist("Zope.One", "1.0"))
    upstream.add("two", sdist("two", "2.1"))
    mirrored.settings["index_formats"] = FORMATS


def browse_pages(mirrored: Mirrored) -> list[str]:
    return [path for path in mirrored.paths() if "browse" in path]


def test_the_pages_come_and_go_with_projects_and_format(mirrored: Mirrored, upstream: Upstream) -> None:
    filled(mirrored, upstream)
    assert mirrored.run("sync") == 0
    every = ["browse.css", "browse.html", "browse.js", "two/browse.html", "zope-one/browse.html"]
    assert browse_pages(mirrored) == every
    assert "Requires zope.interface" in text(mirrored.read("zope-one/browse.html"))
    assert "Projects 2 Files 3" in text(mirrored.read("browse.html"))
    before = mirrored.tree()
    assert mirrored.run("-U") == 0 and mirrored.run("verify") == 0
    assert mirrored.tree() == before
    # Also when the state was lost in between, and when somebody changed one of the files.
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    (mirrored.root / "browse.css").write_text("broken")
    assert mirrored.run("sync") == 0
    assert mirrored.tree() == before
    upstream.remove("Zope.One")
    assert mirrored.run("-U") == 0
    assert browse_pages(mirrored) == [path for path in every if "zope" not in path]
    mirrored.settings["index_formats"] = None
    assert mirrored.run("-U") == 0
    assert browse_pages(mirrored) == []
    assert b"browse" not in mirrored.tree()["index.html"]


def test_what_installers_read_is_the_same_with_and_without_them(mirrored: Mirrored, upstream: Upstream) -> None:
    filled(mirrored, upstream)
    mirrored.settings["index_formats"] = None
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    mirrored.settings["index_formats"] = FORMATS
    assert mirrored.run("sync") == 0
    after = mirrored.tree()
    button = '<form action="browse.html"><button>Browse the projects</button></form>\n'
    for path in before:
        plain, other = before[path].decode("latin-1"), after[path].decode("latin-1")
        if path == "index.html":
            other = other.replace(button, "")
        if path.endswith(("html", "json")):
            plain, other = (re.sub(r'SERIAL \d+|"_last-serial":\d+', "", one) for one in (plain, other))
        assert other == plain
    assert Links(mirrored.read("index.html")).links == ["two/", "zope-one/"]


@pytest.fixture(params=["serve", "apache", "nginx"])
def site(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A tree with pages for people, and the address of a server of it."""
    with contextlib.ExitStack() as stack:
        # The web servers' own users may enter it, unlike the folders of pytest.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pypimirror-")))
        folder.chmod(0o755)
        root = folder / "mirror"
        published_tree.publish(root, {"Zope.Interface": [published_tree.wheel("Zope.Interface", "8.0")]})
        for path in ("browse.html", "zope-interface/browse.html", "browse.css", "browse.js"):
            (root / path).write_text(f"this is {path}")
        log = tmp_path_factory.mktemp(request.param) / "log"
        yield root, stack.enter_context(getattr(servers, request.param)(root, log))


def test_sites_serve_them_to_people_and_the_index_to_clients(site: tuple[Path, str]) -> None:
    root, address = site
    for accept, path in ((BROWSER, "browse.html"), ("", "index.html"), ("*/*", "index.html"), ("text/html", "index.html"),
                         (JSON, "index.v1_json"), (f"{JSON}, {BROWSER}", "index.v1_json")):
        answer = ask(address, "/", **({"Accept": accept} if accept else {}))
        assert answer.status == 200 and "Accept" in str(answer.headers.get_all("Vary"))
        if path == "browse.html":
            assert b"this is browse.html" in answer.body or b"<title>Python package mirror" in answer.body
        else:
            assert answer.body == (root / path).read_bytes()
    assert ask(address, "/simple/", Accept=BROWSER).body == (root / "index.html").read_bytes()
    assert ask(address, "/zope-interface/", Accept=BROWSER).body == (root / "zope-interface/index.html").read_bytes()
    for prefix in ("/", "/simple/"):
        answer = ask(address, f"{prefix}Zope_Interface/browse.html")
        while answer.status in (301, 302):
            answer = ask(address, answer.headers["Location"].removeprefix(address))
        assert (answer.status, answer.body) == (200, b"this is zope-interface/browse.html")
        for path, kind in (("browse.html", "text/html"), ("browse.css", "text/css"), ("browse.js", "text/javascript")):
            answer = ask(address, prefix + path)
            assert (answer.status, answer.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
            assert "immutable" not in answer.headers["Cache-Control"]


def test_serve_renders_them_for_a_tree_without_them(tmp_path: Path) -> None:
    metadata = published_tree.wheel("Zope.Interface", "8.0", ["setuptools"], requires_python=">=3.10")
    published_tree.publish(tmp_path / "mirror", {"Zope.Interface": [metadata, published_tree.sdist("Zope.Interface", "7.0")]})
    with servers.serve(tmp_path / "mirror", tmp_path / "log") as address:
        for prefix in ("", "/simple"):
            answer = ask(address, f"{prefix}/zope_interface/browse.html", Accept=BROWSER)
            assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
            read = text(answer.body.decode())
            assert "pip install zope-interface==8.0" in read and "Requires setuptools" in read and "2020-02-03" in read
            links = [link for link in Links(answer.body.decode()).links if "#sha256" in link]
            assert len(links) == 2
            for link in links:
                assert ask(address, f"{prefix}/zope-interface/{link.partition('#')[0]}").status == 200
            assert ask(address, f"{prefix}/browse.css").headers["Content-Type"] == "text/css; charset=utf-8"
        assert ask(address, "/nothing/browse.html").status == 404
        assert ask(address, "/zope-interface/browse.css").status == 404
        tag = answer.headers["ETag"]
        assert ask(address, "/zope-interface/browse.html", If_None_Match=tag).status == 304


def test_installers_take_the_root_page_for_nothing_but_a_list_of_projects(mirrored: Mirrored, upstream: Upstream,
                                                                          tmp_path: Path) -> None:
    filled(mirrored, upstream)
    assert mirrored.run("sync") == 0
    # Another mirror that reads the pages of this one, as HTML and as JSON.
    with servers.bare_python(mirrored.root, tmp_path / "server.log") as address:
        second = Mirrored(tmp_path / "second", address)
        assert second.run("sync") == 0
        assert second.paths() == [path for path in mirrored.paths() if "browse" not in path]
        assert clients.pip(address, ["zope.one==1.0", "--no-deps"], tmp_path)["zope-one"] == "1.0"
    assert json.loads(mirrored.read("index.v1_json"))["projects"][0]["name"] == "two"
