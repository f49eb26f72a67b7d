"""Further commands and programs of docs/matrix.rst, each with every way to serve a mirror, likewise on demand.

What Renovate and Dependabot ask for is played: the URLs and headers of their look-ups, and the fields that they read.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support import clients, matrix, programs, pyodide, servers, wheelhouse
from support.matrix_site import Site, served
from support.upstream import Upstream, wheel

OLD = "2020-01-01T00:00:00Z"
_BODY = "import dep\n\ndef main():\n    print('demo-tool', {0!r}, dep.__version__)\n"
TOOL = {version: wheel("Demo.Tool", version, ("dep>=1",), body=_BODY.format(version), command="demo-tool")
        for version in ("1.0", "2.0", "3.0")}
DEP = wheel("dep", "1.0")
JSON = "application/vnd.pypi.simple.v1+json"
CHOSEN = os.environ.get("PYPIMIRROR_MATRIX") == "all"
#: The servers of a usual run, and the commands of one: those whose programs are there.
USUAL_SERVERS = ("serve", "nginx")
ON_DEMAND = ("pipx", "pip-tools", "pyodide")
CHOSEN_PROGRAMS = frozenset(one.name for one in wheelhouse.PROGRAMS)


def fill(upstream: Upstream) -> None:
    upstream.add("Demo.Tool", TOOL["1.0"], upload_time=OLD)
    upstream.add("Demo.Tool", TOOL["2.0"], upload_time="2021-01-01T00:00:00.123456Z", requires_python=">=3.8,<4")
    upstream.add("Demo.Tool", TOOL["3.0"], upload_time="2022-01-01T00:00:00Z", yanked="broken <here>")
    upstream.add("dep", DEP, upload_time=OLD)
    if "pipx" in CHOSEN_PROGRAMS:
        # pipx installs one of its own.
        (pip,) = wheelhouse.FOLDER.glob(f"pip-{wheelhouse.pins()['pip']}-*.whl")
        upstream.add("pip", (pip.name, pip.read_bytes()), upload_time=OLD)


@pytest.fixture(scope="module", params=[
    pytest.param(server, marks=[] if CHOSEN or server in USUAL_SERVERS else pytest.mark.skip(reason="PYPIMIRROR_MATRIX=all"))
    for server in matrix.SERVERS])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    """The name of a server and a mirror that it serves."""
    settings = {"cross_origin": True, "index_formats": "html json legacy-json"}
    with served(request.param, tmp_path_factory.mktemp(request.param), fill, **settings) as found:
        yield request.param, found


@pytest.mark.parametrize("command", [
    pytest.param(command, marks=pytest.mark.skip(reason=f"PYPIMIRROR_PROGRAMS does not name {command}")
                 if command in ON_DEMAND and command not in CHOSEN_PROGRAMS else [])
    for command in matrix.COMMANDS])
def test_command(command: str, site: tuple[str, Site], tmp_path: Path) -> None:
    server, mirror = site
    expected = matrix.works(command, server, matrix.ANY)
    tried = COMMANDS[command]
    if expected:
        tried(mirror, tmp_path)
    else:
        with pytest.raises(AssertionError):
            tried(mirror, tmp_path)
    version = "" if command in matrix.PLAYED else clients.version(matrix.PROGRAM_OF.get(command, command))
    matrix.note(matrix.Tried(command, server, matrix.ANY, expected, version, servers.version(server)))


# --- commands; each fails with AssertionError


def pip_index(site: Site, folder: Path) -> None:
    environ = clients.environment(folder / "home")
    found = clients.run_pip(["versions", "--index-url", site.index, "demo_tool", "--json"], folder, environ, "index")
    told = json.loads(found[found.index("{"):])
    assert told["latest"] == "2.0" and told["versions"][0] == "2.0" and "1.0" in told["versions"], found


def pip_download(site: Site, folder: Path) -> None:
    environ = clients.environment(folder / "home")
    clients.run_pip(["--index-url", site.index, "--dest", folder / "got", "Demo.Tool"], folder, environ, "download")
    assert {path.name: path.read_bytes() for path in (folder / "got").iterdir()} == dict([TOOL["2.0"], DEP])


def uv_tool(site: Site, folder: Path) -> None:
    environ = clients.environment(folder / "home", UV_TOOL_DIR=str(folder / "tools"), UV_TOOL_BIN_DIR=str(folder / "bin"),
                                  UV_CACHE_DIR=str(folder / "cache"), UV_DEFAULT_INDEX=site.index, UV_PYTHON=sys.executable)
    uv = programs.program("uv")
    assert "demo-tool 2.0 1.0" in clients.run([uv, "tool", "run", "demo-tool"], folder, environ)
    clients.run([uv, "tool", "install", "demo-tool==1.0"], folder, environ)
    assert clients.run([folder / "bin" / "demo-tool"], folder, environ) == "demo-tool 1.0 1.0\n"


def pipx(site: Site, folder: Path) -> None:
    environ = clients.environment(folder / "home", PIPX_HOME=str(folder / "pipx"), PIPX_BIN_DIR=str(folder / "bin"),
                                  PIPX_DEFAULT_PYTHON=sys.executable, PIP_INDEX_URL=site.index)
    clients.run([_on_demand("pipx") / "pipx", "install", "demo-tool"], folder, environ)
    assert clients.run([folder / "bin" / "demo-tool"], folder, environ) == "demo-tool 2.0 1.0\n"


def pip_tools(site: Site, folder: Path) -> None:
    environ = clients.environment(folder / "home", PIP_TOOLS_CACHE_DIR=str(folder / "cache"))
    (folder / "requirements.in").write_text("Demo.Tool\n")
    clients.run([_on_demand("pip-tools") / "pip-compile", "--generate-hashes", "--index-url", site.index, "--no-strip-extras",
                 "requirements.in"], folder, environ)
    pinned = (folder / "requirements.txt").read_text().lower().replace("demo.tool", "demo-tool")
    for name, (_, body) in {"demo-tool==2.0": TOOL["2.0"], "dep==1.0": DEP}.items():
        assert f"{name} \\\n    --hash=sha256:{hashlib.sha256(body).hexdigest()}" in pinned, pinned
    assert clients.pip(site.index, ["--require-hashes", "-r", str(folder / "requirements.txt")], folder) == {
        "demo-tool": "2.0", "dep": "1.0"}


def micropip(site: Site, folder: Path) -> None:
    """With the HTML page, since micropip does not resolve the relative URLs of JSON pages."""
    with pyodide.started(folder / "log") as page:
        found = page.install(f"{site.index}{{package_name}}/index.html", "Demo.Tool")
    assert found["dep"] == "1.0" and next(found[name] for name in found if "tool" in name.lower()) == "2.0", found


def renovate(site: Site, folder: Path) -> None:
    """Renovate looks releases up as JSON or HTML, and takes the time of a release for ``minimumReleaseAge``."""
    accept = f"{JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
    reply = _ask(site, "demo-tool/", accept)
    assert reply.status == 200, reply
    if "json" not in reply.headers["Content-Type"]:
        links = _links(reply.body)
        assert {name: "data-yanked" in attributes for name, attributes in links.items()} == {
            TOOL["1.0"][0]: False, TOOL["2.0"][0]: False, TOOL["3.0"][0]: True}
        raise AssertionError("no times of releases")
    assert {file["filename"]: (file.get("requires-python"), bool(file["yanked"]), _day(file["upload-time"]))
            for file in json.loads(reply.body)["files"]} == {
        TOOL["1.0"][0]: (None, False, "2020-01-01"), TOOL["2.0"][0]: (">=3.8,<4", False, "2021-01-01"),
        TOOL["3.0"][0]: (None, True, "2022-01-01")}
    # A registry whose URL does not end in /simple/ is asked for PyPI's older JSON first, then as above.
    assert _ask(site, "../demo-tool/json", "application/json").status == 404
    assert _ask(site, "../demo-tool/", accept).body == reply.body
    _older_json(site, "demo-tool")


def dependabot(site: Site, folder: Path) -> None:
    """Dependabot asks for PyPI's older JSON, with names as they are written; if that is not there for HTML, without times."""
    links = _links(_ask(site, "demo-tool/", "text/html").body)
    assert links == {TOOL["1.0"][0]: {}, TOOL["2.0"][0]: {"data-requires-python": ">=3.8,<4"},
                     TOOL["3.0"][0]: {"data-yanked": "broken <here>"}}
    for name in ("demo-tool", "Demo.Tool"):
        _older_json(site, name)
    # Its newer versions read the Simple API's JSON.
    reply = _ask(site, "demo-tool/", JSON)
    assert reply.headers["Content-Type"] == JSON and json.loads(reply.body)["meta"]["api-version"].startswith("1."), reply


