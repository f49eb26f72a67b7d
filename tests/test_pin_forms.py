"""Each pin file in every form that clients read: buildout, constraints and pylock.toml, tried with real clients."""

from __future__ import annotations

import configparser
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from pypimirror.metadata.bounded_toml import loads
from pypimirror.pins.environments import environments
from pypimirror.pins.pin_files import form_names, is_pin_name, pin_name
from pypimirror.pins.pin_forms import conditional_pins, render_constraints, render_versions
from pypimirror.serve import missing_projects
from support import clients, programs, servers
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
PLACES = environments(("3.10", "3.11", "3.12"), ("manylinux_2_28_x86_64", "win_amd64"))
CFG = """\
[versions]
Zope.Two = 1.0
three = 1.0
four = 2004d
[versions:python_version == "3.10"]
three = 0.9
[versions:sys_platform == "win32"]
five = 5
[versions:python_version == "3.12" and sys_platform == "linux"]
six = 6
"""
LINUX = 'sys_platform == "linux" and platform_machine == "x86_64"'
WINDOWS = 'sys_platform == "win32" and platform_machine == "AMD64"'


def test_conditions_are_as_short_as_the_pins_allow() -> None:
    assert [tuple(pin) for pin in conditional_pins("a.cfg", CFG, PLACES)] == [
        ("five", "5", WINDOWS), ("four", "2004d", ""),
        ("six", "6", f'python_version == "3.12" and {LINUX}'),
        ("three", "0.9", 'python_version == "3.10"'), ("three", "1.0", 'python_version == "3.11" or python_version == "3.12"'),
        ("Zope.Two", "1.0", "")]


def test_both_text_forms_pin_the_same() -> None:
    pins = conditional_pins("a.cfg", CFG, PLACES)
    constraints, versions = render_constraints(pins), render_versions(pins)
    assert "Zope.Two==1.0\n" in constraints and "four===2004d\n" in constraints
    assert f"five==5; {WINDOWS}\n" in constraints
    parser = configparser.RawConfigParser()
    parser.read_string(versions)
    assert parser.sections()[0] == "versions"
    assert dict(parser['versions:python_version == "3.10"']) == {"three": "0.9"}
    for name, text in (("b.txt", constraints), ("b.cfg", versions)):
        again = conditional_pins(name, text, PLACES)
        assert [(pin.name.lower(), *pin[1:]) for pin in again] == [(pin.name.lower(), *pin[1:]) for pin in pins], text


def test_names_of_all_forms_are_those_of_pin_files() -> None:
    for source in ("https://a.example.com/release/6.1/versions.cfg", "/srv/" + "x" * 200 + ".cfg", "."):
        names = form_names(pin_name(source, ".cfg"))
        assert all(map(is_pin_name, names.values()))
        assert names == form_names(names[".txt"])
        # PEP 751: pylock.toml or pylock.<name>.toml, without further dots.
        assert names[".toml"].count(".") == 2


def forms(mirrored: Mirrored) -> dict[str, Path]:
    """Give the pin files by suffix, and the index page as ``.html``."""
    return {path.suffix: path for path in (mirrored.root / "pins").iterdir()}


