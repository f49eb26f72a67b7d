"""The pages that lead from nothing to a mirror, followed command by command.

Each command of this program runs as the page has it, with directories of the test in place of the system's. Commands of other
programs are left out.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import wheelhouse
from support.upstream import Upstream, sdist, wheel

DOCS = wheelhouse.CHECKOUT / "docs"
#: Directories of the system in the pages.
PLACES = ("/srv/pypi", "/etc/pypimirror", "/etc/nginx/sites-enabled", "/var/www/acme")
#: Verbs that run until they are stopped.
ENDLESS = {"serve"}


class Step:
    """A configuration to save, or a command line."""

    def __init__(self, text: str, is_configuration: bool):
        self.text, self.is_configuration = text, is_configuration


def steps(page: str) -> Iterator[Step]:
    """Yield the configurations and commands of a page in their order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for match in re.finditer(r"^( *)\.\. code-block:: (ini|console)\n\n((?:(?:\1    .*)?\n)+)", text, re.MULTILINE):
        lines = [line.removeprefix(match[1] + "    ") for line in match[3].rstrip().splitlines()]
        if match[2] == "ini":
            if lines[0] == "[DEFAULT]":
                yield Step("\n".join(lines) + "\n", True)
        else:
            yield from (Step(line.removeprefix("$ "), False) for line in lines if line.startswith("$ "))


class Walk:
    """A machine for one page: a folder in place of /."""

    def __init__(self, folder: Path, upstream: Upstream):
        self.folder, self._upstream = folder, upstream
        for place in PLACES:
            target = folder / place.lstrip("/")
            target.mkdir(parents=True, exist_ok=True)
        (folder / "etc/pypimirror").rmdir()
        self.statuses: list[tuple[str, int]] = []

    def moved(self, text: str) -> str:
        return re.sub("|".join(map(re.escape, PLACES)), lambda match: f"{self.folder}{match[0]}", text)

    def save(self, text: str) -> None:
        """Save a configuration of the page, with the test's upstream."""
        folder = self.folder / "etc/pypimirror"
        path = folder / "pypimirror.cfg" if folder.exists() else self.folder / "pypimirror.cfg"
        path.write_text(self.moved(text) + f"index_url = {self._upstream.url}\n", encoding="utf-8")

    def run(self, line: str) -> None:
        """Run a command of this program; remember its exit status."""
        words = shlex.split(self.moved(re.sub(r"^runuser -u \w+ -- ", "", line)))
        if words[0] != "pypimirror" or ENDLESS & set(words):
            return
        output = None
        if ">" in words:
            output, words = words[-1], words[:words.index(">")]
        if "--install" in words:
            words += ["--root", str(self.folder)]
        done = subprocess.run([sys.executable, "-m", "pypimirror", *words[1:]], cwd=self.folder, capture_output=True, text=True)
        self.statuses.append((line, done.returncode))
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if output is not None:
            Path(self.folder, output).write_text(done.stdout)


@pytest.fixture
def walk(tmp_path: Path, upstream: Upstream) -> Walk:
    upstream.add("zope.interface", wheel("zope.interface", "8.0"), sdist("zope.interface", "8.0"))
    upstream.add("setuptools", wheel("setuptools", "80.0"))
    upstream.add("wheel", wheel("wheel", "0.45"))
    for name in ("zc.lockfile", "iniconfig", "requests", "protobuf"):
        upstream.add(name, wheel(name, "3.20"))
    (tmp_path / "requirements.txt").write_text("iniconfig==3.20\n")
    return Walk(tmp_path, upstream)


@pytest.mark.parametrize(("page", "commands"), [("air-gapped.rst", 3), ("web-servers.rst", 2)])
def test_each_command_of_a_page_works(walk: Walk, page: str, commands: int) -> None:
    if page == "web-servers.rst":
        walk.save("[DEFAULT]\nmirror_file_path = /srv/pypi\nbase_url = https://pypi.example.com\npackage_matches = iniconfig\n")
        todo = [step for step in steps(page) if "--before-certificate" in step.text or "webserver nginx" in step.text]
    else:
        todo = list(steps(page))
    for step in todo:
        if step.is_configuration:
            walk.save(step.text)
        else:
            walk.run(step.text)
    assert len(walk.statuses) >= commands


def test_at_the_end_the_company_has_its_mirror(walk: Walk) -> None:
    for step in steps("company-mirror.rst"):
        (walk.save if step.is_configuration else walk.run)(step.text)
    assert len(walk.statuses) >= 10
    root = walk.folder / "srv/pypi"
    assert (root / "zope-interface" / "zope_interface-8.0-py3-none-any.whl").is_file()
    assert (root / "setuptools").is_dir(), "what builds the sdist is not there"
    assert "https://pypi.example.com/simple/" in (walk.folder / "pip.conf").read_text()
    assert "https://pypi.example.com/simple/" in (walk.folder / "uv.toml").read_text()
    timers = [name for _, _, names in os.walk(walk.folder / "etc/systemd") for name in names]
    assert any(name.startswith("pypimirror") and name.endswith(".timer") for name in timers)
    site = (walk.folder / "etc/nginx/sites-enabled/pypimirror").read_text()
    assert "listen 443 ssl http2;" in site and f'root "{root}";' in site
