"""Real buildouts for tests: environments with zc.buildout of several generations, which install from the wheelhouse alone.

Environments and eggs are shared by all tests and kept in var/ from one run to the next, since making them is what takes long.
A test that needs them takes the fixture ``buildouts``.
"""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pypimirror.names import normalize
from support import folder_lock, product_wheel, wheelhouse
from support.buildout_process import Waiting

SHARED = wheelhouse.CHECKOUT / "var" / "tests"
_PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
#: Tests that run side by side have eggs of their own, since some take eggs away.
_EGGS = "-".join(filter(None, (_PYTHON, os.environ.get("PYTEST_XDIST_WORKER"))))


class Buildout:
    """One buildout in a folder of its own."""

    def __init__(self, folder: Path, shared: "Buildouts", generation: str):
        self.folder, self.shared, self.generation = folder, shared, generation
        #: What the buildout may use; tests may change it.
        self.find_links = [str(wheelhouse.FOLDER), str(shared.product())]
        self.eggs = shared.eggs(generation)
        self.environ = shared.environ()
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, parts: str, buildout: str = "", versions: Mapping[str, str] | None = None) -> None:
        """Write buildout.cfg.

        parts: the sections after [buildout], all of them parts. buildout: further lines of [buildout].
        versions: the content of [versions], what the wheelhouse holds unless given.
        """
        names = " ".join(line[1:-1] for line in parts.splitlines() if line.startswith("["))
        pins = wheelhouse.pins(self.generation) if versions is None else versions
        self.file("buildout.cfg", "\n".join([
            "[buildout]", f"parts = {names}", f"eggs-directory = {self.eggs}",
            f"find-links = {' '.join(self.find_links)}", f"index = {self.shared.empty()}", buildout,
            "[versions]", *(f"{name} = {version}" for name, version in pins.items()), parts, ""]))

    def file(self, name: str, text: str) -> Path:
        """Write a file in the buildout's folder; give its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def forget(self, *names: str) -> None:
        """Take what other tests left of these projects out of the shared eggs, so that this buildout has to install them."""
        wanted = {normalize(name) for name in names}
        # zc.buildout 5 and 6 have a folder of their own among the eggs.
        for egg in [*Path(self.eggs).iterdir(), *Path(self.eggs).glob("v*/*")]:
            if normalize(egg.name.partition("-")[0]) in wanted:
                shutil.rmtree(egg) if egg.is_dir() else egg.unlink()

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run buildout; give what it printed, once its exit status is the one expected."""
        waiting = self.shared.waiting(self.generation, self.environ)
        if waiting is not None:
            done = waiting.run(arguments, self.folder, self.environ)
        else:
            command = [str(self.shared.environment(self.generation) / "bin" / "buildout"), *arguments]
            done = subprocess.run(command, cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == status, done.stdout
        return done.stdout

    def read(self, name: str) -> str:
        """Give the text of a file in the buildout's folder."""
        return (self.folder / name).read_text(encoding="utf-8")

    def script_path(self, name: str) -> list[str]:
        """Give what a generated script puts on its path: that of its lines before the import of the program."""
        head, found, _ = self.read(f"bin/{name}").partition("\nimport pypimirror.cli\n")
        assert found
        own = {"__file__": str(self.folder / "bin" / name)}
        before = sys.path[:]
        try:
            exec(compile(head, name, "exec"), own)
            return sys.path[:len(sys.path) - len(before)]
        finally:
            sys.path[:] = before


class Buildouts:
    """What buildouts share."""

    def __init__(self, folder: Path, common: Path):
        """folder: of this process. common: of all processes of a run of the tests."""
        self._folder, self._common = folder, common
        self._count = 0
        self._waiting: dict[str, Waiting] = {}

    def new(self, generation: str = "6") -> Buildout:
        """Give a buildout in a new folder. generation: of zc.buildout, one of those in the wheelhouse."""
        self._count += 1
        return Buildout(self._folder / f"buildout-{self._count}", self, generation)

    def environment(self, generation: str) -> Path:
        """Give a virtual environment with nothing but this zc.buildout and what it needs."""
        wanted = wheelhouse.exactly(wheelhouse.ENVIRONMENT, generation)
        folder = SHARED / f"environment-{generation}-{_PYTHON}"
        stamp = folder / "requirements.txt"
        with folder_lock.alone(folder):
            if not stamp.is_file() or stamp.read_text(encoding="utf-8").split() != wanted:
                venv.create(folder, clear=True, symlinks=True, with_pip=True)
                self.pip(folder, "install", *wanted)
                stamp.write_text("\n".join(wanted), encoding="utf-8")
        return folder

    def waiting(self, generation: str, environ: Mapping[str, str]) -> Waiting | None:
        """Give a buildout program that waits for runs with this environment, unless it is one that matters at the start."""
        usual = self.environ()
        if {**environ, "HOME": "", "PATH": ""} != {**usual, "HOME": "", "PATH": ""}:
            return None
        if generation not in self._waiting:
            self._waiting[generation] = Waiting(self.environment(generation), usual, self._folder / f"output-{generation}")
        return self._waiting[generation]

    def end(self) -> None:
        """End what waits."""
        for one in self._waiting.values():
            one.end()

    def pip(self, environment: Path, *arguments: str) -> None:
        """Run pip in an environment, on the wheelhouse alone."""
        subprocess.run([str(environment / "bin" / "python"), "-m", "pip", "-q", *arguments], env=self.environ(), check=True)

    def environ(self) -> dict[str, str]:
        """Give environment variables: no index for pip but the wheelhouse, no files of the person who runs the tests."""
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(wheelhouse.FOLDER), "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "PIP_COMPILE": "0"}

    def eggs(self, generation: str) -> Path:
        """Give the eggs directory of a generation; what other runs left of the product in it is gone."""
        folder = SHARED / f"eggs-{generation}-{_EGGS}"
        marker = self._folder / folder.name
        if not marker.exists():
            for egg in folder.glob("**/z3c*pypimirror*.egg"):
                shutil.rmtree(egg)
            folder.mkdir(parents=True, exist_ok=True)
            # These two generations have the same eggs, in a folder of their format.
            alike = "[56]" if generation in ("5", "6") else generation
            _copy_eggs(folder, [other for other in SHARED.glob(f"eggs-{alike}-{_PYTHON}*") if other != folder])
            marker.touch()
        return folder

    def product(self) -> Path:
        """Give a folder with a wheel of the product as it stands in the checkout."""
        return self._wheel("product", "")

    def client(self) -> Path:
        """Give a folder with a wheel of the extension for clients."""
        return self._wheel("client", "client")

    def _wheel(self, name: str, part: str) -> Path:
        """Give a folder with the wheel of a part of the checkout, which one process builds for all."""
        folder = self._common / name
        python = self.environment("6") / "bin" / "python"
        with folder_lock.alone(folder):
            if not folder.exists():
                product_wheel.wheel(self.source() / part, folder, python, self.environ())
        return folder

    def source(self) -> Path:
        """Give a copy of the checkout."""
        folder = self._folder / "source"
        return folder if folder.exists() else product_wheel.copy(folder)

    def empty(self) -> Path:
        """Give an empty folder, an index without packages."""
        folder = self._folder / "empty"
        folder.mkdir(exist_ok=True)
        return folder


def _copy_eggs(folder: Path, others: list[Path]) -> None:
    """Copy what other processes have installed of the product's requirements, which no test takes away."""
    wanted = {normalize(name) for name in (*wheelhouse.PRODUCT, "zc.recipe.egg")}
    for other in others:
        for egg in [*other.glob("*.egg"), *other.glob("v*/*.egg")]:
            copy = folder / egg.relative_to(other)
            if normalize(egg.name.partition("-")[0]) in wanted and not copy.exists():
                # Whole at once, since others copy from here meanwhile.
                unfinished = copy.with_suffix(".unfinished")
                shutil.copytree(egg, unfinished)
                unfinished.rename(copy)


@pytest.fixture(scope="session")
def buildouts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildouts]:
    """What the tests' buildouts share."""
    if not wheelhouse.is_filled():
        pytest.fail(f"{wheelhouse.FOLDER} lacks what this test installs from; run: python tests/support/wheelhouse.py")
    base = tmp_path_factory.getbasetemp()
    common = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    found = Buildouts(tmp_path_factory.mktemp("buildouts"), common)
    yield found
    found.end()
