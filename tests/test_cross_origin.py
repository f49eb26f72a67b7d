"""``cross_origin``: web pages of any origin, or none, may read what serve and the generated sites answer."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import program_versions, published_tree, servers
from support.chromium import browser
from support.servers import ask

WHEEL = published_tree.wheel("demo", "1.0")
#: What browsers take as "any origin" (Fetch standard, CORS protocol).
HEADER = "Access-Control-Allow-Origin"


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A tree that the web servers' own users may enter."""
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        os.chmod(folder, 0o755)
        published_tree.publish(Path(folder) / "mirror", {"demo": [WHEEL]})
        yield Path(folder) / "mirror"


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("server", ["serve", "nginx", "apache", "caddy"])
def test_all_answers_have_the_header_or_none(server: str, allowed: bool, root: Path, tmp_path: Path) -> None:
    with getattr(servers, server)(root, tmp_path / "log", cross_origin=allowed) as site:
        answers = [ask(site, path, **headers) for path, headers in (
            ("/", {}), ("/simple/demo/", {"Accept": "application/vnd.pypi.simple.v1+json"}), (f"/demo/{WHEEL.filename}", {}),
            (f"/demo/{WHEEL.filename}", {"Range": "bytes=0-9"}), (f"/demo/{WHEEL.filename}.metadata", {}),
            ("/pins/versions.cfg", {}))]
    assert [answer.status for answer in answers] == [200, 200, 200, 206, 200, 200]
    assert [answer.headers.get_all(HEADER) for answer in answers] == [["*"] if allowed else None] * 6


#: Gives status and the number of bytes of each answer that the page may read, else the name of the error.
_READ = """
    const found = [];
    for (const [url, headers] of arguments[0]) {
        try {
            const answer = await fetch(url, {headers});
            found.push([answer.status, (await answer.arrayBuffer()).byteLength]);
        } catch (error) {
            found.push(error.name);
        }
    }
    return found;"""


@pytest.mark.heavy
def test_a_page_of_another_origin_reads_pages_files_and_metadata_in_a_browser(root: Path, tmp_path: Path) -> None:
    json_page, html_page = (root / "demo" / name for name in ("index.v1_json", "index.html"))
    file = f"demo/{WHEEL.filename}"
    requests = [("simple/demo/", {"Accept": "application/vnd.pypi.simple.v1+json, */*;q=0.01"}), ("simple/demo/", {}),
                ("simple/demo/index.html", {}), (file, {}), (file, {"Range": "bytes=0-9"}), (f"{file}.metadata", {})]
    expected = [[200, json_page.stat().st_size], [200, html_page.stat().st_size], [200, html_page.stat().st_size],
                [200, len(WHEEL.content)], [206, 10], [200, len(WHEEL.metadata)]]
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<!DOCTYPE html><title>Another origin</title>")
    with servers.bare_python(tmp_path / "page", tmp_path / "page.log") as page, browser(tmp_path / "browser.log") as window:
        program_versions.note("Chromium", window.version)
        window.open(page)
        for allowed in (True, False):
            for server in ("serve", "nginx"):
                folder = tmp_path / f"{server}-{allowed}"
                folder.mkdir()
                with getattr(servers, server)(root, folder / "log", cross_origin=allowed) as site:
                    found = window.run_async(_READ, [[f"{site}/{path}", headers] for path, headers in requests])
                assert found == (expected if allowed else ["TypeError"] * len(requests)), server
