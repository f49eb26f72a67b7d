"""The matrix of clients, servers and habits: what works, and why the rest does not. ``docs/matrix.rst`` is made of it.

``python tests/support/matrix.py`` (with ``tests`` on the path) updates the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from support import wheelhouse

DOCUMENT = wheelhouse.CHECKOUT / "docs" / "matrix.rst"
CLIENTS = {"pip": "pip", "uv": "uv", "buildout": "zc.buildout", "poetry": "Poetry", "pdm": "PDM"}
#: Clients that are tried only if PYPIMIRROR_PROGRAMS names them, with the versions of the document.
PROJECT_TOOLS = {"poetry": "2.5.1", "pdm": "2.29.3"}
SERVERS = {"serve": "serve", "nginx": "nginx", "apache": "Apache", "caddy": "Caddy", "bare": "bare server", "bucket": "bucket"}
HABITS = {
    "plain": "installs a project and what it requires",
    "cooldown": "leaves out releases of the last day",
    "locked": "installs what a lock file names",
    "frozen": "installs from a lock file without a look at the index",
    "hashes": "requires a hash for each file",
    "lazy": "resolves by metadata files, without downloads",
    "offline": "installs again from the client's cache, without the server",
}
#: Servers that send HTML only.
HTML_ONLY = ("bare",)
#: What a client can't do, whatever the server.
LACKING = {
    ("pip", "frozen"): "pip has no such mode",
    ("pip", "offline"): "pip asks the index each time",
    ("buildout", "cooldown"): "zc.buildout has none: set min_age in the mirror",
    ("buildout", "locked"): "its versions are its lock: pins",
    ("buildout", "frozen"): "likewise",
    ("buildout", "hashes"): "it checks those of the page, and knows no others",
    ("buildout", "lazy"): "it downloads what it resolves",
    ("poetry", "frozen"): "Poetry looks up the URLs of files in the index",
    ("poetry", "offline"): "likewise",
}


def works(client: str, server: str, habit: str) -> bool:
    """Return whether a cell works; all others fail or do not exist."""
    return (client, habit) not in LACKING and not (habit == "cooldown" and server in HTML_ONLY)


def render() -> str:
    """Return the tables of the document."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    versions = wheelhouse.pins()
    for client, title in CLIENTS.items():
        heading = f"{title} {PROJECT_TOOLS.get(client) or versions[title]}"
        yield from ("", heading, "-" * len(heading), "", ".. list-table::", "    :header-rows: 1", "",
                    "    * - Habit", *(f"      - {server}" for server in SERVERS.values()))
        for habit, meaning in HABITS.items():
            yield f"    * - {habit}: {meaning}"
            for server in SERVERS:
                yield f"      - {'yes' if works(client, server, habit) else 'no'}"
        for (whose, habit), reason in LACKING.items():
            if whose == client:
                yield from ("", f"No {habit}: {reason}.")


def renewed(text: str) -> str:
    """Return the document with the tables between its marks."""
    return re.sub(r"(?s)(\.\. begin: matrix\n).*(\n\.\. end: matrix)", lambda match: f"{match[1]}{render()}{match[2]}", text)


if __name__ == "__main__":
    Path(DOCUMENT).write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
