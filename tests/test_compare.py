"""The comparison with peers, with ourselves as the only one: it measures, and what it finds wrong it does not let pass."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import servers
from support.wheelhouse import CHECKOUT

BENCHMARKS = CHECKOUT / "benchmarks"
LUA = Path("/usr/share/nginx/modules/ngx_http_lua_module.so")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all runs keep what they make, so that upstream is made once."""
    if shutil.which("nginx") is None or not LUA.exists():
        pytest.skip("nginx or its Lua module is not installed")
    return tmp_path_factory.mktemp("bench")


def command(root: Path, *arguments: str, port: int | None = None) -> tuple[list[str], dict[str, str]]:
    """Give the command and its environment: a port of this test process alone, nothing of what the shell says."""
    number = 21_000 + os.getpid() % 10_000
    environ = {name: value for name, value in os.environ.items() if not name.startswith("BENCH_")}
    environ |= {"BENCH_ROOT": str(root), "BENCH_PORT": str(port or number), "BENCH_OURS": sys.executable,
                "PYTHONPATH": os.pathsep.join(map(os.path.abspath, os.environ.get("PYTHONPATH", "src").split(os.pathsep)))}
    return [sys.executable, str(BENCHMARKS / "compare.py"), "--size", "trial", "--rounds", "1", *arguments], environ


