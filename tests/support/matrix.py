"""The matrix of clients, servers and habits: what works, and why the rest does not. ``docs/matrix.rst`` is made of it.

Each cell that is tried leaves a note in ``var/matrix``. ``python tests/support/matrix.py`` (``tests`` on the path) takes the
notes into ``tests/support/matrix.json`` and updates the document, which has nothing that was not tried.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from support import wheelhouse

DOCUMENT = wheelhouse.CHECKOUT / "docs" / "matrix.rst"
RECORD = wheelhouse.CHECKOUT / "tests" / "support" / "matrix.json"
NOTES = wheelhouse.CHECKOUT / "var" / "matrix"
CLIENTS = {"pip": "pip", "uv": "uv", "buildout": "zc.buildout", "poetry": "Poetry", "pdm": "PDM"}
#: Clients that are tried only if PYPIMIRROR_PROGRAMS names them.
PROJECT_TOOLS = ("poetry", "pdm")
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
#: Further commands and programs, which have no habits.
COMMANDS = {
    "pip-index": "``pip index versions``",
    "pip-download": "``pip download``",
    "uv-tool": "``uvx``, ``uv tool install``",
    "pipx": "``pipx install``",
    "pip-tools": "``pip-compile --generate-hashes``",
    "pyodide": "micropip in Pyodide",
    "renovate": "Renovate finds releases and their times",
    "dependabot": "Dependabot finds releases and their times",
}
#: Those that are no client of their own.
PROGRAM_OF = {"pip-index": "pip", "pip-download": "pip", "uv-tool": "uv"}
#: Those whose requests tests make themselves.
PLAYED = ("renovate", "dependabot")
ANY = ""
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
#: Further cells that do not work, because of their servers. PDM keeps what Cache-Control lets it keep.
FAILING = {("renovate", "bare", ANY), ("dependabot", "bare", ANY), ("dependabot", "bucket", ANY), ("pyodide", "bare", ANY),
           ("pdm", "bare", "offline"), ("pdm", "bucket", "offline")}


class Tried(NamedTuple):
    """A cell that was tried."""

    client: str
    server: str
    habit: str
    works: bool
    #: Versions of both; empty for the product's own server.
    client_version: str
    server_version: str


def works(client: str, server: str, habit: str) -> bool:
    """Return whether a cell is expected to work; all others fail or do not exist."""
    if (client, habit) in LACKING or (client, server, habit) in FAILING:
        return False
    return not (habit == "cooldown" and server in HTML_ONLY)


def note(tried: Tried) -> None:
    """Take note of a cell whose test has passed."""
    NOTES.mkdir(parents=True, exist_ok=True)
    (NOTES / f"{tried.client}-{tried.server}-{tried.habit}.json").write_text(json.dumps(tried._asdict()), encoding="utf-8")


def recorded() -> list[Tried]:
    """Return all cells that were ever tried, each as it was tried last."""
    return [Tried(*fields) for fields in json.loads(RECORD.read_text(encoding="utf-8"))]


def take_notes() -> None:
    """Take the notes into the record."""
    found = {tried[:3]: tried for tried in recorded()} if RECORD.is_file() else {}
    for path in NOTES.glob("*.json"):
        tried = Tried(**json.loads(path.read_text(encoding="utf-8")))
        found[tried[:3]] = tried
    lines = ",\n".join(json.dumps(tried) for tried in sorted(found.values()))
    RECORD.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def render(cells: Iterable[Tried]) -> str:
    """Return the tables of the document. cells: those that were tried."""
    tried = {cell[:3]: cell for cell in cells}
    return "\n".join([*_servers(tried), *_habits(tried), *_commands(tried)]) + "\n"


def _servers(tried: Mapping[Any, Tried]) -> Iterator[str]:
    found = {server: _versions(cell.server_version for cell in tried.values() if cell.server == server) for server in SERVERS}
    listed = ", ".join(f"{SERVERS[server]} {versions}" for server, versions in found.items() if versions)
    yield from ("", f"Tried with {listed}.")


def _versions(found: Iterable[str]) -> str:
    return ", ".join(sorted({version for version in found if version}))


def _habits(tried: Mapping[Any, Tried]) -> Iterator[str]:
    for client, title in CLIENTS.items():
        versions = _versions(cell.client_version for cell in tried.values() if cell.client == client)
        heading = f"{title} {versions}".strip()
        yield from _table(heading, "Habit")
        for habit, meaning in HABITS.items():
            yield f"    * - {habit}: {meaning}"
            for server in SERVERS:
                yield f"      - {'no' if (client, habit) in LACKING else _cell(tried.get((client, server, habit)))}"
        for (whose, habit), reason in LACKING.items():
            if whose == client:
                yield from ("", f"No {habit}: {reason}.")


def _commands(tried: Mapping[Any, Tried]) -> Iterator[str]:
    yield from _table("Other programs", "Program")
    for command, title in COMMANDS.items():
        versions = _versions(cell.client_version for cell in tried.values() if cell.client == command)
        yield f"    * - {title}{f' ({versions})' if versions else ''}"
        for server in SERVERS:
            yield f"      - {_cell(tried.get((command, server, ANY)))}"


def _table(heading: str, first: str) -> Iterator[str]:
    yield from ("", heading, "-" * len(heading), "", ".. list-table::", "    :header-rows: 1", "",
                f"    * - {first}", *(f"      - {server}" for server in SERVERS.values()))


def _cell(tried: Tried | None) -> str:
    if tried is None:
        return "not tried"
    return "yes" if tried.works else "no"


def renewed(text: str) -> str:
    """Return the document with the tables between its marks."""
    tables = render(recorded())
    return re.sub(r"(?s)(\.\. begin: matrix\n).*(\n\.\. end: matrix)", lambda match: f"{match[1]}{tables}{match[2]}", text)


if __name__ == "__main__":
    take_notes()
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
