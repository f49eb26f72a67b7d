"""Attestations (PEP 740) at the paths of PyPI's Integrity API, asked of every server that knows how to serve a mirror."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypimirror.http.content_types import FINAL_FILE_CACHE
from support import published_tree, servers
from support.servers import ask

WHEEL = published_tree.wheel("Some.Demo", "1.0+local.1")
BUNDLE = b'{"version": 1, "attestation_bundles": []}'


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A tree that the web servers' own users may enter."""
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        os.chmod(folder, 0o755)
        root = Path(folder) / "mirror"
        published_tree.publish(root, {"Some.Demo": [WHEEL]})
        (root / "some-demo" / f"{WHEEL.filename}.provenance").write_bytes(BUNDLE)
        yield root


@pytest.mark.parametrize("server", ["serve", "nginx", "apache", "caddy"])
def test_attestations_are_at_both_paths(server: str, root: Path, tmp_path: Path) -> None:
    with getattr(servers, server)(root, tmp_path / "log") as site:
        for prefix in ("", "/simple"):
            reply = ask(site, f"{prefix}/integrity/some-demo/1.0+local.1/{WHEEL.filename}/provenance")
            assert (reply.status, reply.body) == (200, BUNDLE)
            assert reply.headers["Content-Type"] == "application/vnd.pypi.integrity.v1+json"
            assert reply.headers["Cache-Control"] == FINAL_FILE_CACHE
        reply = ask(site, f"/some-demo/{WHEEL.filename}.provenance")
        assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, BUNDLE, "application/json")
        for path in ("some-demo/1.0/other.whl/provenance", "other/1.0/x.whl/provenance", "some-demo/1.0/provenance", "",
                     f"some-demo/1.0/{WHEEL.filename}/provenance/", f"some-demo/1.0/{WHEEL.filename}"):
            assert ask(site, f"/integrity/{path}").status == 404, path
