"""uv.lock for the mirror: a real uv installs from the mirror alone, and what is no such lock is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pypimirror.clients.uv_lock import rewrite_uv_lock
from pypimirror.errors import ConfigurationError
from support import clients, programs, servers
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

UV = programs.program("uv")
HASH = "sha256:" + "a" * 64
LOCK = f"""version = 1
requires-python = ">=3.10"

[[package]]
name = "app"
version = "0"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "foo", version = "1.0", source = {{ registry = "https://example.com/simple" }} }},
]

[package.metadata]
requires-dist = [{{ name = "foo", index = "https://example.com/simple" }}]

[[package]]
name = "foo"
version = "1.0"
source = {{ registry = "https://example.com/simple" }}
sdist = {{ url = "https://example.com/a/foo-1.0.tar.gz#x", hash = "{HASH}", size = 1 }}
wheels = [
    {{ url = "https://example.com/b/foo-1.0%2Bcpu-py3-none-any.whl", hash = "{HASH}", size = 1 }},
    {{ url = "https://example.com/c/foo-1.0-cp311-cp311-win_amd64.whl", hash = "{HASH}", size = 1 }},
]

[[package]]
name = "local"
version = "1"
source = {{ registry = "../files" }}
wheels = [
    {{ path = "local-1-py3-none-any.whl" }},
]

[[package]]
name = "direct"
version = "1"
source = {{ url = "https://example.com/direct-1-py3-none-any.whl" }}
wheels = [
    {{ url = "https://example.com/direct-1-py3-none-any.whl", hash = "{HASH}" }},
]
"""


def test_uv_installs_from_the_mirror_alone(tmp_path: Path, upstream: Upstream) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.10"\ndependencies = ["web"]\n')
    environ = clients.environment(tmp_path / "home")
    clients.run([UV, "lock", "--no-cache", "--python", sys.executable, "--default-index", upstream_with_two(upstream)], project,
                environ)
    mirrored = Mirrored(tmp_path / "mirror", upstream.url)
    mirrored.settings |= {"package_matches": None, "requirements": project / "uv.lock"}
    assert mirrored.run("sync") == 0
    assert mirrored.files("web") == [wheel("web", "1.0")[0]]
    locked = (project / "uv.lock").read_text()
    with servers.serve(mirrored.root, tmp_path / "log") as address:
        mirrored.settings["base_url"] = address
        rewritten = mirrored.command("client", "uv", "--lock", str(project / "uv.lock"))
        assert rewritten.returncode == 0 and not rewritten.stderr
        assert upstream.host not in rewritten.stdout and locked.count("sha256:") == rewritten.stdout.count("sha256:")
        (project / "uv.lock").write_text(rewritten.stdout)
        (tmp_path / "uv.toml").write_text(mirrored.command("client", "uv").stdout)
        upstream.asked()
        for option in ("--locked", "--frozen"):
            clients.run([UV, "sync", option, "--no-cache", "--python", sys.executable], project,
                        {**environ, "UV_CONFIG_FILE": str(tmp_path / "uv.toml")})
            assert list(project.glob(".venv/lib/*/site-packages/dep-2.0.dist-info"))
            clients.run(["rm", "-r", ".venv"], project, environ)
    assert upstream.asked() == []
    assert (project / "uv.lock").read_text() == rewritten.stdout


def upstream_with_two(upstream: Upstream) -> str:
    upstream.add("web", wheel("web", "1.0", ("dep>=1",)))
    upstream.add("dep", wheel("dep", "1.0"), wheel("dep", "2.0"))
    return upstream.url


def test_what_is_of_an_index_is_replaced_and_nothing_else() -> None:
    here = {("foo", "foo-1.0.tar.gz"), ("foo", "foo-1.0+cpu-py3-none-any.whl")}
    text, missing = rewrite_uv_lock(LOCK, "uv.lock", "https://m.example.com/", lambda *file: file in here)
    assert missing == ("local==1",)
    assert f'sdist = {{ url = "https://m.example.com/foo/foo-1.0.tar.gz", hash = "{HASH}", size = 1 }}' in text
    assert f'    {{ url = "https://m.example.com/foo/foo-1.0%2Bcpu-py3-none-any.whl", hash = "{HASH}", size = 1 }},' in text
    assert "win_amd64" not in text and "local-1" not in text and "../files" not in text
    assert text.count('{ registry = "https://m.example.com/" }') == LOCK.count("registry = ") == 3
    assert text.partition('name = "direct"')[2] == LOCK.partition('name = "direct"')[2]
    assert 'index = "https://example.com/simple"' in text


def test_a_package_that_the_mirror_lacks_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(LOCK)
    mirrored = Mirrored(tmp_path / "mirror", "http://127.0.0.1:9/simple/")
    done = mirrored.command("client", "uv", "--lock", str(tmp_path / "uv.lock"))
    assert done.returncode == 1
    assert done.stderr == (f"pypimirror: {tmp_path}/uv.lock: the mirror has no file of foo==1.0, local==1; "
                           "name the lock file in requirements and run sync\n")


@pytest.mark.parametrize("text, why", [
    ("version = 1\n[[package]]\nname = 'x", "line 3"), ("[metadata]\nlock-version = '2.1'\n[[package]]\nname = 'x'\n", "as uv"),
    ("version = 1\npackage = [{name = 'x'}]\n", "as uv"), ("foo==1.0\n", "uv.lock: "), ("", "as uv")])
def test_another_file_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        rewrite_uv_lock(text, "uv.lock", "https://m.example.com/", lambda *_: True)


@pytest.mark.parametrize("words, why", [
    (("client", "pip", "--lock", "x"), "--lock is of client uv, not of client pip"),
    (("client", "uv", "--lock", "{0}"), "{0}: can't be read"), (("client", "uv", "--lock", "{0}/no"), "{0}/no: can't be read"),
    (("client", "uv", "--lock", "{0}/latin"), "not UTF-8")])
def test_wrong_use_is_one_line(tmp_path: Path, words: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "latin").write_bytes(b"\xff")
    mirrored = Mirrored(tmp_path / "mirror", "http://127.0.0.1:9/simple/")
    assert mirrored.run(*(word.format(tmp_path) for word in words)) == 2
    error = capsys.readouterr().err
    assert why.format(tmp_path) in error and "Traceback" not in error
