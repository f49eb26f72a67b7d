"""The comparison with peers, with ourselves as the only one: it measures, and what it finds wrong it does not let pass."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from wheelhouse import CHECKOUT

LUA = Path("/usr/share/nginx/modules/ngx_http_lua_module.so")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all runs keep what they make, so that upstream is made once."""
    if shutil.which("nginx") is None or not LUA.exists():
        pytest.skip("nginx or its Lua module is not installed")
    return tmp_path_factory.mktemp("bench")


def compared(root: Path, *arguments: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run it, on a port of this test process alone."""
    number = 21_000 + os.getpid() % 10_000
    environ = {**os.environ, "BENCH_ROOT": str(root), "BENCH_PORT": str(port or number), "BENCH_OURS": sys.executable,
               "PYTHONPATH": str(CHECKOUT / "src")}
    return subprocess.run([sys.executable, str(CHECKOUT / "benchmarks" / "compare.py"), "--rounds", "1", *arguments],
                          capture_output=True, text=True, env=environ)


def test_all_kinds_of_work_on_the_usual_projects_are_measured_and_told(root: Path) -> None:
    done = compared(root, "--only", "first", "nothing", "changed", "verify", "--peers", "pm", "pm-workers=2")
    assert done.returncode == 0, done.stderr
    assert (root / "results.rst").read_text(encoding="utf-8") == done.stdout
    rows = {(match[1].strip(), match[2]): match[3] for match in re.finditer(
        r"^(.{10,60}?)  +(pm\S*) +[\d.]+ \[[\d.]+-[\d.]+\] +[\d.]+ +\d+ +(\d+)$", done.stdout, re.MULTILINE)}
    titles = [f"300 projects, {what}" for what in ("first fetch", "nothing changed", "1% changed", "verify")]
    assert [title for title, name in rows if name == "pm"] == titles
    assert rows["300 projects, first fetch", "pm"] == "1801"
    assert rows["300 projects, nothing changed", "pm"] == "1"
    assert rows["300 projects, verify", "pm"] == "0"
    assert "pm-workers=2" in done.stdout
    assert not (root / "targets").exists()
    assert len((root / "results.jsonl").read_text(encoding="utf-8").splitlines()) == 2 * (1 + 2 + 2 + 1)


def test_a_mirror_that_lacks_something_is_no_result(root: Path) -> None:
    done = compared(root, "--only", "growth-100", "--peers", "pm-filename_matches=*.whl")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "pm-filename_matches=*.whl, 100 small projects: 100 missing, 100 bad_pages"
    assert done.stdout == ""


def test_a_program_that_fails_is_named_with_its_log(root: Path) -> None:
    done = compared(root, "--only", "growth-100", "--peers", "pm-workers=none")
    assert done.returncode == 1
    log = root / "logs" / "small-100-pm-workers=none.log"
    assert done.stderr.splitlines()[-1] == f"pm-workers=none: status 2; see {log}"
    assert "workers" in log.read_text(encoding="utf-8")


def test_a_port_that_is_taken_is_named(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        done = compared(root, "--only", "growth-100", "--peers", "pm", port=number)
    assert done.returncode == 1
    assert f"nginx on port {number}: " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(("arguments", "named"), [
    (("--peers", "b9-w10"), "--peers b9-w10: none of pm, "), (("--rounds", "0"), "--rounds 0: at least one"),
    (("--only", "some"), "'some'")])
def test_what_it_does_not_know_is_refused(root: Path, arguments: tuple[str, ...], named: str) -> None:
    done = compared(root, *arguments)
    assert done.returncode == 2
    assert named in done.stderr.splitlines()[-1]


def test_each_part_of_a_profile_has_modules_and_each_module_a_part() -> None:
    modules = [str(path.relative_to(CHECKOUT / "src")) for path in (CHECKOUT / "src" / "pypimirror").rglob("*.py")]
    code = "import sys, parts; print(*(parts.part(f'main (cli.py:1);run ({path}:7);loads (json/decoder.py:3)') " \
           "for path in sys.argv[1:]), '', *parts.PARTS, sep='\\n')"
    told = subprocess.run([sys.executable, "-c", code, *modules], cwd=CHECKOUT / "benchmarks", text=True, check=True,
                          capture_output=True).stdout
    found, names = (text.split("\n") for text in told.rstrip("\n").split("\n\n"))
    assert len(found) == len(modules)
    assert set(found) == set(names)
    assert dict(zip(modules, found, strict=True))["pypimirror/storage/filesystem.py"] == "files and folders"
