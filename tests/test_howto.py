"""The how-to of 2010, step by step: its configuration file with nothing but the paths changed, its cron line, its clients."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest

from support import clients, servers, wheelhouse
from support.buildouts import Buildouts
from support.upstream import Upstream, sdist, wheel

#: As published; ``/home/pypimirror`` is the one thing that tests change.
CONFIGURATION = """\
[DEFAULT]
# where the packages go; made if it is not there
mirror_file_path = /home/pypimirror/pacotes

# the mirror's address
base_url = http://pypi.seudominio.com.br

# one run at a time
lock_file_name = /home/pypimirror/pypi-poll-access.lock

# files that are mirrored
filename_matches =
  *.zip
  *.tgz
  *.egg
  *.tar.gz
  *.tar.bz2

# packages that are mirrored
package_matches =
  zope.*
  plone.*
  Products.*
  collective.*

# take away what is gone upstream
cleanup = True

# write index.html files
create_indexes = True

# say more
verbose = True

# fetch files that download_url links lead to
external_links = False

# and look for files on pages behind such links
follow_external_index_pages = False

# log
log_filename = /home/pypimirror/pypimirror.log
"""
SERVERS = {"apache": servers.bare_apache, "nginx": servers.bare_nginx, "python": servers.bare_python}


class HowTo(NamedTuple):
    """What a reader of the how-to has after its steps 1 to 3."""

    home: Path
    script: Path
    environ: dict[str, str]

    def update(self) -> subprocess.CompletedProcess[str]:
        """Run the command of the how-to's cron line."""
        return subprocess.run([str(self.script), str(self.home / "pypimirror.cfg"), "--update-fetch"], env=self.environ,
                              capture_output=True, text=True)


@pytest.fixture
def howto(tmp_path: Path, upstream: Upstream) -> Iterator[HowTo]:
    """The how-to's folder and file, and an upstream that stands for PyPI as zc.buildout's own tests have it stand.

    In a place that the web servers' own users may enter, unlike pytest's folders.
    """
    upstream.add("zope.One", sdist("zope.One", "1.0", "zope.One"), wheel("zope.One", "1.0"))
    upstream.add("Products.Two", sdist("Products.Two", "2.0", "Products.Two"))
    upstream.add("plone.modern", wheel("plone.modern", "1.0"))
    upstream.add("django", sdist("django", "1.0"))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield _howto(Path(folder) / "pypimirror", tmp_path, upstream)


def _howto(home: Path, tmp_path: Path, upstream: Upstream) -> HowTo:
    (home / "pacotes").mkdir(parents=True)
    (home / "pypimirror.cfg").write_text(CONFIGURATION.replace("/home/pypimirror", str(home)))
    script = tmp_path / "usr-bin-pypimirror"
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom pypimirror.cli import main\nsys.exit(main())\n")
    script.chmod(0o755)
    return HowTo(home, script, {**os.environ, "buildout_testing_index_url": upstream.url.rstrip("/")})


