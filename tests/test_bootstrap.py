"""bootstrap.py, run in a project of its own."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import wheelhouse
from support.upstream import wheel


class Project:
    """A checkout with nothing but bootstrap.py and what it reads; the wheelhouse is all that pip and buildout may use."""

    def __init__(self, folder: Path, environ: dict[str, str], empty: Path):
        self.folder, self.environ = folder, environ
        folder.mkdir()
        shutil.copy(wheelhouse.CHECKOUT / "bootstrap.py", folder)
        self.write("requirements.txt", "\n".join(wheelhouse.exactly(wheelhouse.ENVIRONMENT, "6")))
        self.write("buildout.cfg", f"[buildout]\nparts =\nfind-links = {wheelhouse.FOLDER}\nindex = {empty}\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, *arguments: str, status: int = 0, cwd: Path | None = None) -> str:
        done = subprocess.run([sys.executable, str(self.folder / "bootstrap.py"), *arguments], env=self.environ, text=True,
                              cwd=cwd or self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == status, done.stdout
        return done.stdout


@pytest.fixture
def project(tmp_path, buildouts):
    return Project(tmp_path / "project", buildouts.environ(), buildouts.empty())


@pytest.mark.heavy
def test_an_environment_is_made_and_the_buildout_run_in_it(project, tmp_path):
    output = project.run("-v", "buildout:directory=" + str(tmp_path), cwd=tmp_path)
    assert "Creating a virtual environment in" in output
    assert (tmp_path / ".installed.cfg").exists() or "Installing" in output
    found = subprocess.run([str(project.folder / ".venv/bin/python"), "-c", "import zc.buildout; print(zc.buildout.__file__)"],
                           text=True, capture_output=True, check=True, env=project.environ).stdout
    assert found.startswith(str(project.folder / ".venv"))
    again = project.run()
    assert "Creating a virtual environment" not in again


@pytest.fixture
def environment(project, buildouts):
    """The path of an environment that is there already, a copy."""
    return str(shutil.copytree(buildouts.environment("6"), project.folder / "environment", symlinks=True))


@pytest.mark.heavy
def test_places_can_be_chosen_and_other_arguments_are_passed_on(project, environment):
    project.write("other.txt", (project.folder / "requirements.txt").read_text())
    (project.folder / "requirements.txt").unlink()
    output = project.run("--environment", "environment", "--requirements", "other.txt", "annotate", "buildout")
    assert "Annotated sections" in output
    assert environment == str(project.folder / "environment")
    assert not (project.folder / ".venv").exists()


def test_the_index_is_told_to_pip_and_to_buildout(project, upstream, environment):
    del project.environ["PIP_NO_INDEX"]
    project.write("requirements.txt", "demo==1.0")
    upstream.add("demo", wheel("demo", "1.0"))
    arguments = ("--environment", environment, "--index-url", upstream.url)
    output = project.run(*arguments, "--", "annotate", "buildout")
    assert "/simple/demo/" in upstream.asked()
    assert f"index= {upstream.url}\n" in output
    project.write("requirements.txt", "there-is-no-such-thing==1")
    project.run(*arguments, status=1)
    assert "/simple/there-is-no-such-thing/" in upstream.asked()


def test_the_status_of_buildout_is_passed_on(project, environment):
    project.write("buildout.cfg", "[buildout]\nparts = none\n")
    output = project.run("--environment", environment, "-N", status=1)
    assert output.splitlines()[-1] == f"bootstrap.py: {environment}/bin/buildout -N ended with status 1"


def test_a_missing_requirements_file_is_named_before_anything_is_made(project):
    assert project.run("--requirements", "none.txt", status=2) == "bootstrap.py: none.txt: no such file; see --requirements\n"
    assert not (project.folder / ".venv").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(project):
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv/mine").touch()
    output = project.run(status=2)
    assert output == (f"bootstrap.py: {project.folder}/.venv: not a virtual environment, and not empty; "
                      "give another --environment\n")
    assert os.listdir(project.folder / ".venv") == ["mine"]


@pytest.mark.heavy
def test_a_damaged_environment_is_made_anew(project, environment):
    shutil.rmtree(f"{environment}/bin")
    assert "Creating a virtual environment" in project.run("--environment", environment)


def old_pythons() -> list[str]:
    """Give the Pythons on this machine that are too old: on the path, or among pyenv's."""
    found = []
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for version in ("2.7", "3.6", "3.7", "3.8", "3.9"):
        found += [shutil.which(f"python{version}"), *map(str, pyenv.glob(f"versions/{version}.*/bin/python{version}"))]
    return [path for path in found if path and subprocess.run([path, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0]


@pytest.mark.parametrize("python", old_pythons() or [pytest.param("", marks=pytest.mark.skip("no old Python here"))])
def test_an_old_python_is_told_so(python, project):
    done = subprocess.run([python, str(project.folder / "bootstrap.py")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    assert done.returncode == 2
    assert done.stdout.startswith("bootstrap.py: Python 3.10 or newer is needed, this is Python ")
    assert done.stdout.count("\n") == 1


def test_the_check_of_the_version_reads_on_old_pythons_too():
    source = (wheelhouse.CHECKOUT / "bootstrap.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    new = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.AsyncFunctionDef)
    assert [node for node in ast.walk(tree) if isinstance(node, new)] == []
    definitions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert all(node.returns is None and not node.args.kwonlyargs for node in definitions)
    modules = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert modules == {"sys"}


def test_the_environment_and_the_buildout_pin_the_same_versions():
    lines = (wheelhouse.CHECKOUT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pinned == {name: wheelhouse.pins()[name] for name in wheelhouse.ENVIRONMENT}
