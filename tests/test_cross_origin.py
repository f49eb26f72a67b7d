"""``cross_origin``: web pages of any origin, or none, may read what serve and the generated sites answer."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import published_tree, servers
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
@pytest.mark.parametrize("server", ["serve", "nginx", "apache"])
def test_all_answers_have_the_header_or_none(server: str, allowed: bool, root: Path, tmp_path: Path) -> None:
    with getattr(servers, server)(root, tmp_path / "log", cross_origin=allowed) as site:
        answers = [ask(site, path, **headers) for path, headers in (
            ("/", {}), ("/simple/demo/", {"Accept": "application/vnd.pypi.simple.v1+json"}), (f"/demo/{WHEEL.filename}", {}),
            (f"/demo/{WHEEL.filename}", {"Range": "bytes=0-9"}), (f"/demo/{WHEEL.filename}.metadata", {}),
            ("/pins/versions.cfg", {}))]
    assert [answer.status for answer in answers] == [200, 200, 200, 206, 200, 200]
    assert [answer.headers.get_all(HEADER) for answer in answers] == [["*"] if allowed else None] * 6