def _older_json(site: Site, name: str) -> None:
    reply = _ask(site, f"../pypi/{name}/json", "application/json")
    assert reply.status == 200 and "json" in reply.headers["Content-Type"], reply
    page = json.loads(reply.body)
    assert {version: (_day(last["upload_time"]), last["yanked"], last["requires_python"], last["packagetype"])
            for version, (*_, last) in page["releases"].items()} == {
        "1.0": ("2020-01-01", False, None, "bdist_wheel"), "2.0": ("2021-01-01", False, ">=3.8,<4", "bdist_wheel"),
        "3.0": ("2022-01-01", True, None, "bdist_wheel")}
    assert page["info"]["name"] == "Demo.Tool" and page["info"]["requires_dist"] == ["dep>=1"]


COMMANDS = {"pip-index": pip_index, "pip-download": pip_download, "uv-tool": uv_tool, "pipx": pipx, "pip-tools": pip_tools,
            "pyodide": micropip, "renovate": renovate, "dependabot": dependabot}


def _on_demand(name: str) -> Path:
    (wanted,) = (one for one in wheelhouse.PROGRAMS if one.name == name)
    return programs.on_demand(wanted)


def _ask(site: Site, path: str, accept: str) -> servers.Reply:
    """Ask for a path below the index, or with ``../`` below its parent."""
    root = urlsplit(site.index)
    folder = root.path
    if path.startswith("../"):
        folder, path = folder.removesuffix("simple/"), path.removeprefix("../")
    return servers.ask(f"{root.scheme}://{root.netloc}", folder + path, Accept=accept)


def _day(when: str) -> str:
    return datetime.datetime.fromisoformat(when.replace("Z", "+00:00")).date().isoformat()


def _links(page: bytes) -> dict[str, dict[str, str]]:
    """Return the attributes for clients of a page's links, by text."""
    found: dict[str, dict[str, str]] = {}

    class Reader(HTMLParser):
        attributes: list[tuple[str, str | None]] | None = None

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.attributes = attrs if tag == "a" else self.attributes

        def handle_data(self, data: str) -> None:
            if self.attributes is not None:
                wanted = ("data-requires-python", "data-yanked")
                found[data.strip()] = {name: value or "" for name, value in self.attributes if name in wanted}
                self.attributes = None

    Reader().feed(page.decode())
    return found