def compared(root: Path, *arguments: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    line, environ = command(root, *arguments, port=port)
    return subprocess.run(line, capture_output=True, text=True, env=environ)


def test_programs_write_bytecode_as_installed_ones_have_it(tmp_path: Path) -> None:
    code = "import sys; sys.path.insert(0, {!r}); from measure import run\n" \
           "sys.exit(run([sys.executable, '-c', {!r}], {!r})['rc'])"
    flag = "import sys; sys.exit(sys.flags.dont_write_bytecode)"
    subprocess.run([sys.executable, "-c", code.format(str(BENCHMARKS), flag, str(tmp_path / "log"))], check=True,
                   env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


@pytest.mark.heavy
def test_all_kinds_of_work_on_the_usual_projects_are_measured_and_told(root: Path) -> None:
    done = compared(root, "--only", "first", "nothing", "changed", "verify", "--peers", "pm")
    assert done.returncode == 0, done.stderr
    assert (root / "results.rst").read_text(encoding="utf-8") == done.stdout
    rows = {(match[1].strip(), match[2]): match[3] for match in re.finditer(
        r"^(.{10,60}?)  +(pm\S*) +[\d.]+ \[[\d.]+-[\d.]+\] +[\d.]+ +\d+ +\d+ +(\d+)$", done.stdout, re.MULTILINE)}
    titles = [f"100 projects, {what}" for what in ("first fetch", "nothing changed", "1% changed", "verify")]
    assert list(rows) == [(title, "pm") for title in titles]
    assert rows["100 projects, first fetch", "pm"] == "601"
    assert rows["100 projects, nothing changed", "pm"] == "1"
    assert rows["100 projects, verify", "pm"] == "0"
    assert not (root / "pypimirror-mirrors").exists()
    kept = [json.loads(line)["work"] for line in (root / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [work for work in kept if "growth" not in work] == (
        ["first"] + ["nothing"] * 2 + ["changed"] * 2 + ["verify"])
    # What changed upstream is not there in the next run.
    assert (later(root, "projects-100"), later(root, "projects-100-changing")) == (0, 1)


def later(root: Path, tree: str) -> int:
    """Give how many projects of a tree have a release that came with a change."""
    pages = (root / "trees" / tree / "www" / "json").iterdir()
    return sum("2.1" in json.loads(page.read_text(encoding="utf-8"))["releases"] for page in pages)


def test_a_mirror_that_lacks_something_is_no_result(root: Path) -> None:
    done = compared(root, "--only", "growth-100", "--peers", "pm-filename_matches=*.whl")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "pm-filename_matches=*.whl, 100 small projects: 100 missing, 200 bad_pages"
    assert done.stdout == ""


@pytest.mark.heavy
def test_how_work_grows_is_a_table_of_its_own(root: Path) -> None:
    done = compared(root, "--only", "growth-100", "--peers", "pm-w2", "pm-workers=2")
    assert done.returncode == 0, done.stderr
    for peer in ("pm-w2", "pm-workers=2"):
        row = re.search(rf"^100 small projects +{peer} +([\d.]+) \[\S+\] +([\d.]+) +\d+ +\d+$", done.stdout, re.MULTILINE)
        assert row is not None
        assert float(row[2]) == pytest.approx(10 * float(row[1]), abs=0.06)
    assert "Times as fast" not in done.stdout


def test_a_run_that_is_interrupted_leaves_nothing_running_and_the_next_one_works(root: Path) -> None:
    line, environ = command(root, "--only", "growth-100", "--peers", "pm", "--rounds", "1000000")
    with subprocess.Popen(line, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()  # of the first that has been measured
        other = compared(root, "--only", "growth-100", "--peers", "pm")
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read().splitlines()
    assert (process.returncode, rest[-1]) == (1, "interrupted")
    assert (other.returncode, other.stderr) == (1, f"{root}: another comparison is under way there\n")
    servers.until(lambda: not [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(root).encode() in said(path)])
    assert compared(root, "--only", "growth-100", "--peers", "pm").returncode == 0


def said(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


@pytest.mark.parametrize(("damage", "found"), [
    (lambda home: (home / "index.v1_json").write_text("{}"), "bad_pages"),
    (lambda home: (home / "index.html").unlink(), "bad_pages"),
    (lambda home: (home.parent / "index.html").write_text("<a href='nothing/'></a>"), "bad_pages"),
    (lambda home: (home.parent / "index.v1_json").write_text("{}"), "bad_pages"),
    (lambda home: next(home.glob("*.whl")).write_bytes(b""), "bad_hash"),
    (lambda home: next(home.glob("*.metadata")).unlink(), "missing"),
    (lambda home: (home / "more.txt").write_text("x"), "extra"),
    (lambda home: (home.parent / "left-over").mkdir(), "extra")])
def test_what_is_wrong_with_a_mirror_is_counted(
        damage: Callable[[Path], object], found: str, mirrored: tuple[Path, Path]) -> None:
    assert checked(*mirrored) == {"missing": 0, "bad_hash": 0, "extra": 0, "bad_pages": 0}
    damage(next(path.parent for path in sorted(mirrored[1].glob("*/index.html"))))
    assert checked(*mirrored) == {"missing": 0, "bad_hash": 0, "extra": 0, "bad_pages": 0, found: 1}


@pytest.fixture
def mirrored(tmp_path: Path) -> tuple[Path, Path]:
    """A tree of three projects, and a mirror of it made by hand."""
    tree, mirror = tmp_path / "tree", tmp_path / "mirror"
    line = [sys.executable, BENCHMARKS / "upstream.py", "generate", tree, "--projects", "3", "--files", "2"]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    pages = tree / "www" / "simple"
    for page in pages.rglob("index.*"):
        place = mirror / page.relative_to(pages).with_suffix(".html" if page.suffix == ".html" else ".v1_json")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(page, place)
    for path in (tree / "www" / "json").iterdir():
        for file in (file for release in json.loads(path.read_text())["releases"].values() for file in release):
            for beside in ("", ".metadata") if file["core-metadata"] else ("",):
                there = tree / "www" / "packages" / f"{file['url'].partition('/packages/')[2]}{beside}"
                shutil.copyfile(there, mirror / path.name / f"{file['filename']}{beside}")
    return tree, mirror


def checked(tree: Path, mirror: Path) -> dict[str, int]:
    line = [sys.executable, BENCHMARKS / "verify_mirror.py", tree, mirror, "--flat"]
    done = subprocess.run(line, capture_output=True, text=True)
    wrong = {key: value for key, value in json.loads(done.stdout).items() if key not in ("files", "bytes", "projects")}
    assert done.returncode == any(wrong.values())
    return wrong


def test_a_program_that_fails_is_named_with_its_log(root: Path) -> None:
    done = compared(root, "--only", "growth-100", "--peers", "pm-workers=none")
    assert done.returncode == 1
    log = root / "logs" / "small-100-pm-workers=none.log"
    assert done.stderr.splitlines()[-1] == f"pm-workers=none: status 2; see {log}"
    assert "whole number" in log.read_text(encoding="utf-8")


@pytest.mark.heavy
def test_a_port_that_is_taken_is_named(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        done = compared(root, "--only", "growth-100", "--peers", "pm", port=number)
    assert done.returncode == 1
    assert f"nginx on port {number}: " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(("arguments", "named"), [
    (("--peers", "b9-w10"), "--peers b9-w10: none of pm"), (("--peers", "b8-w11"), "--peers b8-w11: none of pm"),
    (("--peers", "pm", "pm"), "--peers pm pm: one of them twice"),
    (("--only", "growth-10000"), "--only growth-10000: none of first, "),
    (("--rounds", "0"), "--rounds 0: at least one"),
    (("--only", "some"), "--only some: none of first, ")])
def test_what_it_does_not_know_is_refused(root: Path, arguments: tuple[str, ...], named: str) -> None:
    done = compared(root, *arguments)
    assert done.returncode == 2
    assert named in done.stderr.splitlines()[-1]


def test_each_part_of_a_profile_has_modules_and_each_module_a_part() -> None:
    modules = [str(path.relative_to(CHECKOUT / "src")) for path in (CHECKOUT / "src" / "pypimirror").rglob("*.py")]
    code = "import sys, parts; print(*(parts.part(f'main (cli.py:1);run ({path}:7);loads (json/decoder.py:3)') " \
           "for path in sys.argv[1:]), '', *parts.PARTS, sep='\\n')"
    told = subprocess.run([sys.executable, "-c", code, *modules], cwd=BENCHMARKS, text=True, check=True,
                          capture_output=True).stdout
    found, names = (text.split("\n") for text in told.rstrip("\n").split("\n\n"))
    assert len(found) == len(modules)
    assert set(found) == set(names)
    assert dict(zip(modules, found, strict=True))["pypimirror/storage/filesystem.py"] == "files and folders"
