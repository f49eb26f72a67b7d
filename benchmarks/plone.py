"""A whole deployment from pins to a front page: mirrored, carried to another host by a bundle, proved, installed and started.

``python benchmarks/plone.py VERSIONS.cfg EGG [FOLDER]``: VERSIONS.cfg pins a release of Plone and what it needs, EGG is what
an instance has, such as ``Plone``. Mirrors from PyPI, which takes some 450 MB in FOLDER and some minutes. Everything after
that runs in a network namespace with nothing but a loopback interface, where the system allows one (Linux; root, or user
namespaces). Prints each command with its seconds, and sizes. A repeated call with the same FOLDER fetches nothing again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
#: Seconds that servers may take to start.
_LONGEST = 1800
#: Starts the loopback interface of a new network namespace.
_CLOSED = ("unshare", "--net", "--map-root-user", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
_OFFLINE = "--offline"
_CLIENT = Path(__file__).parent.parent / "client"


def main(versions: str, egg: str, folder: str | None = None) -> int:
    """Run all steps; return 0 if all of them succeed."""
    place = Path(folder or f"plone-{os.getpid()}").resolve()
    place.mkdir(exist_ok=True)
    extension = client_extension(place)
    pins = place / "versions.cfg"
    pins.write_text(f"[buildout]\nextends = {os.path.abspath(versions)}\n[versions]\npypimirror-client = {extension}\n")
    near = configuration(place, "near", f"versions = versions.cfg\nlocal_packages = own\npackage_matches = uv\n"
                                        f"latest_releases = 1\npython_versions = {_PYTHON}\n"
                                        "platforms = manylinux_2_28_x86_64\n")
    pypimirror(near, "sync", "--yes")
    shown("mirror", place / "near")
    closed = subprocess.run([*_CLOSED, "true"], capture_output=True, check=False).returncode == 0
    print(f"    from here on: {'a network namespace with loopback only' if closed else 'no namespace allowed, network open'}",
          flush=True)
    return subprocess.call([*(_CLOSED if closed else ()), sys.executable, __file__, _OFFLINE, egg, str(place)])


def offline(egg: str, folder: str) -> int:
    """Run the steps that need no network."""
    place = Path(folder)
    address = f"http://127.0.0.1:{free_port()}"
    near, far = place / "near.cfg", configuration(place, "far", f"base_url = {address}\n")
    shutil.rmtree(place / "bundle", ignore_errors=True)
    pypimirror(near, "export", str(place / "bundle"), "--full")
    shown("bundle", place / "bundle")
    pypimirror(far, "import", str(place / "bundle"))
    pypimirror(far, "verify")
    shown("mirror on the other side", place / "far")
    names = [one["name"] for one in json.loads(pypimirror(far, "snapshot", "list", "--json"))]
    if "tested" not in names:
        pypimirror(far, "snapshot", "create", "tested")
    pypimirror(far, "snapshot", "promote", "tested")
    with serving(far, address):
        client = Client(place, far, address, egg)
        files = (client.buildout(), client.requirements(), client.uv_lock())
        good = [prove(far, file) for file in files]
        return 0 if client.front_page() and all(good) else 1


def prove(far: Path, file: Path) -> bool:
    """Read and install a file with ``doctor``; return whether the mirror alone is enough."""
    read = json.loads(pypimirror(far, "doctor", str(file), "--json", status=(0, 1)))
    [examined] = read["files"]
    print(f"    {len({one['file'] for one in examined['installs']})} files to install, "
          f"{len({one['file'] for one in examined['installs'] if one['built']})} of them to build, "
          f"{read['errors']} errors, {read['warnings']} warnings")
    found = json.loads(pypimirror(far, "doctor", str(file), "--prove", "--json", status=(0, 1)))
    [examined] = found["files"]
    proof = examined["proof"]
    print(f"    good: {proof['good']}, {proof['versions']}, closed by {proof['closed_by']}, refused: {proof['refused']}")
    for one in (*found["findings"], *examined["findings"]):
        if one["severity"] == "error":
            print(f"    {one['subject']}: {one['message']}")
    print("\n".join(proof["output"]), flush=True)
    return bool(proof["good"])


class Client:
    """A host that has nothing but the address of the mirror."""

    def __init__(self, place: Path, far: Path, address: str, egg: str):
        self._place, self._address, self._egg = place / "client", address, egg
        shutil.rmtree(self._place, ignore_errors=True)
        self._place.mkdir()
        self._pins = {path.suffix: path.name for path in (place / "far" / "pins").iterdir()}
        self._constraints = (place / "far" / "pins" / self._pins[".txt"]).read_text()
        self._part = pypimirror(far, "client", "buildout")
        (self._place / "pip.conf").write_text(pypimirror(far, "client", "pip"))

    def _file(self, name: str, text: str) -> Path:
        path = self._place / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def buildout(self) -> Path:
        """Write a buildout with an instance."""
        self._file("buildout/client.cfg", self._part)
        return self._file("buildout/buildout.cfg", "\n".join([
            "[buildout]", "extends =", f"    {self._address}/pins/{self._pins['.cfg']}", "    client.cfg", "parts = instance",
            "allow-picked-versions = false", "[instance]", "recipe = plone.recipe.zope2instance", "user = admin:admin",
            f"http-address = 127.0.0.1:{free_port()}", f"eggs = {self._egg}", ""]))

    def requirements(self) -> Path:
        """Write a requirements file."""
        return self._file("pip/requirements.txt", f"-c {self._address}/pins/{self._pins['.txt']}\n{self._egg}\n")

    def uv_lock(self) -> Path:
        """Write a project and lock it, with the uv of the mirror."""
        pins = [line for line in self._constraints.splitlines() if "==" in line and "===" not in line]
        self._file("uv/pyproject.toml", "\n".join([
            "[project]", 'name = "site"', 'version = "1"', f'requires-python = "=={_PYTHON}.*"',
            f"dependencies = [{json.dumps(self._egg)}]", "[tool.uv]", f"constraint-dependencies = {json.dumps(pins)}",
            "environments = [\"sys_platform == 'linux' and platform_machine == 'x86_64'\"]",
            "[[tool.uv.index]]", f'url = "{self._address}/simple/"', "default = true", ""]))
        self._environment("tools", "uv")
        self._run(self._place / "tools/bin/uv", "lock", "--no-cache", "--python", sys.executable, folder="uv")
        return self._place / "uv" / "uv.lock"

    def front_page(self) -> bool:
        """Install the buildout for good, start its instance, and fetch its front page; return whether it answers."""
        self._environment("buildout", *(line for line in self._constraints.splitlines()
                                        if line.startswith(("zc.buildout==", "setuptools==", "wheel=="))))
        self._run("bin/buildout", folder="buildout")
        shown("eggs", self._place / "buildout/eggs")
        [port] = [line.rpartition(":")[2] for line in (self._place / "buildout/buildout.cfg").read_text().splitlines()
                  if line.startswith("http-address")]
        begun = time.monotonic()
        with subprocess.Popen([self._place / "buildout/bin/instance", "fg"], cwd=self._place / "buildout", env=self._environ(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as instance:
            try:
                status, body = answered(f"http://127.0.0.1:{port}/", instance)
            finally:
                os.killpg(instance.pid, signal.SIGTERM)  # the script runs the server as a process of its own
        print(f"{time.monotonic() - begun:8.1f} s  bin/instance fg: the front page answers with {status}, {len(body)} bytes: "
              f"{'Plone' in body and 'Plone is in it'}", flush=True)
        return status == 200 and "Plone" in body

    def _environment(self, name: str, *requirements: str) -> None:
        self._run(sys.executable, "-m", "venv", self._place / name)
        self._run(self._place / name / "bin/pip", "install", "--quiet", *requirements)

    def _run(self, *command: object, folder: str = ".") -> None:
        run([str(one) for one in command], cwd=self._place / folder, env=self._environ())

    def _environ(self) -> dict[str, str]:
        (self._place / "home").mkdir(exist_ok=True)
        return {"PATH": os.environ["PATH"], "HOME": str(self._place / "home"), "LANG": "C.UTF-8",
                "PIP_CONFIG_FILE": str(self._place / "pip.conf"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def client_extension(place: Path) -> str:
    """Build the extension of ``client.cfg`` from this checkout, as a distribution of the site; return its version."""
    own = place / "own"
    own.mkdir(exist_ok=True)
    if not list(own.glob("*.whl")):
        run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(own), str(_CLIENT)])
    [wheel] = own.glob("pypimirror_client-*.whl")
    return wheel.name.split("-")[1]


def configuration(place: Path, name: str, keys: str) -> Path:
    """Write the configuration of a mirror; return its path."""
    path = place / f"{name}.cfg"
    path.write_text(f"[pypimirror]\nmirror_file_path = {name}\n{keys}")
    return path


def pypimirror(config: Path, *arguments: str, status: tuple[int, ...] = (0,)) -> str:
    """Run a verb; return what it printed."""
    return run([sys.executable, "-m", "pypimirror", str(config), *arguments], status=status)


def run(command: list[str], status: tuple[int, ...] = (0,), cwd: Path | None = None,
        env: dict[str, str] | None = None) -> str:
    """Run a command and print how long it took; return what it printed. Raises CalledProcessError for another exit status."""
    begun = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=cwd, env=env)
    print(f"{time.monotonic() - begun:8.1f} s  {' '.join(command).removeprefix(f'{sys.executable} -m ')}", flush=True)
    if done.returncode not in status:
        print(done.stdout, flush=True)
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return done.stdout


@contextlib.contextmanager
def serving(config: Path, address: str) -> Iterator[None]:
    """Serve a mirror at its address."""
    port = address.rpartition(":")[2]
    with subprocess.Popen([sys.executable, "-m", "pypimirror", str(config), "serve", "--port", port],
                          stdout=subprocess.DEVNULL) as server:
        try:
            answered(f"{address}/simple/", server)
            yield
        finally:
            server.terminate()


def answered(url: str, server: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Fetch a page as soon as its server has started; return status and body."""
    until = time.monotonic() + _LONGEST
    while True:
        try:
            with urllib.request.urlopen(url, timeout=_LONGEST) as reply:
                return reply.status, reply.read().decode("utf-8", "replace")
        except OSError:
            if time.monotonic() > until or server.poll() is not None:
                raise
            time.sleep(0.5)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def shown(what: str, folder: Path) -> None:
    """Print the size of a folder; a file with several names counts once."""
    files = {(found.st_dev, found.st_ino): found.st_size for path in folder.rglob("*") if path.is_file()
             for found in (path.stat(),)}
    print(f"    {what}: {len(files)} files, {sum(files.values()) / 1e6:.0f} MB", flush=True)


if __name__ == "__main__":
    sys.exit(offline(*sys.argv[2:]) if sys.argv[1] == _OFFLINE else main(*sys.argv[1:]))
