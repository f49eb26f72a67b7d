"""The matrix of docs/matrix.rst, a test for each cell: real clients, every way to serve a mirror, what people do.

The cells of ``serve`` that other tests don't have, and those that fail because of their server; PYPIMIRROR_MATRIX=all for all.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import clients, matrix, object_store, programs, published_tree, servers, wheelhouse
from support.matrix_site import Site, served
from support.project_tools import ProjectTool
from support.upstream import Upstream, wheel

OLD = "2020-01-01T00:00:00Z"
#: Releases by version; the newest one is from this hour.
DEMO = {version: wheel("demo", version, ("dep>=1",)) for version in ("1.0", "2.0")}
DEP = wheel("dep", "1.0")
#: A recipe of zc.buildout, with what it requires.
RECIPE = published_tree.recipe("demo.recipe", "1.0", ["dep>=1"])
#: The others are tried with every server by test_sites_install.py, or by test_client_uv_lock.py.
USUAL = ("hashes", "lazy", "offline")
CHOSEN = os.environ.get("PYPIMIRROR_MATRIX") == "all"
CHOSEN_TOOLS = frozenset(one.name for one in wheelhouse.PROGRAMS)


def cells() -> Iterator[object]:
    for client in matrix.CLIENTS:
        for habit in matrix.HABITS:
            for server in matrix.SERVERS:
                if (client, habit) in matrix.LACKING:
                    continue
                if client in matrix.PROJECT_TOOLS and not (CHOSEN and client in CHOSEN_TOOLS):
                    skip = [pytest.mark.skip(reason="PYPIMIRROR_MATRIX=all tries it, if PYPIMIRROR_PROGRAMS names it")]
                    yield pytest.param(client, server, habit, id=f"{client}-{server}-{habit}", marks=skip)
                    continue
                usual = (server == "serve" and habit in USUAL) or not matrix.works(client, server, habit)
                skip = [] if usual or CHOSEN else [pytest.mark.skip(reason="PYPIMIRROR_MATRIX=all tries it")]
                yield pytest.param(client, server, habit, id=f"{client}-{server}-{habit}", marks=skip)


@pytest.mark.parametrize(("client", "server", "habit"), list(cells()))
def test_cell(client: str, server: str, habit: str, tmp_path: Path) -> None:
    if client == "buildout" and not wheelhouse.is_filled():
        pytest.fail("run: python tests/support/wheelhouse.py")
    with served(server, tmp_path, fill) as site:
        habits = {"plain": plain, "cooldown": cooldown, "locked": locked, "frozen": frozen, "hashes": hashes, "lazy": lazy,
                  "offline": offline}
        if matrix.works(client, server, habit):
            habits[habit](client, site, tmp_path)
        else:
            with pytest.raises(AssertionError):
                habits[habit](client, site, tmp_path)
    matrix.note(matrix.Tried(client, server, habit, matrix.works(client, server, habit), clients.version(client),
                             servers.version(server)))


def fill(upstream: Upstream) -> None:
    upstream.add("demo", DEMO["1.0"], upload_time=OLD)
    upstream.add("demo", DEMO["2.0"], upload_time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    upstream.add("dep", DEP, upload_time=OLD)
    upstream.add("demo.recipe", RECIPE[:2], upload_time=OLD)


# --- habits; each fails with AssertionError


def plain(client: str, site: Site, folder: Path) -> None:
    if client == "buildout":
        assert clients.buildout(site.index, "demo.recipe", folder) == {"demo-recipe": "1.0", "dep": "1.0"}
    elif client in matrix.PROJECT_TOOLS:
        tool = ProjectTool(client, site.index, folder)
        tool.add("demo")
        assert tool.installed() == {"demo": "2.0", "dep": "1.0"}
    else:
        assert getattr(clients, client)(site.index, ["demo"], folder) == {"demo": "2.0", "dep": "1.0"}


def cooldown(client: str, site: Site, folder: Path) -> None:
    if client in matrix.PROJECT_TOOLS:
        tool = ProjectTool(client, site.index, folder)
        tool.environ["POETRY_SOLVER_MIN_RELEASE_AGE"] = "1"
        assert tool.lock("demo", *(["--exclude-newer", "1d"] if client == "pdm" else [])) == {"demo": "1.0", "dep": "1.0"}
        return
    options = ("--uploaded-prior-to", "P1D") if client == "pip" else ("--exclude-newer", "1 day")
    assert getattr(clients, client)(site.index, ["demo"], folder, *options) == {"demo": "1.0", "dep": "1.0"}


def locked(client: str, site: Site, folder: Path) -> None:
    if client == "pip":
        lock = folder / "pylock.toml"
        environ = clients.environment(folder / "home")
        clients.run_pip(["--index-url", site.index, "--output", lock, "demo==1.0"], folder, environ, "lock")
        assert clients.pip(site.index, ["-r", str(lock)], folder) == {"demo": "1.0", "dep": "1.0"}
    elif client in matrix.PROJECT_TOOLS:
        tool = ProjectTool(client, site.index, folder)
        assert tool.lock("demo==1.0") == {"demo": "1.0", "dep": "1.0"}
        tool.install()
        assert tool.installed() == {"demo": "1.0", "dep": "1.0"}
    else:
        synced(site, folder, "--locked")


def frozen(client: str, site: Site, folder: Path) -> None:
    if client == "pdm":
        tool = ProjectTool(client, site.index, folder)
        tool.lock("demo", "--strategy", "static_urls")
        for page in ("demo/index.html", "demo/index.v1_json", "dep/index.html", "dep/index.v1_json"):
            damaged(site, page)
        tool.install()
        assert tool.installed() == {"demo": "2.0", "dep": "1.0"}
    else:
        synced(site, folder, "--frozen")


def synced(site: Site, folder: Path, option: str) -> None:
    """Make a uv.lock of the upstream's, have it rewritten for the mirror, and install by it."""
    project = folder / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.10"\ndependencies = ["demo==1.0"]\n')
    environ = clients.environment(folder / "home")
    uv = programs.program("uv")
    clients.run([uv, "lock", "--no-cache", "--python", sys.executable, "--default-index", site.mirrored.settings["index_url"]],
                project, environ)
    for name, words in (("uv.lock", ("uv", "--lock", str(project / "uv.lock"))), ("uv.toml", ("uv",))):
        done = subprocess.run([sys.executable, "-m", "pypimirror", site.mirrored.write(), "client", *words], text=True,
                              capture_output=True, check=True)
        (project / name).write_text(done.stdout)
    clients.run([uv, "sync", option, "--no-cache", "--python", sys.executable], project,
                {**environ, "UV_CONFIG_FILE": str(project / "uv.toml")})
    assert list(project.glob(".venv/lib/*/site-packages/demo-1.0.dist-info"))


