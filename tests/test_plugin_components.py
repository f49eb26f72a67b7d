"""Clients and web servers of plugins: in the command line, on the landing page, in a buildout."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from zope.interface import implementer

from pypimirror import interfaces
from pypimirror.clients.part import answer, render
from pypimirror.errors import ConfigurationError
from pypimirror.zcml.plugins import read, with_plugin_keys
from support import clients, servers
from support.mirror import Mirrored
from test_registry import refused, written

Captured = pytest.CaptureFixture[str]


@implementer(interfaces.IClient)
class Hatch:
    """A client of a plugin."""

    filename = "hatch.toml"
    title = "Hatch <3, in hatch.toml"

    def __init__(self, settings: interfaces.ISettings):
        self._settings = settings

    def render(self, index: str) -> str:
        return f'# For Hatch.\n[[tool.hatch.source]]\nname = "mirror"\nurl = "{index}"\n'


class Above(Hatch):
    """A client that would write outside of the part."""

    filename = "../hatch.toml"


class Pip(Hatch):
    """A client with the file name of another one."""

    filename = "pip.conf"


@implementer(interfaces.IWebServer)
class Caddy:
    """A web server of a plugin."""

    filename = "Caddyfile"

    def __init__(self, settings: Mapping[str, Any]):
        self._settings = settings

    def render(self) -> str:
        return f"{self._settings['base_url']} {{ root * {self._settings['mirror_file_path']} }}\n"


class Silent(Hatch):
    """A client that forgot to return something."""

    def render(self, index: str) -> Any:
        return None


class Exploding(Hatch):
    """A client that fails."""

    def render(self, index: str) -> str:
        raise KeyError(index)


@implementer(interfaces.IWebServer)
class Headless(Caddy):
    """A web server that can't be rendered."""

    def render(self, port: int) -> str:  # type: ignore[override]
        return ""


CLIENT_FILES = [client.filename for client in clients.CLIENTS.values()]
NAMES = ", ".join([*clients.CLIENTS, "hatch"])
HATCH = '<pypimirror:client name="hatch" factory="test_plugin_components.Hatch" />'
CADDY = '<pypimirror:webServer name="caddy" factory="test_plugin_components.Caddy" />'


@pytest.fixture
def both(mirrored: Mirrored) -> Mirrored:
    mirrored.settings |= {"zcml": written(mirrored.config.parent, HATCH, CADDY).file, "base_url": "https://pypi.example.com"}
    return mirrored


def test_the_command_line_knows_them(both: Mirrored, capsys: Captured) -> None:
    assert both.run("client", "hatch") == 0
    assert 'url = "https://pypi.example.com/simple/"' in capsys.readouterr().out
    assert both.run("webserver", "caddy") == 0
    assert capsys.readouterr().out == f"https://pypi.example.com {{ root * {both.root} }}\n"
    assert both.run("client", "pip") == 0
    assert "index-url = https://pypi.example.com/simple/" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "message"), [
    (("client", "hatchi"), f"client takes one of {NAMES}, not 'hatchi'; did you mean 'hatch'?"),
    (("client",), f"client takes one of {NAMES}, not ''"),
    (("client", "pip", "uv"), f"client takes one of {NAMES}, not 'pip uv'"),
    (("webserver", "iis"), "webserver takes one of apache, caddy, nginx, not 'iis'"),
])
def test_an_unknown_name_is_answered_with_the_known_ones(both: Mirrored, capsys: Captured, arguments: tuple[str, ...],
                                                         message: str) -> None:
    assert both.run(*arguments) == 2
    assert capsys.readouterr().err == f"pypimirror: {message}\n"


def test_a_client_of_ours_can_be_replaced(mirrored: Mirrored, capsys: Captured) -> None:
    mirrored.settings["zcml"] = written(
        mirrored.config.parent, '<pypimirror:client name="pip" factory="test_plugin_components.Hatch" />').file
    assert mirrored.run("client", "pip") == 0
    assert "tool.hatch" in capsys.readouterr().out


