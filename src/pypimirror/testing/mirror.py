"""A mirror for tests of plugins: written to a folder, run by the command line in this process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .. import cli
from ..mirror import Mirror
from ..names import JSON_PAGE
from ..zcml.plugins import read


class LocalMirror:
    """A mirror of an index, with plugins.

    ``root`` is its directory, ``config`` its configuration file, ``keys`` what is written to that before each run.
    """

    def __init__(self, folder: str | os.PathLike[str], index_url: str = "http://127.0.0.1:9/", **keys: Any):
        """folder: an empty one for configuration and mirror. keys: of the configuration; ``zcml`` names the plugin."""
        self.root = Path(folder) / "mirror"
        self.config = Path(folder) / "pypimirror.cfg"
        self.keys: dict[str, Any] = {
            "mirror_file_path": self.root, "index_url": index_url, "package_matches": "*", "retries": 0,
            "report_filename": Path(folder) / "report.json", **keys}

    def write(self) -> str:
        """Write the configuration; return its path."""
        lines = (f"{key} = {value}\n" for key, value in self.keys.items())
        self.config.write_text("[pypimirror]\n" + "".join(lines), encoding="utf-8")
        return str(self.config)

    def run(self, *arguments: str) -> int:
        """Run the command line, such as ``sync``; return the exit status."""
        return cli.main(None, [self.write(), *arguments])

    def report(self) -> dict[str, Any]:
        """Return the JSON report of the last ``sync``."""
        found: dict[str, Any] = json.loads((self.config.parent / "report.json").read_bytes())
        return found

    def files(self, name: str) -> list[str]:
        """Return the names of the files on a project's page."""
        page = json.loads((self.root / name / JSON_PAGE).read_bytes())
        return [file["filename"] for file in page["files"]]

    def components(self) -> Mirror:
        """Return the mirror's components as a run has them. Raises ConfigurationError. The caller closes it."""
        return Mirror(read(self.write()))