@pytest.fixture(params=SERVERS)
def published(howto: HowTo, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of the mirror after the first cron run, with nothing set but the document root."""
    done = howto.update()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    start: Callable[[Path, Path], AbstractContextManager[str]] = SERVERS[request.param]
    with start(howto.home / "pacotes", tmp_path / "server.log") as address:
        yield address


def test_the_first_update_fetch_makes_the_mirror(howto: HowTo) -> None:
    done = howto.update()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    root = howto.home / "pacotes"
    assert sorted(path.name for path in root.rglob("*.tar.gz")) == ["Products.Two-2.0.tar.gz", "zope.One-1.0.tar.gz"]
    names = {path.name for path in root.iterdir()}
    assert {"index.html", "full.html", "zope-one", "zope.One", "products-two", "Products.Two"} <= names
    assert not (root / "django").exists()
    assert not list(root.rglob("*.whl"))
    assert (howto.home / "pypi-poll-access.lock").exists()
    log = (howto.home / "pypimirror.log").read_text()
    assert "zope.One-1.0.tar.gz fetched" in log
    assert "1 projects offer only files that filename_matches excludes" in log
    assert re.search(r"run ended with 0 after .*found 0, stored 2, .*not found 0, invalid 0", log)


@pytest.mark.heavy
def test_a_second_run_has_nothing_to_do(howto: HowTo, upstream: Upstream) -> None:
    assert howto.update().returncode == 0
    upstream.asked()
    assert howto.update().returncode == 0
    assert upstream.asked() == ["/simple/"]


def test_the_file_for_all_of_pypi_mirrors_everything(howto: HowTo) -> None:
    config = howto.home / "pypimirror.cfg"
    patterns = "  zope.*\n  plone.*\n  Products.*\n  collective.*\n"
    everything = patterns.replace("  ", "#  ") + "  *.*\n"
    config.write_text(config.read_text().replace(patterns, everything))
    assert howto.update().returncode == 0
    assert (howto.home / "pacotes/django/django-1.0.tar.gz").exists()


def test_pip_installs(published: str, tmp_path: Path) -> None:
    # The sdists need setuptools to be built, which this mirror does not have.
    environ = clients.environment(tmp_path / "home", PIP_NO_BUILD_ISOLATION="0", PIP_CONFIG_FILE=os.devnull)
    folder = tmp_path / "downloads"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-build-isolation", "--no-cache-dir", "-d",
                    str(folder), "-i", published, "zope.one", "PRODUCTS.TWO"], env=environ, check=True)
    assert sorted(path.name for path in folder.iterdir()) == ["Products.Two-2.0.tar.gz", "zope.One-1.0.tar.gz"]


#: Generations differ in how they read the pages, which are the same everywhere; Apache alone calls some files encoded.
@pytest.mark.parametrize(("published", "generation"), [
    *((server, wheelhouse.GENERATIONS[0]) for server in SERVERS), *(("apache", older) for older in wheelhouse.GENERATIONS[1:])],
    indirect=["published"])
@pytest.mark.heavy
def test_buildout_installs(published: str, buildouts: Buildouts, generation: str) -> None:
    buildout = buildouts.new(generation)
    buildout.forget("zope.One", "Products.Two")
    pins = {**wheelhouse.pins(generation), "zope.One": "1.0", "Products.Two": "2.0"}
    buildout.file("buildout.cfg", "\n".join([
        "[buildout]", "parts = demo", f"index = {published}", f"eggs-directory = {buildout.eggs}",
        f"find-links = {wheelhouse.FOLDER}", "[demo]", "recipe = zc.recipe.egg", "eggs =", "    zope.One", "    Products.Two",
        "interpreter = py", "[versions]", *(f"{name} = {version}" for name, version in pins.items()), ""]))
    buildout.run()
    shown = subprocess.run([str(buildout.folder / "bin/py"), "-c",
                            "import zope_one, products_two; print(zope_one.__version__, products_two.__version__)"],
                           capture_output=True, text=True, check=True)
    assert shown.stdout == "1.0 2.0\n"


@pytest.fixture(scope="module")
def easy_install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the setuptools whose easy_install still does the work."""
    python = next((found for minor in (11, 10) if (found := _python(minor))), None)
    if python is None:
        pytest.skip("easy_install of setuptools 65 needs Python 3.10 or 3.11, and neither is here")
    folder = tmp_path_factory.mktemp("easy-install")
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python3.*/site-packages"))
    shutil.unpack_archive(next(wheelhouse.FOLDER.glob("setuptools-65*.whl")), site, "zip")
    return folder / "bin/python"


def _python(minor: int) -> str | None:
    if sys.version_info[:2] == (3, minor):
        return sys.executable
    found = shutil.which(f"python3.{minor}")
    # pyenv has a command for each Python that it knows, and it fails for those that are not switched on.
    return found if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0 else None


@pytest.mark.heavy
def test_easy_install_installs_what_carries_the_registered_name(published: str, easy_install: Path, tmp_path: Path) -> None:
    # What its script did while it still had one.
    code = "import sys; from setuptools import setup; setup(script_args=['-q', 'easy_install', '-v', *sys.argv[1:]])"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    # Elsewhere setuptools would take what lies there for a project.
    empty = tmp_path / "empty"
    empty.mkdir()
    done = subprocess.run([str(easy_install), "-c", code, "-i", published, "zope.One", "Products.Two"], env=environ,
                          cwd=empty, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    shown = subprocess.run([str(easy_install), "-c", "import zope_one, products_two; print(zope_one.__version__)"],
                           capture_output=True, text=True, env=environ, check=True)
    assert shown.stdout == "1.0\n"
