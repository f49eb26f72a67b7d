"""Commands of the documentation, run as their page has them, with directories of a test in place of the system's."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pypimirror import cli
from support import clients, servers, wheelhouse
from support.fake_schedulers import Crontabs, Systemctl
from support.upstream import Upstream

_BLOCK = re.compile(r"^( *)(?:\.\. code-block:: (ini|console)|(?! *\.\.).*[^ ]::)\n\n((?:(?:\1    .*)?\n)+)", re.MULTILINE)
#: A directory of the system, also in a URL of a file; not the path of any other URL.
_PLACE = re.compile(r"(?:(?<=file://)|(?<![\w./-]))(?:/(?=(?:srv|etc|var|home|media|opt|usr/local)/)|~(?=/))")
#: Directories that a system has.
_PLACES = ("etc/nginx/sites-enabled", "etc/apache2/sites-enabled", "etc/caddy", "var/log/nginx", "var/lib/pypimirror",
           "var/lib/prometheus/node-exporter", ".config/pip", ".config/uv", "home", "media/stick")
#: Programs that no test runs as a page has them, and why.
FOREIGN = {
    "apt-get": "changes the system", "bin/buildout": "tests/test_recipe.py", "certbot": "tests/test_sites_acme.py",
    "chgrp": "needs the user of the page", "chmod": "needs the user of the page",
    "conda-lock": "tests/test_clients_files.py", "poetry": "tests/test_clients_files.py",
    "install": "needs the user of the page", "ln": "changes the system", "man": "tests/test_shell_files.py",
    "nginx": "tests/test_sites.py", "python3": "sets up an environment, or measures", "source": "tests/test_shell_files.py",
    "systemctl": "tests/test_systemd.py", "useradd": "changes the system", "userdel": "changes the system"}
#: Parts of commands that no test runs as a page has them, and why.
ELSEWHERE = {
    "--prove": "tests/test_doctor_proof.py", "pip install 'z3c": "installs from PyPI",
    "pip download": "installs from PyPI, or needs the client's configuration: tests/test_matrix.py", "benchmarks/": "measures"}


class Step(NamedTuple):
    """A configuration to save, or a command line."""

    text: str
    is_configuration: bool


def page_path(page: str) -> Path:
    return wheelhouse.CHECKOUT / ("" if page == "README.rst" else "docs") / page


def steps(page: str) -> Iterator[Step]:
    """Yield the configurations and commands of a page in their order."""
    for match in _BLOCK.finditer(page_path(page).read_text(encoding="utf-8")):
        lines = [line.removeprefix(match[1] + "    ") for line in match[3].rstrip().splitlines()]
        if match[2] == "ini" and lines[0] == "[DEFAULT]":
            yield Step("\n".join(lines) + "\n", True)
        yield from (Step(line.removeprefix("$ "), False) for line in lines if line.startswith("$ "))


class Walk:
    """A machine for one page: a folder in place of /, which is the working directory, too."""

    def __init__(self, folder: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        self.folder, self.upstream, self._capsys = folder, upstream, capsys
        self.mirror = folder / "srv/pypi"
        self.config = folder / "pypimirror.cfg"
        self.done: list[str] = []
        self._port = servers.free_port()
        #: Where ``serve`` answers.
        self.url = f"http://127.0.0.1:{self._port}"
        self._processes = contextlib.ExitStack()
        for place in _PLACES:
            (folder / place).mkdir(parents=True, exist_ok=True)
        Crontabs(folder / "programs"), Systemctl(folder / "programs")
        monkeypatch.setenv("PATH", str(folder / "programs"), prepend=os.pathsep)
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.chdir(folder)

    def close(self) -> None:
        """Stop what runs until it is stopped."""
        self._processes.close()

    def moved(self, text: str) -> str:
        """Return a text with places in the folder of the test."""
        return _PLACE.sub(lambda match: f"{self.folder}{'/' if match[0] == '/' else ''}", text)

    def save(self, text: str) -> None:
        """Save a configuration, of the page or of the test, with the test's upstream."""
        here = f"index_url = {self.upstream.url}\nretries = 0\nfetcher = requests\n"
        text = re.sub(r"^index_url = .*\n", "", text, flags=re.MULTILINE)
        paths = [self.config, *self.folder.glob("etc/pypimirror/pypimirror.cfg")]
        for path in (*paths, self.folder / "etc/pypimirror.cfg"):
            path.write_text(self.moved(text) + here, encoding="utf-8")

    def configure(self, **settings: object) -> None:
        """Save a configuration with these settings."""
        values = {"mirror_file_path": self.mirror, "package_matches": "*", "base_url": "https://pypi.example.com", **settings}
        self.save("[DEFAULT]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()))

    def run(self, line: str, status: int = 0) -> str:
        """Run a command as far as it can be run here; return its output."""
        if any(part in line for part in ELSEWHERE):
            return ""
        line = line.replace("--url https://pypi.example.com", f"--url {self.url}").replace("http://127.0.0.1:8080", self.url)
        words = shlex.split(self.moved(re.sub(r"^runuser -u \w+ -- ", "", line)))
        output, words = (words[-1], words[:-2]) if words[-2:-1] in ([">"], [">>"]) else (None, words)
        if words[0] in FOREIGN:
            return ""
        if "serve" in words:
            shown = self._serve(words)
        elif words[0].endswith("pypimirror"):
            shown = self._own(words, status)
        else:
            shown = self._other(words)
        if output is not None:
            with Path(output).open("a" if ">>" in line else "w", encoding="utf-8") as stream:
                stream.write(shown)
        self.done.append(line)
        return shown

    def _own(self, words: list[str], status: int) -> str:
        if words[1] == "init":
            self.config.unlink()
            shutil.rmtree(self.mirror)
        if "system" in words:
            words += ["--root", str(self.folder)]
        self._capsys.readouterr()
        found = cli.main(str(self.config) if words[0] == "bin/pypimirror" else None, words[1:])
        shown = self._capsys.readouterr()
        assert found == status, f"{shlex.join(words)}: {found}\n{shown.out}{shown.err}"
        for path in (self.config, *self.folder.glob("etc/pypimirror/pypimirror.cfg")) if words[1] == "init" else ():
            if path.exists():
                path.write_text(f"{path.read_text()}\nindex_url = {self.upstream.url}\nretries = 0\n")
        return shown.out

    def _serve(self, words: list[str]) -> str:
        """Start a server on loopback, at a free port, in place of the one before."""
        self._processes.close()
        config = words[1] if words[0] == "pypimirror" else str(self.config)
        command = [sys.executable, "-m", "pypimirror", config, "serve", "--port", str(self._port)]
        process = self._processes.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        self._processes.callback(process.terminate)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Serving "), line
        return line

    def _other(self, words: list[str]) -> str:
        if words[0] == "pip":
            words = [sys.executable, "-m", *words, "--target", str(self.folder / "site"), "--no-cache-dir", "--quiet"]
            words = ["iniconfig" if word == "PACKAGE" else word for word in words]
        elif words[0] == "rsync":
            words[-1] = words[-1].replace("newhost:", f"{self.folder}/newhost/")
            Path(words[-1]).mkdir(parents=True, exist_ok=True)
        outside = [word for word in words[1:] if word.startswith("/") and not word.startswith(f"{self.folder}/")]
        assert words[0] == sys.executable or not outside, outside
        return clients.run(words, self.folder, clients.environment(self.folder))
