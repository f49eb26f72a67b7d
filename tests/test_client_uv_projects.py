"""Locks of uv for the mirror, of a workspace with conflicts, extras, groups, forks by marker, and two registries."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support import clients, programs, servers
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

UV = programs.program("uv")
#: Two members; extras and groups that conflict; a fork by marker; an extra of a requirement; a project of another index.
ROOT = """\
[project]
name = "app"
version = "0"
requires-python = ">=3.10"
dependencies = ["web[fast]", "member", "corp", "fork==1.0; sys_platform == 'win32'", "fork==2.0; sys_platform != 'win32'"]
[project.optional-dependencies]
old = ["lib==1.0"]
new = ["lib==2.0"]
[dependency-groups]
dev = ["tester"]
legacy = ["lib==1.0"]
[tool.uv]
constraint-dependencies = ["web<3"]
conflicts = [[{extra = "old"}, {extra = "new"}], [{group = "legacy"}, {extra = "new"}]]
[tool.uv.workspace]
members = ["member"]
[tool.uv.sources]
member = {workspace = true}
corp = {index = "corporate"}
[[tool.uv.index]]
name = "corporate"
url = "CORPORATE"
explicit = true
"""
MEMBER = """\
[project]
name = "member"
version = "0"
requires-python = ">=3.10"
dependencies = ["plugin"]
[tool.uv]
package = false
"""
RELEASES = {"web": ("2.0", "3.0"), "quick": ("1.0",), "plugin": ("1.0",), "lib": ("1.0", "2.0"), "fork": ("1.0", "2.0"),
            "tester": ("1.0",)}
#: With either extra, whose library is another one.
INSTALLED = {"corp": "1.0", "fork": "2.0", "plugin": "1.0", "quick": "1.0", "tester": "1.0", "web": "2.0"}


@pytest.mark.heavy
def test_a_workspace_with_conflicts_forks_and_two_registries(tmp_path: Path, upstream: Upstream) -> None:
    for name, versions in RELEASES.items():
        upstream.add(name, *(wheel(name, version, ("lib>=1",) if name == "plugin" else ()) for version in versions))
    for file in upstream.projects["web"].values():
        file.metadata = (file.metadata or b"") + b"Provides-Extra: fast\nRequires-Dist: quick; extra == 'fast'\n"
    environ = clients.environment(tmp_path / "home", UV_PYTHON=sys.executable)
    with Upstream() as corporate:
        corporate.add("corp", wheel("corp", "1.0"))
        project = tmp_path / "project"
        (project / "member").mkdir(parents=True)
        (project / "member" / "pyproject.toml").write_text(MEMBER)
        (project / "pyproject.toml").write_text(ROOT.replace("CORPORATE", corporate.url))
        uv = [UV, "--no-cache"]
        clients.run([*uv, "lock", "--default-index", upstream.url], project, environ)
        locked = (project / "uv.lock").read_text()
        mirrored = Mirrored(tmp_path / "mirror", f"{upstream.url} {corporate.url}")
        mirrored.settings |= {"package_matches": None, "requirements": project / "uv.lock"}
        assert mirrored.run("sync") == 0
    assert sorted(path.name for path in mirrored.root.glob("*/*.whl")) == [
        f"{name}-py3-none-any.whl" for name in ("corp-1.0", "fork-1.0", "fork-2.0", "lib-1.0", "lib-2.0", "plugin-1.0",
                                                "quick-1.0", "tester-1.0", "web-2.0")]
    with servers.serve(mirrored.root, tmp_path / "log") as address:
        mirrored.settings["base_url"] = address
        rewritten = mirrored.command("client", "uv", "--lock", str(project / "uv.lock"))
        assert (rewritten.returncode, rewritten.stderr) == (0, "")
        assert locked.count("sha256:") == rewritten.stdout.count("sha256:") == 9
        (project / "uv.lock").write_text(rewritten.stdout)
        (tmp_path / "uv.toml").write_text(mirrored.command("client", "uv").stdout)
        environ |= {"UV_CONFIG_FILE": str(tmp_path / "uv.toml")}
        upstream.asked()
        for option in ("--locked", "--frozen"):
            for extra, library in (("old", "1.0"), ("new", "2.0")):
                clients.run([*uv, "sync", option, "--extra", extra], project, environ)
                (packages,) = project.glob(".venv/lib/*/site-packages")
                assert clients.installed(packages) == {**INSTALLED, "lib": library}
    assert upstream.asked() == []
