"""The example of a deployment, run as it stands: a buildout mirrors what a release pins, another installs from that alone."""

from __future__ import annotations

import configparser
import contextlib
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from pypimirror.metadata.filenames import parse
from support import clients, published_tree, servers, wheelhouse
from support.buildouts import Buildout, Buildouts
from support.upstream import Upstream, packed, wheel

EXAMPLE = wheelhouse.CHECKOUT / "examples" / "deployment"
#: What sdists of the release say of how they are built: as projects that use these backends do.
BACKENDS = {
    "flit": """\
[build-system]
requires = ["flit_core >=3.2,<5"]
build-backend = "flit_core.buildapi"
[project]
name = "{name}"
version = "{version}"
description = "A demonstration"
[tool.flit.module]
name = "{module}"
""",
    "hatchling": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{name}"
version = "{version}"
[tool.hatch.build.targets.wheel]
include = ["{module}.py"]
""",
    "setuptools-scm": """\
[build-system]
requires = ["setuptools>=64", "setuptools-scm>=8"]
build-backend = "setuptools.build_meta"
[project]
name = "{name}"
dynamic = ["version"]
[tool.setuptools]
py-modules = ["{module}"]
[tool.setuptools_scm]
""",
    "poetry": """\
[build-system]
requires = ["poetry-core>=1.0"]
build-backend = "poetry.core.masonry.api"
[tool.poetry]
name = "{name}"
version = "{version}"
description = "A demonstration"
authors = ["Nobody <nobody@example.com>"]
packages = [{{ include = "{module}.py" }}]
""",
}
#: Such as has been there since before backends had names.
SETUP = "from setuptools import setup\nsetup(name={name!r}, version={version!r}, py_modules=[{module!r}])\n"


def sdist(name: str, version: str, backend: str) -> tuple[str, bytes]:
    """Build an sdist whose module knows its version; give its file name and content. backend: of BACKENDS, or ``setup.py``."""
    values = {"name": name, "version": version, "module": name.replace(".", "_")}
    files = {"setup.py": SETUP} if backend == "setup.py" else {"pyproject.toml": BACKENDS[backend]}
    files = {path: text.format(**values) for path, text in files.items()}
    files[f"{values['module']}.py"] = f'"""A demonstration."""\n\n__version__ = {version!r}\n'
    files["PKG-INFO"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    return packed(f"{values['module']}-{version}", files)


def release(upstream: Upstream, buildouts: Buildouts) -> None:
    """Let upstream have what the release is made of, everything else that is there on PyPI too, and what nobody asks for."""
    parts = ("demo.interface", "demo.server", "demo.schema", "demo.content", "demo.workflow", "demo.catalog")
    upstream.add("demo.cms", wheel("demo.cms", "6.2", parts), wheel("demo.cms", "6.3", parts))
    upstream.add("demo.interface", sdist("demo.interface", "5.1", "setup.py"), sdist("demo.interface", "5.2", "setup.py"))
    upstream.add("demo.server", wheel("demo.server", "5.11"))
    upstream.add("demo.schema", sdist("demo.schema", "2.0.1", "flit"))
    upstream.add("demo.content", sdist("demo.content", "3.1", "hatchling"))
    upstream.add("demo.workflow", sdist("demo.workflow", "3.0", "setuptools-scm"))
    upstream.add("demo.catalog", sdist("demo.catalog", "4.0", "poetry"))
    upstream.add("demo.unrelated", wheel("demo.unrelated", "1.0"))
    upstream.add("collective.folder", wheel("collective.folder", "1.0"), wheel("collective.folder", "1.1"),
                 wheel("collective.folder", "2.0", body="raise SystemExit('not the version that is pinned')"))
    for path in [*buildouts.product().glob("*.whl"), *buildouts.client().glob("*.whl"), *wheelhouse.FOLDER.glob("*.whl")]:
        if not path.name.startswith("uv-"):  # big, and not asked for
            upstream.add(path.name.partition("-")[0].replace("_", "-"), (path.name, path.read_bytes()))


class Deployment(NamedTuple):
    """Both hosts, and what stands for the rest of the net."""

    mirror: Buildout
    client: Buildout
    address: str
    #: What was asked for that is no mirror.
    asked: list[str]
    environ: Mapping[str, str]


@pytest.fixture(params=wheelhouse.HEAVY_GENERATIONS, scope="module")
def deployment(request: pytest.FixtureRequest, buildouts: Buildouts,
               tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The example in a place of its own, its mirror filled and served."""
    tmp_path = tmp_path_factory.mktemp("deployment")
    with Upstream() as upstream:
        release(upstream, buildouts)
        mirror, client = filled(buildouts, request.param, tmp_path / "deployment", upstream)
        with served(mirror, client, tmp_path) as running:
            yield running


def filled(buildouts: Buildouts, generation: str, folder: Path, upstream: Upstream) -> tuple[Buildout, Buildout]:
    """Run the mirror's buildout and the first sync; give both buildouts. generation: of zc.buildout."""
    shutil.copytree(EXAMPLE, folder)
    mirror, client = (buildouts.new(generation) for _ in range(2))
    mirror.folder, client.folder = folder / "mirror", folder / "client"
    # Other generations of zc.buildout have other pins.
    versions = tuple(f"versions:{name}={version}" for name, version in wheelhouse.BUILDOUTS[generation].items())
    mirror.run(
        *versions, f"buildout:eggs-directory={mirror.eggs}", f"buildout:find-links={' '.join(mirror.find_links)}",
        f"buildout:index={buildouts.empty()}", f"pypimirror:index-url={upstream.url}",
        f"pypimirror:base-url=http://127.0.0.1:{servers.free_port()}",
        f"pypimirror:python-versions={sys.version_info[0]}.{sys.version_info[1]}",
        f"pypimirror:platforms={sysconfig.get_platform().replace('-', '_')}")
    sync = subprocess.run([mirror.folder / "bin" / "pypimirror", "sync"], env=mirror.environ, capture_output=True, text=True)
    assert (sync.returncode, sync.stdout, sync.stderr) == (0, "", "")
    return mirror, client


@contextlib.contextmanager
def served(mirror: Buildout, client: Buildout, folder: Path) -> Iterator[Deployment]:
    """Run the mirror's server at the address that its configuration gives."""
    config = configparser.RawConfigParser()
    config.read(mirror.folder / "parts" / "pypimirror" / "pypimirror.cfg")
    address = config["pypimirror"]["base_url"]
    port, log = urlsplit(address).port or 0, folder / "server.log"
    with (servers.elsewhere() as (other, asked),
          servers.running(mirror.folder / "bin" / "pypimirror", "serve", "--port", port, log=log) as server):
        assert servers.wait_for(server, port, log) == address
        environ = clients.environment(folder / "home", http_proxy=other, https_proxy=other, PIP_RETRIES="0",
                                      PIP_EXTRA_INDEX_URL=f"{other}/extra/")
        yield Deployment(mirror, client, address, asked, environ)


def mirrored(deployment: Deployment) -> dict[str, set[str]]:
    """Give versions by normalised name."""
    found: dict[str, set[str]] = {}
    for path in (deployment.mirror.folder / "var" / "pypimirror").glob("*/*"):
        if path.suffix in (".whl", ".gz"):
            found.setdefault(path.parent.name, set()).add(parse(path.name, path.parent.name).version or "")
    return found


@pytest.mark.heavy
def test_a_host_without_a_way_out_installs_the_release_from_the_mirror_alone(deployment: Deployment) -> None:
    found = mirrored(deployment)
    assert found["demo-cms"] == {"6.2"}
    assert found["demo-interface"] == {"5.2"}
    assert found["collective-folder"] == {"1.0", "1.1", "2.0"}
    assert {"flit-core", "hatchling", "poetry-core", "setuptools-scm", "vcs-versioning", "trove-classifiers"} <= found.keys()
    assert not {"demo-unrelated", "coverage", "zc-recipe-testrunner"} & found.keys()

    client = deployment.client
    [pins] = (deployment.mirror.folder / "var" / "pypimirror" / "pins").glob("*.cfg")
    client.file("pins.cfg", f"[buildout]\nextends = {deployment.address}/pins/{pins.name}\n")
    shutil.copy(deployment.mirror.folder / "parts" / "pypimirror" / "client.cfg", client.folder)
    client.environ = dict(deployment.environ)
    client.run()
    assert deployment.asked == []
    code = ("import json, demo_cms, demo_interface, demo_server, demo_schema, demo_content, demo_workflow, demo_catalog, "
            "collective_folder as folder\n"
            "print(json.dumps({name: module.__version__ for name, module in globals().items() "
            "if hasattr(module, '__version__') and name != 'json'}))")
    shown = subprocess.run([client.folder / "bin" / "py", "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == {
        "demo_cms": "6.2", "demo_interface": "5.2", "demo_server": "5.11", "demo_schema": "2.0.1", "demo_content": "3.1",
        "demo_workflow": "3.0", "demo_catalog": "4.0", "folder": "1.1"}


def test_the_mirror_buildout_leaves_what_its_options_say(deployment: Deployment) -> None:
    parts = deployment.mirror.folder / "parts" / "pypimirror"
    names = {path.name for path in parts.iterdir()}
    assert {"client.cfg", "cron-entry", "nginx.conf", "pip.conf", "pypimirror.cfg", "uv.toml", "versions.cfg"} <= names
    assert (parts / "cron-entry").read_text().startswith("17 */6 * * * ")


def test_the_example_pins_what_the_product_was_tried_with() -> None:
    ours = {published_tree.normalize(name): version for name, version in wheelhouse.pins().items()}
    for path in EXAMPLE.glob("release/*/versions.cfg"):
        parser = configparser.RawConfigParser()
        parser.read(path)
        for section in parser.sections():
            for name, version in parser[section].items():
                if section.startswith("versions") and not name.startswith(("demo.", "z3c.", "pypimirror-")):
                    assert version == ours[published_tree.normalize(name)], f"{path}: {name}"
