"""``doctor --prove``: installs by the real tools, in an empty home, with no way to any other host than the mirror."""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pypimirror import cli
from pypimirror.doctor.prove import workshop
from pypimirror.doctor.prove.recording_proxy import RecordingProxy
from support import clients, programs, servers, wheelhouse
from support.buildouts import Buildouts
from support.json_schema import violations
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

SCHEMA = json.loads((wheelhouse.CHECKOUT / "docs" / "doctor.schema.json").read_text(encoding="utf-8"))
Captured = pytest.CaptureFixture[str]
Prove = Callable[..., dict[str, Any]]


@pytest.fixture(params=["network namespace", "proxy"])
def closed_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Close the network in each of the two ways."""
    if request.param == "proxy":
        monkeypatch.setattr(workshop, "namespace_command", lambda: None)
    elif workshop.namespace_command() is None:
        pytest.skip("this system does not allow network namespaces")
    return str(request.param)


@pytest.fixture
def prove(mirrored: Mirrored, tmp_path: Path, capsys: Captured) -> Prove:
    """Return a function that fills and serves the mirror, runs ``doctor --prove`` and returns its JSON."""

    def run(path: Path, status: int, *arguments: str) -> dict[str, Any]:
        assert mirrored.run("sync") == 0
        with servers.serve(mirrored.root, tmp_path / "server.log") as address:
            capsys.readouterr()
            ended = cli.main(None, ["doctor", "--url", f"{address}/", str(path), "--prove", "--json", "-q", *arguments])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert list(violations(found, SCHEMA)) == []
        assert ended == status, found
        return found

    return run


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def findings(found: dict[str, Any], check: str = "proof") -> list[str]:
    return [f"{one['severity']}: {one['subject']}: {one['message']}" for file in found["files"] for one in file["findings"]
            if one["check"] == check]


def test_pip_installs_from_the_mirror_alone(prove: Prove, upstream: Upstream, tmp_path: Path,
                                            closed_by: str) -> None:
    upstream.add("demo", wheel("demo", "1.0", requires=("other",)))
    upstream.add("other", wheel("other", "1.0"))
    found = prove(file(tmp_path / "project", "requirements.txt", "demo==1.0\n"), 0)
    proof = found["files"][0]["proof"]
    assert (proof["good"], proof["closed_by"], proof["refused"], proof["output"]) == (True, closed_by, [], [])
    assert proof["versions"].keys() == {"Python", "pip"}
    assert findings(found) == []


@pytest.mark.heavy
def test_what_is_requested_elsewhere_is_refused_and_recorded(prove: Prove, upstream: Upstream,
                                                             tmp_path: Path) -> None:
    """A setup.py that downloads something while it is built, by the proxy of the environment or past it."""
    code = ("import socket, urllib.request\n"
            "try:\n    urllib.request.urlopen('http://elsewhere.example.com/file')\nexcept OSError:\n    pass\n")
    upstream.add("demo", sdist("demo", "1.0"))
    project = tmp_path / "project"
    file(project, "pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    file(project, "backend.py", code + "raise SystemExit('the backend failed')\n")
    found = prove(project, 1)
    texts = findings(found)
    assert any("the installation failed" in text for text in texts)
    assert "error: GET http://elsewhere.example.com/file: requested 1 times, and refused: not the mirror" in texts
    assert any("the backend failed" in line for line in found["files"][0]["proof"]["output"])


def test_a_namespace_has_no_way_past_the_proxy(tmp_path: Path) -> None:
    if workshop.namespace_command() is None:
        pytest.skip("this system does not allow network namespaces")
    path = str(tmp_path / "proxy")
    with socket.create_server(("127.0.0.1", 0)) as outside, RecordingProxy("http://127.0.0.1:9", path) as proxy:
        shop = workshop.Workshop(str(tmp_path / "work"), "http://127.0.0.1:9/", None, proxy, path, print)
        code = f"import socket; socket.create_connection(('127.0.0.1', {outside.getsockname()[1]}))"
        with pytest.raises(workshop.StepFailed, match="refused"):
            shop.run(sys.executable, "-c", code)


def test_the_proxy_forwards_to_the_mirror_and_to_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "index.html").write_text("here")
    with servers.bare_python(tmp_path / "tree", tmp_path / "log") as address, \
            servers.bare_python(tmp_path / "tree", tmp_path / "log2") as other, \
            RecordingProxy(address, str(tmp_path / "proxy")) as proxy:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{proxy.port}"}))
        with opener.open(f"{address}/") as answer:
            assert answer.read() == b"here"
        for url in (f"{other}/", "http://elsewhere.example.com/"):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                opener.open(url)
        assert sum(proxy.refused.values()) == 2


@pytest.mark.parametrize("generation", wheelhouse.GENERATIONS[:1])
@pytest.mark.heavy
def test_buildout_builds_and_installs_by_the_versions_that_it_pins(
        prove: Prove, mirrored: Mirrored, upstream: Upstream, buildouts: Buildouts, tmp_path: Path, generation: str,
        capsys: Captured) -> None:
    upstream.add("demo.app", sdist("demo.app", "1.0"))
    upstream.add("demo.unpinned", wheel("demo.unpinned", "1.0"))
    for path in wheelhouse.FOLDER.glob("*.whl"):
        if not path.name.startswith("uv-"):  # large, and not requested
            upstream.add(path.name.partition("-")[0].replace("_", "-"), (path.name, path.read_bytes()))
    names = (*wheelhouse.ENVIRONMENT, "zc.recipe.egg")
    pins = {name: wheelhouse.pins(generation)[name] for name in names} | {"demo.app": "1.0"}
    file(tmp_path / "project", "versions.cfg", "[versions]\n" + "".join(f"{name} = {pin}\n" for name, pin in pins.items()))
    path = file(tmp_path / "project", "buildout.cfg", "\n".join([
        "[buildout]", "extends = versions.cfg", "parts = demo", "develop = src/own", "allow-picked-versions = false",
        "[demo]", "recipe = zc.recipe.egg", "eggs = demo.app", "    own", "interpreter = py", ""]))
    file(tmp_path / "project", "src/own/setup.py", "from setuptools import setup\nsetup(name='own', version='1')\n")
    before = sorted(str(each) for each in (tmp_path / "project").rglob("*"))
    found = prove(path, 0)
    proof = found["files"][0]["proof"]
    assert proof["versions"]["zc.buildout"] == pins["zc.buildout"]
    assert findings(found) == []
    assert any("2 projects with a pip that uses PyPI: demo-app, own" in text for text in findings(found, "builds"))
    assert sorted(str(each) for each in (tmp_path / "project").rglob("*")) == before
    file(tmp_path / "project", "buildout.cfg", path.read_text().replace("    own", "    own\n    demo.unpinned"))
    assert mirrored.run("doctor", str(path), "--json") == 1
    assert findings(json.loads(capsys.readouterr().out), "requirements") == [
        "error: requirement demo.unpinned: not pinned, and allow-picked-versions is false"]


@pytest.mark.heavy
def test_uv_syncs_a_lock_that_names_the_mirror_and_no_other(prove: Prove, mirrored: Mirrored, upstream: Upstream,
                                                            tmp_path: Path, capsys: Captured,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add("demo", wheel("demo", "1.0", requires=("other",)))
    upstream.add("other", wheel("other", "1.0"))
    program = programs.program("uv")
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    project = tmp_path / "project"
    file(project, "pyproject.toml", '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10"\n'
                                    'dependencies = ["demo"]\n')
    environ = clients.environment(tmp_path / "home")
    clients.run([program, "lock", "--no-cache", "--default-index", upstream.url], project, environ)
    found = prove(project / "uv.lock", 1)
    assert any("the lock file names files and indexes of this host" in text for text in findings(found, "places"))
    assert any("refused: not the mirror" in text for text in findings(found))
    with servers.serve(mirrored.root, tmp_path / "server2.log") as address:
        mirrored.settings["base_url"] = address
        capsys.readouterr()
        assert mirrored.run("client", "uv", "--lock", str(project / "uv.lock")) == 0
        (project / "uv.lock").write_text(capsys.readouterr().out)
        assert mirrored.run("doctor", str(project), "--prove", "--json", "-q") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"][0]["proof"]["versions"]["uv"] == wheelhouse.pins()["uv"]
    assert findings(found) == []
