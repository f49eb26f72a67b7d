"""``plugin new``: the package that it creates passes its own tests, and a real buildout uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pypimirror import cli
from support.buildouts import Buildouts
from support.mirror import Mirrored
from support.upstream import Upstream, sdist

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert cli.main(None, ["plugin", "new", "team-policy"]) == 0
    return tmp_path / "team_policy"


@pytest.mark.heavy
def test_its_tests_pass(capsys: Captured, package: Path) -> None:
    assert "pip install --editable '.[test]' && pytest" in capsys.readouterr().out
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package / "src"), *sys.path])}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=package, env=environ,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


@pytest.mark.heavy
def test_a_real_buildout_uses_it(package: Path, buildouts: Buildouts, upstream: Upstream) -> None:
    for name in ("zope.interface", "zope.schema"):
        upstream.add(name, sdist(name, "1.0"))
    buildout = buildouts.new()
    buildout.folder = package
    part = (package / "buildout.cfg").read_text().partition("[pypimirror]\n")[2].partition("[test]")[0]
    buildout.write(f"[pypimirror]\n{part}index-url = {upstream.url}\n", "develop = .")
    buildout.run()
    for arguments, status in (("sync", 0), ("config", 0)):
        done = subprocess.run([str(package / "bin" / "pypimirror"), arguments], env=buildout.environ, cwd="/",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == status, done.stdout
    assert f"Filter 'team-policy-projects': team_policy.project_list.ProjectList    # {package}/src/" in done.stdout
    found = Mirrored(package / "var" / "pypimirror", upstream.url)
    assert found.files("zope-interface") == ["zope_interface-1.0.tar.gz"]
    assert found.page("zope-schema")["files"] == []


@pytest.mark.parametrize(("words", "message"), [
    (("new",), "plugin takes 'new' and the name of a package, not 'new'"),
    (("old", "x"), "plugin takes 'new' and the name of a package, not 'old x'"),
    (("new", "team_policy"), "team_policy: exists already; choose another name, or remove it"),
    (("new", "../x"), "'../x': must be the name of a new Python package such as team_policy"),
    (("new", "json"), "'json': must be the name of a new Python package such as team_policy"),
    (("new", "class"), "'class': must be the name of a new Python package such as team_policy"),
    (("new", "pypimirror"), "'pypimirror': must be the name of a new Python package such as team_policy"),
])
def test_what_is_no_new_package_is_refused(package: Path, capsys: Captured, words: tuple[str, ...], message: str) -> None:
    assert cli.main(None, ["plugin", *words]) == 2
    assert capsys.readouterr().err.startswith(f"pypimirror: {message}")
    assert os.listdir(package.parent) == ["team_policy"]