def hashes(client: str, site: Site, folder: Path) -> None:
    if client in matrix.PROJECT_TOOLS:
        tool = ProjectTool(client, site.index, folder)
        tool.lock("demo")
        tool.install()
        assert tool.installed() == {"demo": "2.0", "dep": "1.0"}
        damaged(site, "demo/" + DEMO["2.0"][0])
        # Nothing is cached of another project.
        other = ProjectTool(client, site.index, folder / "other")
        other.lock("demo")
        with pytest.raises(AssertionError):
            other.install()
        return
    lines = [f"{name}=={version} --hash=sha256:{hashlib.sha256(body).hexdigest()}\n"
             for name, version, (_, body) in (("demo", "1.0", DEMO["1.0"]), ("dep", "1.0", DEP))]
    (folder / "requirements.txt").write_text("".join(lines))
    install = getattr(clients, client)
    assert install(site.index, ["--require-hashes", "-r", str(folder / "requirements.txt")], folder) == {
        "demo": "1.0", "dep": "1.0"}
    (folder / "wrong").mkdir()
    (folder / "requirements.txt").write_text(lines[0].replace("sha256:", "sha256:0")[:-2] + "\n" + lines[1])
    with pytest.raises(AssertionError):
        install(site.index, ["--require-hashes", "-r", str(folder / "requirements.txt")], folder / "wrong")


def lazy(client: str, site: Site, folder: Path) -> None:
    """Resolve where the wheels themselves are damaged: nothing but their metadata files was read."""
    for name in ("demo/" + DEMO["2.0"][0], "demo/" + DEMO["1.0"][0], "dep/" + DEP[0]):
        damaged(site, name)
    if client in matrix.PROJECT_TOOLS:
        assert ProjectTool(client, site.index, folder).lock("demo") == {"demo": "2.0", "dep": "1.0"}
        return
    environ = clients.environment(folder / "home")
    if client == "pip":
        found = clients.run_pip(["--dry-run", "--ignore-installed", "--index-url", site.index, "demo"], folder, environ)
        assert "Would install demo-2.0 dep-1.0" in found
    else:
        found = clients.run_uv(["--dry-run", "--target", folder / "x", "--default-index", site.index, "demo"], folder, environ)
        assert "+ demo==2.0" in found and "+ dep==1.0" in found


def damaged(site: Site, path: str) -> None:
    """Put something else in the place of a file."""
    if isinstance(site.mirrored, object_store.MirroredInBucket):
        store = site.mirrored.store
        store.client.put_object(Bucket=site.mirrored.bucket, Key=f"{object_store.PREFIX}/{path}", Body=b"damaged")
    else:
        (site.mirrored.root / path).write_bytes(b"damaged")


def offline(client: str, site: Site, folder: Path) -> None:
    if client == "pdm":
        tool = ProjectTool(client, site.index, folder)
        tool.lock("demo", "--strategy", "static_urls")
        tool.install()
        site.close()
        tool.install()
        assert tool.installed() == {"demo": "2.0", "dep": "1.0"}
        return
    cache, environ = folder / "cache", clients.environment(folder / "home")
    if client == "buildout":
        plain(client, site, folder)
        site.close()
        clients.run([Path(sys.executable).with_name("buildout"), "-N"], folder, environ)
        return
    command = [programs.program("uv"), "pip", "install", "--cache-dir", cache, "--python", sys.executable,
               "--default-index", site.index, "demo"]
    clients.run([*command, "--target", folder / "first"], folder, environ)
    site.close()
    clients.run([*command, "--offline", "--target", folder / "second"], folder, environ)
    assert clients.installed(folder / "second") == {"demo": "2.0", "dep": "1.0"}


def test_the_document_is_what_was_tried() -> None:
    text = matrix.DOCUMENT.read_text(encoding="utf-8")
    assert text == matrix.renewed(text), "run: python tests/support/matrix.py"
    for tried in matrix.recorded():
        assert tried.works == matrix.works(*tried[:3]), f"{tried}: run it again, then python tests/support/matrix.py"


def test_a_cell_that_was_not_tried_does_not_count_as_one_that_works() -> None:
    text = matrix.render([matrix.Tried("pip", "nginx", "plain", True, "26.0", "1.22.1")])
    assert text.count("- yes\n") == 1 and "- not tried\n" in text and "pip 26.0\n" in text and "nginx 1.22.1" in text
