"""OSV's API from serve, asked by real auditors: uv, and the pip-audit that PYPIMIRROR_PROGRAMS names (see wheelhouse)."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pypimirror.advisories.osv import parse_advisory
from pypimirror.advisory import Advisory
from pypimirror.serve import osv_api
from support import clients, osv, programs, servers, wheelhouse
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

AUDITORS = [pytest.param(one, id=one.version) for one in wheelhouse.PROGRAMS if one.name == "pip-audit"]
NO_AUDITOR = [pytest.param(None, marks=pytest.mark.skip(reason="PYPIMIRROR_PROGRAMS names no pip-audit"))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a served mirror that no test changes."""
    folder = tmp_path_factory.mktemp("served")
    with Upstream() as upstream, served(Mirrored(folder / "mirror", upstream.url), upstream, folder) as address:
        yield address


@pytest.fixture
def own_site(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Iterator[str]:
    """The address of a server of ``mirrored``."""
    with served(mirrored, upstream, tmp_path) as address:
        yield address


@contextlib.contextmanager
def served(mirrored: Mirrored, upstream: Upstream, folder: Path) -> Iterator[str]:
    """Serve a mirror with a vulnerable release; yields its address."""
    for version in ("1.0", "2.0"):
        upstream.add("Demo", wheel("Demo", version), sdist("Demo", version))
    osv.write_directory(folder / "osv", osv.document("PYSEC-1", "demo", introduced="0", fixed="2.0", aliases=["CVE-1"],
                                                      references=[{"type": "ADVISORY", "url": "https://example.com/1"}]),
                        osv.document("GHSA-2", "other", introduced="0"))
    mirrored.settings |= {"advisories": folder / "osv", "min_free": 0, "index_formats": "html json legacy-json"}
    assert mirrored.run("sync") == 0
    port, log = servers.free_port(), folder / "serve.log"
    command = (sys.executable, "-m", "pypimirror", mirrored.write(), "serve", "--port", port)
    with servers.running(*command, log=log) as process:
        yield servers.wait_for(process, port, log).rstrip("/")


def post(address: str, value: Any) -> tuple[int, Any]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, {"Content-Type": "application/json"})) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def queried(site: str, version: str | None = None, **package: str) -> list[str]:
    query = {"package": package} | ({"version": version} if version else {})
    status, found = post(f"{site}/v1/query", query)
    assert status == 200
    return [each["id"] for each in found.get("vulns", [])]


