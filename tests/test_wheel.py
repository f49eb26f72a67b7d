"""The product as people install it: the built wheel, and a mirror made from nothing but what it installs."""

import os
import subprocess
import venv
import zipfile

import pytest

from support import product_wheel, wheelhouse
from support.upstream import wheel


@pytest.fixture(scope="module")
def product(buildouts):
    [path] = buildouts.product().glob("*.whl")
    return path


def test_every_file_of_the_package_is_in_the_wheel(product):
    source = wheelhouse.CHECKOUT / "src"
    wanted = {str(path.relative_to(source)) for path in source.glob("pypimirror/**/*")
              if path.is_file() and path.suffix != ".pyc"}
    with zipfile.ZipFile(product) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    packed = {name for name in names if ".data/" not in name}
    shared = {str(path.relative_to(wheelhouse.CHECKOUT)) for path in (wheelhouse.CHECKOUT / "share").rglob("*")
              if path.is_file()}
    assert {name.partition(".data/data/")[2] for name in names - packed} == shared
    assert {"pypimirror/configure.zcml", "pypimirror/py.typed", "pypimirror/cli.py"} <= wanted
    assert packed == wanted


@pytest.mark.heavy
def test_the_wheel_is_reproducible(buildouts, tmp_path):
    python = buildouts.environment("6") / "bin/python"
    wheels = []
    for name, when in (("one", 1_000_000_000), ("other", 1_600_000_000)):
        source = product_wheel.copy(tmp_path / name)
        for path in source.rglob("*"):
            os.utime(path, (when, when))
        wheels.append(product_wheel.wheel(source, tmp_path / f"{name}-wheel", python, buildouts.environ()))
    assert wheels[0].read_bytes() == wheels[1].read_bytes()


def test_every_file_of_the_package_is_in_the_wheel_of_the_sdist(buildouts, tmp_path, product):
    source = product_wheel.copy(tmp_path / "source")
    python = buildouts.environment("6") / "bin/python"
    code = "import sys; sys.argv[1:] = ['-q', 'sdist', '--formats=gztar']; exec(open('setup.py').read())"
    subprocess.run([python, "-c", f"__file__ = 'setup.py'; {code}"], cwd=source, check=True, env=buildouts.environ(),
                   stderr=subprocess.DEVNULL)
    [sdist] = (source / "dist").iterdir()
    again = product_wheel.wheel(sdist, tmp_path / "wheels", python, buildouts.environ())
    with zipfile.ZipFile(product) as first, zipfile.ZipFile(again) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())


@pytest.mark.heavy
def test_the_installed_wheel_makes_a_mirror(buildouts, tmp_path, product, upstream):
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True, with_pip=True)
    buildouts.pip(environment, "install", "--constraint", str(constraints(tmp_path)), str(product))
    upstream.add("Zope.Interface", wheel("Zope.Interface", "8.0"))
    config = tmp_path / "mirror.cfg"
    config.write_text(f"[pypimirror]\nmirror_file_path = mirror\nindex_url = {upstream.url}\npackage_matches = zope.*\n")

    def pypimirror(*arguments):
        return subprocess.run([str(environment / "bin/pypimirror"), str(config), *arguments], cwd=tmp_path,
                              env=buildouts.environ(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    done = pypimirror("sync")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "mirror/zope-interface/zope_interface-8.0-py3-none-any.whl").is_file()
    assert "zope_interface-8.0-py3-none-any.whl#sha256=" in (tmp_path / "mirror/zope-interface/index.html").read_text()
    assert (tmp_path / "mirror/zope-interface/index.v1_json").is_file()
    shown = pypimirror("config")
    assert shown.returncode == 0, shown.stdout


def test_the_extension_for_clients_is_one_module_without_requirements(buildouts):
    [path] = buildouts.client().glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        [info] = {name.partition("/")[0] for name in names if "/" in name}
        metadata = archive.read(f"{info}/METADATA").decode()
        assert archive.read(f"{info}/entry_points.txt").decode().split() == [
            "[zc.buildout.extension]", "default", "=", "pypimirror_client:load"]
    assert [name for name in names if not name.startswith(info)] == ["pypimirror_client.py"]
    assert "Requires-Dist" not in metadata and "\nName: pypimirror-client\n" in metadata


def constraints(folder):
    """Write versions.cfg's pins as pip reads them; give the path."""
    path = folder / "constraints.txt"
    path.write_text("".join(f"{name}=={version}\n" for name, version in wheelhouse.pins().items()))
    return path
