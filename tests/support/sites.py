"""Two mirrors and a directory between them: one with an upstream, and one that is filled from bundles alone."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from support.mirror import Mirrored
from support.upstream import Upstream

#: Settings of the near side that the far side does without.
_UPSTREAM = ("index_url", "package_matches", "retries", "timeout", "fetcher")


class Sites:
    """The near side, the far side, and bundles in folders of their own."""

    def __init__(self, folder: Path, upstream: Upstream):
        self.folder = folder
        self.upstream = upstream
        self.near = Mirrored(folder / "near" / "mirror", upstream.url)
        self.far = Mirrored(folder / "far" / "mirror", "")
        for site in (self.near, self.far):
            site.root.parent.mkdir()
            site.settings["min_free"] = 0
        self.far.settings = {key: value for key, value in self.far.settings.items() if key not in _UPSTREAM}

    def bundle(self, name: str) -> Path:
        return self.folder / "bundles" / name

    def sync(self) -> None:
        assert self.near.run("-U", "--allow-deletions") == 0

    def export(self, name: str, *options: str, status: int = 0) -> Path:
        assert self.near.run("export", str(self.bundle(name)), *options) == status
        return self.bundle(name)

    def load(self, name: str, *options: str, status: int = 0) -> None:
        assert self.far.run("import", str(self.bundle(name)), *options) == status

    def carry(self, name: str, *export: str, options: tuple[str, ...] = ()) -> None:
        """Export, import, and compare both trees."""
        self.export(name, *export)
        self.load(name, *options)
        self.equal()

    def equal(self) -> None:
        near, far = self.near.tree(), self.far.tree()
        assert sorted(near) == sorted(far), sorted(set(near) ^ set(far))
        assert [path for path in near if near[path] != far[path]] == []
        assert self.far.untrue() == []

    def lines(self, name: str) -> list[Any]:
        """Return the lines of a manifest."""
        return [json.loads(line) for line in (self.bundle(name) / "manifest.jsonl").read_bytes().splitlines()]

    def paths(self, name: str) -> list[str]:
        """Return the paths that a bundle carries, records left out."""
        return [line[1] for line in self.lines(name)[1:] if line[0] == "path" and not line[1].startswith(".bundle/")]

    def end(self, name: str) -> str:
        """Return the mark of a bundle."""
        return str(self.lines(name)[0]["end"])


def key(folder: Path, name: str) -> Path:
    """Make a key of OpenSSH."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)
    return path


def allow(file: Path, *keys: Path) -> Path:
    """Write a file of allowed signers."""
    file.write_text("".join(f"{key.name}@example.com namespaces=\"pypimirror-bundle\" {key.with_suffix('.pub').read_text()}"
                            for key in keys))
    return file


def one_line(text: str) -> str:
    """Return the only line of an output to stderr, without the name of the program."""
    lines = text.splitlines()
    assert len(lines) == 1, lines
    found = re.fullmatch(r"pypimirror: (.*)", lines[0])
    assert found is not None
    return found[1]
