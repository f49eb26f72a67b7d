"""Real clients install from the published tree, served by nothing but ``python -m http.server``, or read as a folder."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import servers, wheelhouse
from support.buildouts import Buildouts
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel


@pytest.fixture
def published(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Iterator[str]:
    """The address of a published tree behind a bare web server."""
    upstream.add("Demo.Lib", wheel("Demo.Lib", "1.0"), wheel("Demo.Lib", "2.0", body="raise SystemExit('too new')"))
    upstream.add("demo.app", wheel("demo.app", "1.5", requires=("Demo.Lib<2",)), sdist("demo.app", "0.9"))
    # With all that a client could take for a project or a file.
    mirrored.settings["index_formats"] = "html json full browse legacy-json"
    assert mirrored.run("sync") == 0
    with servers.bare_python(mirrored.root, tmp_path / "server.log") as address:
        yield address


def test_pip_installs_what_is_asked_for_and_what_that_requires(published: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    plain = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--isolated", "--no-cache-dir", "--disable-pip-version-check",
         "--index-url", published, "--target", str(target), "demo-app"], env=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"demo_app", "demo_lib"} <= {path.name for path in target.iterdir()}
    assert (target / "demo_lib/__init__.py").read_text() == "__version__ = '1.0'\n"


#: The oldest generation looks a name up as it is written, and without a page of that name it searches the root page.
SEARCHED = wheelhouse.GENERATIONS[0], "search"


@pytest.mark.parametrize(("generation", "by"), [*itertools.product(wheelhouse.GENERATIONS, ["http", "folder"]), SEARCHED])
def test_buildout_installs_from_the_mirror(
        published: str, mirrored: Mirrored, buildouts: Buildouts, generation: str, by: str) -> None:
    if by == "search":
        mirrored.settings["legacy_names"] = "False"
        assert mirrored.run("sync") == 0
        assert not (mirrored.root / "demo.app").exists()
    buildout = buildouts.new(generation)
    buildout.forget("Demo.Lib", "demo.app")
    pins = {**wheelhouse.pins(generation), "Demo.Lib": "1.0", "demo.app": "1.5"}
    buildout.file("buildout.cfg", "\n".join([
        "[buildout]", "parts = demo", f"index = {mirrored.root.as_uri() if by == 'folder' else published}",
        f"eggs-directory = {buildout.eggs}", f"find-links = {wheelhouse.FOLDER}",
        "[demo]", "recipe = zc.recipe.egg", "eggs = demo.app", "interpreter = py",
        "[versions]", *(f"{name} = {version}" for name, version in pins.items()), ""]))
    buildout.run()
    shown = subprocess.run([str(buildout.folder / "bin/py"), "-c", "import demo_lib, demo_app; print(demo_lib.__version__)"],
                           capture_output=True, text=True, check=True)
    assert shown.stdout == "1.0\n"