def test_the_landing_page_shows_them_without_one_that_fails(both: Mirrored) -> None:
    faulty = '<pypimirror:client name="faulty" factory="test_plugin_components.Exploding" />'
    both.settings["zcml"] = written(both.config.parent, faulty, HATCH, CADDY).file
    assert both.run("sync") == 0
    command = [sys.executable, "-m", "pypimirror", both.write(), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          cwd=Path(__file__).parent) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        text = servers.ask(address, "/", Accept="text/html,application/xhtml+xml").body.decode()
        process.terminate()
        printed = process.communicate(timeout=servers.PATIENCE)[1]
    assert printed == "pypimirror: client 'faulty': KeyError: 'https://pypi.example.com/simple/'\n"
    assert 'id="faulty"' not in text
    assert '<h3>Hatch &lt;3, in hatch.toml</h3>' in text
    assert "[[tool.hatch.source]]\nname = &quot;mirror&quot;\nurl = &quot;https://pypi.example.com/simple/&quot;" in text
    assert "# For Hatch" not in text
    assert text.index('id="pip"') < text.index('id="uv"') < text.index('id="buildout"') < text.index('id="hatch"')


def test_the_files_of_a_part_are_those_of_all_clients_and_of_some_servers(both: Mirrored) -> None:
    settings = with_plugin_keys(read(both.write()))
    assert sorted(render(settings, ["caddy"])) == sorted(["Caddyfile", "hatch.toml", *CLIENT_FILES])
    assert sorted(render(settings, [])) == sorted(["hatch.toml", *CLIENT_FILES])


@pytest.mark.parametrize(("cls", "message"), [
    ("Silent", "TypeError: render returned None, not a text"), ("Exploding", "KeyError: 'https://pypi.example.com/simple/'")])
def test_a_client_that_fails_is_named_with_its_place(mirrored: Mirrored, capsys: Captured, cls: str, message: str) -> None:
    plugin = written(mirrored.config.parent, f'<pypimirror:client name="x" factory="test_plugin_components.{cls}" />')
    mirrored.settings |= {"zcml": plugin.file, "base_url": "https://pypi.example.com"}
    assert mirrored.run("client", "x") == 1
    expected = f"client 'x' ({plugin.file}:2): {message}"
    assert capsys.readouterr() == ("", f"pypimirror: {expected}\n")
    assert answer(str(mirrored.config), []) == {"failed": expected}


@pytest.mark.parametrize(("cls", "message"), [
    ("Above", "client 'x': filename = '../hatch.toml': must be the name of a file without folders"),
    ("Pip", "client 'x': filename = 'pip.conf': another client or web server has it"),
])
def test_a_file_that_would_replace_another_is_refused(mirrored: Mirrored, cls: str, message: str) -> None:
    mirrored.settings["zcml"] = written(
        mirrored.config.parent, f'<pypimirror:client name="x" factory="test_plugin_components.{cls}" />').file
    with pytest.raises(ConfigurationError) as error:
        render(with_plugin_keys(read(mirrored.write())), [])
    assert str(error.value).removeprefix(f"{mirrored.config.parent}/plugin.zcml:2: ") == message


@pytest.mark.parametrize(("line", "message"), [
    ('<pypimirror:client name="x" factory="test_plugin_components.Caddy" />',
     "client 'x': test_plugin_components.Caddy does not implement IClient"),
    ('<pypimirror:webServer name="x" factory="test_plugin_components.Headless" />',
     "webServer 'x': test_plugin_components.Headless has a render that is not IWebServer's: it requires too many arguments"),
])
def test_what_is_no_such_component_is_refused_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    plugin = written(tmp_path, line)
    assert refused(plugin) == f"{plugin.file}:2: {message}"


def test_help_loads_no_zcml() -> None:
    code = ("import sys; from pypimirror import cli\n"
            "try: cli.main(None, ['--help'])\n"
            "except SystemExit: pass\n"
            "print([name for name in sys.modules if name.startswith(('zope', 'pypimirror.zcml', 'xml'))])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")
    assert "client NAME" in done.stdout
