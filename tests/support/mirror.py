"""A mirror as tests drive it: by its configuration file and the command line, in this process or as one of its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pypimirror import cli

LINK = re.compile(r'<a href="([^"#]+)#sha256=([0-9a-f]{64})"')
_ANCHOR = re.compile(r'<a href="([^"#]+)#sha256=([0-9a-f]{64})"([^>]*)>')
_METADATA = re.compile(r'data-core-metadata="sha256=([0-9a-f]{64})"')
_FOLDER = re.compile(r'<a href="([^"#/]+)/">')


class Mirrored:
    """One mirror: ``settings`` are written to the configuration file before each run."""

    #: None for the default one.
    fetcher: str | None = None

    def __init__(self, root: Path, index_url: str):
        self.root = root
        self.config = root.parent / "pypimirror.cfg"
        self.settings: dict[str, Any] = {
            "mirror_file_path": root, "index_url": index_url, "package_matches": "*", "retries": 0, "timeout": 60,
            "fetcher": self.fetcher}

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
        return [unquote(href) for href, _ in LINK.findall(self.read(f"{name}/index.html"))]

    def untrue(self) -> list[str]:
        """Return what is wrong with all pages: files that are missing or other than a page says, projects without a page."""
        wrong = []
        digests: dict[Path, str | None] = {}
        for page, target, digest in self._told():
            if target not in digests:
                digests[target] = hashlib.sha256(target.read_bytes()).hexdigest() if target.is_file() else None
            if digests[target] is None:
                wrong.append(f"{target} is missing, says {page}")
            elif digest and digests[target] != digest:
                wrong.append(f"{target} is not what {page} says")
        return wrong

    def _told(self) -> Iterator[tuple[Path, Path, str]]:
        """Yield page, file and sha256 for all that any page tells of; no sha256 for the pages that the root leads to."""
        base = str(self.settings.get("base_url") or "").rstrip("/")
        for page in (*self.root.glob("*/index.html"), *self.root.glob("full.html")):
            for href, digest, attributes in _ANCHOR.findall(page.read_text(encoding="utf-8")):
                target = Path(os.path.normpath(page.parent / unquote(href.removeprefix(base).lstrip("/"))))
                yield page, target, digest
                for metadata in _METADATA.findall(attributes):
                    yield page, Path(f"{target}.metadata"), metadata
        for page in self.root.glob("*/index.v1_json"):
            for file in json.loads(page.read_bytes())["files"]:
                target = page.parent / unquote(file["url"])
                yield page, target, file["hashes"]["sha256"]
                if file["core-metadata"]:
                    yield page, Path(f"{target}.metadata"), file["core-metadata"]["sha256"]
        for page in self.root.glob("index.html"):
            for folder in _FOLDER.findall(page.read_text(encoding="utf-8")):
                yield page, self.root / folder / "index.html", ""
        for page in self.root.glob("index.v1_json"):
            for project in json.loads(page.read_bytes())["projects"]:
                yield page, self.root / re.sub(r"[-_.]+", "-", project["name"]).lower() / "index.v1_json", ""