@pytest.fixture
def pinned(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Mirrored:
    """A mirror of three pinned releases, one of which is for other Pythons alone."""
    upstream.add("Zope.One", wheel("Zope.One", "1.0", ("two",)), sdist("Zope.One", "1.0"), wheel("Zope.One", "2.0"))
    upstream.add("two", wheel("two", "1.0"), wheel("two", "3.0"))
    upstream.add("three", wheel("three", "1.0"), wheel("three", "3.0"))
    (tmp_path / "pinned.cfg").write_text(
        '[versions]\nZope.One = 1.0\ntwo = 1.0\n[versions:python_version == "3.9"]\nthree = 1.0\n')
    mirrored.settings |= {"package_matches": None, "build_requirements": False, "versions": tmp_path / "pinned.cfg",
                          "python_versions": f"3.9 {HERE}",
                          "platforms": sysconfig.get_platform().replace("-", "_")}
    return mirrored


def test_real_clients_install_by_each_form(pinned: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    port = servers.free_port()
    pinned.settings["base_url"] = f"http://127.0.0.1:{port}"
    assert pinned.run("sync") == 0
    # Newer releases, which no pin names.
    pinned.settings["package_matches"] = "*"
    assert pinned.run("sync") == 0
    found = forms(pinned)
    assert found.keys() == {".cfg", ".txt", ".toml", ".html"}
    lock: dict[str, Any] = loads(found[".toml"].read_text())
    assert {(package["name"], package.get("marker")) for package in lock["packages"]} == {
        ("zope-one", None), ("two", None), ("three", 'python_version == "3.9"')}
    upstream.asked()
    command = (sys.executable, "-m", "pypimirror", pinned.write(), "serve", "--port", port)
    with servers.running(*command, log=tmp_path / "log") as server:
        address = servers.wait_for(server, port, tmp_path / "log")
        index = f"{address}/"
        constraints = f"{address}/pins/{found['.txt'].name}"
        for client in (clients.pip, clients.uv):
            folder = tmp_path / client.__name__
            folder.mkdir()
            assert client(index, ["zope.one"], folder, "--constraint", constraints) == {"zope-one": "1.0", "two": "1.0"}
        environ = clients.environment(tmp_path / "home")
        # uv takes files of this name alone.
        clients.run([programs.program("uv"), "pip", "install", "--no-cache", "--python", sys.executable, "--target",
                     tmp_path / "locked", "--requirement", found[".toml"]], tmp_path, environ)
        assert clients.installed(tmp_path / "locked") == {"zope-one": "1.0", "two": "1.0"}
    assert upstream.asked() == []


@pytest.mark.parametrize("base", [True, False])
def test_the_lock_names_files_with_their_hashes(pinned: Mirrored, base: bool) -> None:
    pinned.settings["base_url"] = "https://pypi.example.com" if base else None
    assert pinned.run("sync") == 0
    [package] = [one for one in loads(forms(pinned)[".toml"].read_text())["packages"] if one["name"] == "zope-one"]
    name = wheel("Zope.One", "1.0")[0]
    [entry] = package["wheels"]
    assert entry["name"] == name
    if base:
        assert entry["url"] == f"https://pypi.example.com/zope-one/{name}"
    else:
        assert (pinned.root / "pins" / entry["path"]).samefile(pinned.root / "zope-one" / name)
    hashes = {file["filename"]: file["hashes"] for file in pinned.page("zope-one")["files"]}
    assert entry["hashes"] == hashes[name]
    assert package["sdist"]["name"] == sdist("Zope.One", "1.0")[0]


def test_forms_follow_the_pins_and_go_with_them(pinned: Mirrored, tmp_path: Path) -> None:
    assert pinned.run("sync") == 0
    before = {path: path.stat().st_mtime_ns for path in forms(pinned).values()}
    assert pinned.run("-U") == 0
    assert {path: path.stat().st_mtime_ns for path in forms(pinned).values()} == before
    (tmp_path / "pinned.cfg").write_text("[versions]\ntwo = 3.0\n")
    assert pinned.run("-U") == 0
    assert "two==3.0\n" in forms(pinned)[".txt"].read_text() and "two-3.0" in forms(pinned)[".toml"].read_text()
    forms(pinned)[".toml"].unlink()
    assert pinned.run("-U") == 0
    assert "two-3.0" in forms(pinned)[".toml"].read_text()
    assert pinned.run("verify") == 0
    (pinned.root / ".pypimirror" / "state.sqlite").unlink()
    assert pinned.run("-U") == 0
    assert forms(pinned).keys() == {".cfg", ".txt", ".toml", ".html"}
    pinned.settings |= {"versions": None, "package_matches": "two"}
    assert pinned.run("-U") == 0
    assert not (pinned.root / "pins").exists()


def test_a_project_called_pins_keeps_its_page(pinned: Mirrored, upstream: Upstream) -> None:
    upstream.add("pins", wheel("pins", "1.0"))
    pinned.settings["package_matches"] = "pins"
    for _ in range(2):
        assert pinned.run("sync") == 0
        assert pinned.files("pins") == [wheel("pins", "1.0")[0]]
    assert pinned.run("verify") == 0
    pinned.settings["package_matches"] = None
    assert pinned.run("sync") == 0
    assert "<h1>Pins</h1>" in pinned.read("pins/index.html")


def test_the_index_page_names_all_forms_and_no_folder_of_this_machine(pinned: Mirrored, tmp_path: Path) -> None:
    assert pinned.run("sync") == 0
    page = pinned.read("pins/index.html")
    assert all(f'href="{path.name}"' in page for suffix, path in forms(pinned).items() if suffix != ".html")
    assert str(tmp_path) not in page and "pinned.cfg<br>" in page


def test_the_folder_of_pins_is_no_missing_project() -> None:
    assert missing_projects.project_of_path("/pins/") is None
    assert missing_projects.project_of_path("/simple/pins/") == "pins"


def test_client_cfg_names_the_pins(pinned: Mirrored, capsys: pytest.CaptureFixture[str]) -> None:
    pinned.settings["base_url"] = "https://pypi.example.com"
    assert pinned.run("sync") == 0
    capsys.readouterr()
    assert pinned.run("client", "buildout") == 0
    text = capsys.readouterr().out
    assert f"#     https://pypi.example.com/simple/pins/{forms(pinned)['.cfg'].name}\n" in text
    pinned.settings |= {"versions": None, "package_matches": "two"}
    assert pinned.run("client", "buildout") == 0
    assert "/pins/" not in capsys.readouterr().out
