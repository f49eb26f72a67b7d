"""Real bandersnatch mirrors from serve; the versions that PYPIMIRROR_PROGRAMS names (see wheelhouse)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from support import clients, program_versions, programs, servers, wheelhouse
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

_CONFIGURATION = """\
[mirror]
directory = {folder}
master = {master}
api-method = simple
allow-non-https = true
json = true
workers = 2
timeout = 30
stop-on-error = true
hash-index = false
"""


def versions() -> list[Any]:
    found = [pytest.param(one, id=one.version) for one in wheelhouse.PROGRAMS if one.name == "bandersnatch"]
    reason = "PYPIMIRROR_PROGRAMS names no bandersnatch"
    return found or [pytest.param(None, id="none", marks=pytest.mark.skip(reason=reason))]


@pytest.mark.parametrize("version", versions())
def test_bandersnatch_mirrors_from_serve_and_follows(version: wheelhouse.Program, mirrored: Mirrored, upstream: Upstream,
                                                     tmp_path: Path) -> None:
    upstream.add("Zope.One", wheel("Zope.One", "1.0"), sdist("Zope.One", "1.0"), upload_time="2024-01-02T03:04:05.000006Z",
                 requires_python=">=3.8")
    upstream.add("Zope.One", wheel("Zope.One", "2.0+local"), yanked="bad")  # without upload time
    upstream.add("pypi", sdist("pypi", "2.1"))
    upstream.add("packages", sdist("packages", "3.0"))
    assert mirrored.run("sync") == 0
    program = programs.on_demand(version) / "bandersnatch"
    # It knows of proxies and not of hosts that are reached without one.
    closed = clients.environment(tmp_path / "home")
    environ = {name: value for name, value in closed.items() if not name.lower().endswith("_proxy")}
    program_versions.note("bandersnatch", clients.run([program, "--version"], tmp_path, environ))
    web = tmp_path / "theirs" / "web"
    web.parent.mkdir()
    with servers.serve(mirrored.root, tmp_path / "log") as master:
        configuration = tmp_path / "bandersnatch.conf"
        configuration.write_text(_CONFIGURATION.format(folder=web.parent, master=master))
        clients.run([program, "-c", configuration, "mirror"], tmp_path, environ)
        compare(mirrored, web, ("zope-one", "pypi", "packages"))
        assert (web.parent / "status").read_text() == str(json.loads(mirrored.read("index.v1_json"))["meta"]["_last-serial"])
        # It follows what changes.
        upstream.add("Zope.One", wheel("Zope.One", "3.0"), upload_time="2025-01-02T03:04:05Z")
        assert mirrored.run("-U") == 0
        clients.run([program, "-c", configuration, "mirror"], tmp_path, environ)
        compare(mirrored, web, ("zope-one", "pypi", "packages"))
        assert "zope_one-3.0-py3-none-any.whl" in (web / "simple" / "zope-one" / "index.html").read_text()


def compare(mirrored: Mirrored, web: Path, names: tuple[str, ...]) -> None:
    """Hold bandersnatch's pages and files against ours."""
    for name in names:
        theirs = json.loads((web / "simple" / name / "index.v1_json").read_text())
        ours = {file["filename"]: file for file in mirrored.page(name)["files"]}
        assert {file["filename"] for file in theirs["files"]} == set(ours)
        for file in theirs["files"]:
            mine = ours[file["filename"]]
            assert (file["hashes"]["sha256"], file["size"]) == (mine["hashes"]["sha256"], mine["size"])
            assert bool(file["yanked"]) == bool(mine["yanked"])
            assert (file["requires-python"] or "") == mine.get("requires-python", "")
            assert file["upload-time"] == mine.get("upload-time", "1970-01-01T00:00:00Z")
            body = (web / "simple" / name / unquote(file["url"])).resolve().read_bytes()
            assert hashlib.sha256(body).hexdigest() == mine["hashes"]["sha256"]