def test_a_batch_reads_the_advisories_about_a_project_once(mirrored: Mirrored, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with many advisories takes long to read; one request may ask about it a thousand times."""
    source = osv.write_directory(tmp_path / "osv", osv.document("PYSEC-1", "demo", introduced="1.0"))
    mirrored.settings |= {"advisories": source, "min_free": 0}
    mirrored.run("sync")
    taken: list[str] = []

    def noted(document: Any, name: str) -> Advisory:
        taken.append(name)
        return parse_advisory(document, name)

    monkeypatch.setattr(osv_api, "parse_advisory", noted)
    package = {"name": "demo", "ecosystem": "PyPI"}
    queries = [{"package": package, "version": f"{number}.0"} for number in range(1000)]
    body = json.dumps({"queries": queries}).encode()
    api = osv_api.OsvApi(str(mirrored.root / ".pypimirror"))
    (answer,) = api({"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/querybatch", "wsgi.input": io.BytesIO(body)},
                    lambda status, headers: None)
    assert [bool(each) for each in json.loads(answer)["results"]] == [False, *[True] * 999]
    assert taken == ["demo"]


def test_queries(site: str) -> None:
    assert queried(site, "1.0", name="Demo", ecosystem="PyPI") == ["PYSEC-1"]
    assert queried(site, "2.0", name="demo", ecosystem="PyPI") == []
    assert queried(site, name="demo", ecosystem="PyPI") == ["PYSEC-1"]
    assert queried(site, purl="pkg:pypi/demo@1.0") == ["PYSEC-1"]
    assert queried(site, purl="pkg:pypi/demo@2.0") == []
    assert queried(site, purl="pkg:npm/demo@1.0") == queried(site, "1.0", name="demo", ecosystem="npm") == []
    batch = {"queries": [{"package": {"name": name, "ecosystem": "PyPI"}, "version": "1.0"} for name in ("demo", "x", "other")]}
    status, found = post(f"{site}/v1/querybatch", batch)
    assert (status, found["results"]) == (200, [
        {"vulns": [{"id": "PYSEC-1", "modified": "2026-01-02T03:04:05Z"}]}, {},
        {"vulns": [{"id": "GHSA-2", "modified": "2026-01-02T03:04:05Z"}]}])


def test_documents(site: str) -> None:
    with urllib.request.urlopen(f"{site}/v1/vulns/PYSEC-1") as answer:
        assert json.load(answer)["affected"][0]["ranges"][0]["events"] == [{"introduced": "0"}, {"fixed": "2.0"}]
    for path in ("PYSEC-7", "", "..%2f..", "PYSEC-1/x"):
        reply = servers.ask(site, f"/v1/vulns/{path}")
        assert (reply.status, json.loads(reply.body)["code"]) == (404, 5)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", {}, {"package": 7}, {"package": {"ecosystem": "PyPI", "name": 7}},
                                  {"package": {"ecosystem": "PyPI", "name": "x"}, "version": 7}, b"[" * 100_000])
def test_wrong_queries_are_refused(site: str, body: Any) -> None:
    status, found = post(f"{site}/v1/query", body)
    assert status == 400 and found["code"] == 3
    assert post(f"{site}/v1/querybatch", {"queries": [body] if isinstance(body, dict) else 7})[0] == 400


def test_too_much_is_refused(site: str) -> None:
    assert post(f"{site}/v1/querybatch", {"queries": [{"package": {}}] * 1001})[0] == 400


def test_other_paths_take_no_post(site: str) -> None:
    for path in ("/v1/other", "/simple/", "/v1/vulns"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(f"{site}{path}", b"{}"))
        assert caught.value.code == 405


def test_what_a_sync_reads_is_answered_at_once(own_site: str, mirrored: Mirrored, tmp_path: Path) -> None:
    assert queried(own_site, "2.0", name="demo", ecosystem="PyPI") == []
    osv.write_directory(tmp_path / "osv", osv.document("PYSEC-5", "demo", versions=["2.0"]))
    assert mirrored.run("sync") == 0
    assert queried(own_site, "2.0", name="demo", ecosystem="PyPI") == ["PYSEC-5"]
    # Also of a database that was made anew.
    for path in (mirrored.root / ".pypimirror").glob("advisories.sqlite*"):
        path.unlink()
    assert post(f"{own_site}/v1/query", {"package": {"name": "demo", "ecosystem": "PyPI"}})[0] == 503
    assert mirrored.run("sync") == 0
    assert queried(own_site, "2.0", name="demo", ecosystem="PyPI") == ["PYSEC-5"]


def test_legacy_json_has_the_vulnerabilities_of_the_release(own_site: str, mirrored: Mirrored) -> None:
    def told(path: str) -> list[str]:
        found = json.loads(servers.ask(own_site, path).body)["vulnerabilities"]
        return [each["id"] for each in found]

    assert told("/pypi/demo/1.0/json") == ["PYSEC-1"]
    assert told("/pypi/demo/2.0/json") == told("/pypi/demo/json") == []
    (one,) = json.loads(servers.ask(own_site, "/pypi/demo/1.0/json").body)["vulnerabilities"]
    assert (one["aliases"], one["fixed_in"], one["link"]) == (["CVE-1"], ["2.0"], "https://example.com/1")
    # The page in the tree is about the newest release.
    assert json.loads(mirrored.read("pypi/demo/json"))["vulnerabilities"] == []
    osv.write_directory(mirrored.root.parent / "osv", osv.document("PYSEC-5", "demo", versions=["2.0"]))
    assert mirrored.run("sync") == 0
    assert [each["id"] for each in json.loads(mirrored.read("pypi/demo/json"))["vulnerabilities"]] == ["PYSEC-5"]
    mirrored.settings["advisories"] = None
    assert mirrored.run("sync") == 0
    assert "vulnerabilities" not in json.loads(mirrored.read("pypi/demo/json"))


def test_uv_audits_by_the_mirror_alone(site: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["demo<2"]\n'
        f'[[tool.uv.index]]\nurl = "{site}/simple/"\ndefault = true\n')
    uv = str(programs.program("uv"))
    environ = clients.environment(tmp_path / "home", UV_NO_CACHE="1")
    command = [uv, "audit", "--service-url", site, "--preview-features", "audit", "--output-format", "json"]
    clients.run([uv, "lock", "-q"], folder, environ)
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "PYSEC-1" in done.stdout and "2.0" in done.stdout and "demo" in done.stdout
    (folder / "pyproject.toml").write_text((folder / "pyproject.toml").read_text().replace("demo<2", "demo>=2"))
    clients.run([uv, "lock", "-q"], folder, environ)
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "PYSEC" not in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("version", AUDITORS or NO_AUDITOR)
def test_pip_audit_audits_by_the_mirror_alone(site: str, tmp_path: Path, version: Any) -> None:
    pins = tmp_path / "requirements.txt"
    environ = clients.environment(tmp_path / "home")
    command = [str(programs.on_demand(version) / "pip-audit"), "-r", str(pins), "--no-deps", "--disable-pip", "-s", "osv",
               "--osv-url", f"{site}/v1/query", "--format", "json", "--progress-spinner", "off", "--cache-dir",
               str(tmp_path / "cache")]
    for pinned, status, expected in (
            ("demo==1.0\nharmless==1.0\n", 1, [("PYSEC-1", ["2.0"], ["CVE-1"])]), ("demo==2.0\n", 0, [])):
        pins.write_text(pinned)
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        found = json.loads(done.stdout)["dependencies"]
        assert [(each["id"], each["fix_versions"], each["aliases"]) for one in found for each in one["vulns"]] == expected
