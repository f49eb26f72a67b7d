"""A mirror as tests drive it: by its configuration file and the command line, in this process or as one of its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pypimirror import cli

_LINK = re.compile(r'<a href="([^"#]+)#sha256=([0-9a-f]{64})"')


class Mirrored:
    """One mirror: ``settings`` are written to the configuration file before each run."""

    def __init__(self, root: Path, index_url: str):
        self.root = root
        self.config = root.parent / "pypimirror.cfg"
        self.settings: dict[str, Any] = {
            "mirror_file_path": root, "index_url": index_url, "package_matches": "*", "retries": 0, "timeout": 5}

    def write(self) -> str:
        """Write the configuration file and return its path."""
        lines = [f"{key} = {value}" for key, value in self.settings.items() if value is not None]
        self.config.write_text("[DEFAULT]\n" + "\n".join(lines) + "\n")
        return str(self.config)

    def run(self, *arguments: str) -> int:
        """Run the command line in this process and return its exit status."""
        return cli.main(None, [self.write(), *arguments])

    def command(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the command line as a process of its own."""
        return subprocess.run([sys.executable, "-m", "pypimirror", self.write(), *arguments], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, **options)

    def tree(self) -> dict[str, bytes]:
        """Return all published files by path, ``.pypimirror`` left out."""
        return {path: (self.root / path).read_bytes() for path in self.paths()}

    def paths(self) -> list[str]:
        """Return the paths of all published files."""
        found = (p.relative_to(self.root) for p in self.root.rglob("*") if p.is_file())
        return sorted(str(path) for path in found if path.parts[0] != ".pypimirror")

    def read(self, path: str) -> str:
        """Return the text of a page."""
        return (self.root / path).read_text(encoding="utf-8")

    def page(self, name: str) -> dict[str, Any]:
        """Return a project's JSON page."""
        return json.loads(self.read(f"{name}/index.v1_json"))

    def files(self, name: str) -> list[str]:
        """Return the names of the files on a project's HTML page."""
        return [unquote(href) for href, _ in _LINK.findall(self.read(f"{name}/index.html"))]

    def untrue(self) -> list[str]:
        """Return what is wrong with the pages: links to files that are missing or other than the page says."""
        wrong = []
        for page in self.root.glob("*/index.html"):
            for href, digest in _LINK.findall(page.read_text(encoding="utf-8")):
                target = Path(os.path.normpath(page.parent / unquote(href)))
                if not target.is_file():
                    wrong.append(f"{target} is missing")
                elif hashlib.sha256(target.read_bytes()).hexdigest() != digest:
                    wrong.append(f"{target} is not what its page says")
        return wrong
