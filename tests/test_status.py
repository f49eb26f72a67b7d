"""``status``: the run under way, an interrupted one, one that failed before it began, for its owner and for other users."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zc.lockfile

from pypimirror.report import run_record
from support import wheelhouse
from support.dask_cluster import wait_for
from support.json_schema import violations
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

Captured = pytest.CaptureFixture[str]
SCHEMA = json.loads((wheelhouse.CHECKOUT / "docs" / "status.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def status(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> Callable[..., dict[str, Any]]:
    """Return a function that returns the JSON of ``status``, which conforms to its schema."""
    upstream.add("one", wheel("one", "1"))

    def read(*arguments: str, expected: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        assert mirrored.run("status", "--json", *arguments) == expected
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert list(violations(found, SCHEMA, "status")) == []
        return found

    return read


def test_before_the_first_run_there_is_no_state(mirrored: Mirrored, status: Any) -> None:
    found = status()
    assert (found["state"], found["running"], found["last_run"], found["age_seconds"]) == ("missing", None, None, None)
    status("--max-age", "1", expected=1)


def test_after_a_run_its_age_is_known(mirrored: Mirrored, status: Any) -> None:
    assert mirrored.run("sync") == 0
    found = status("--max-age", "1")
    assert (found["state"], found["running"], found["interrupted"], found["failed"], found["held_back"]) == (
        "read", None, None, None, None)
    assert 0 <= found["age_seconds"] < 3600


def test_a_run_under_way_and_its_end_by_force_are_shown(
        mirrored: Mirrored, upstream: Upstream, status: Any, capsys: Captured) -> None:
    go = threading.Event()

    def answer(handler: Any) -> None:
        go.wait(60)
        handler.reply(*upstream.respond(handler.path, handler.headers))

    upstream.answers["/simple/one/"] = answer
    mirrored.settings["timeout"] = 60
    with subprocess.Popen([sys.executable, "-m", "pypimirror", mirrored.write(), "sync"]) as process:
        wait_for(lambda: "/simple/one/" in upstream.requests)
        running = status()["running"]
        assert (running["pid"], running["kind"], running["phase"], running["done"], running["of"]) == (
            process.pid, "update", "evaluating", 0, 1)
        assert mirrored.run("status") == 0
        shown = capsys.readouterr().out
        assert f"running        update, process {process.pid}, since {running['since']}, evaluating 0 of 1 projects\n" in shown
        assert mirrored.run("sync") == 3
        assert capsys.readouterr().err.endswith(
            f"lock: another run holds the lock: process {process.pid}, update since {running['since']}\n")
        process.send_signal(signal.SIGKILL)
    go.set()
    found = status()
    assert (found["running"], found["interrupted"]) == (None, running)
    upstream.answers.clear()
    assert mirrored.run("sync") == 0
    assert status()["interrupted"] is None


def test_a_lock_without_a_record_is_no_run_that_was_interrupted(mirrored: Mirrored, status: Any) -> None:
    assert mirrored.run("sync") == 0
    lock = mirrored.root / ".pypimirror/lock"
    for content in (b"", b" 1x\n", b"junk \xff", b" 99999999999999999999\n{}", b" 4194304\n[1]"):
        lock.write_bytes(content)
        found = status()
        assert (found["running"], found["interrupted"]) == (None, None)
    held = zc.lockfile.LockFile(str(lock))
    try:
        assert status()["running"] == dict.fromkeys(("kind", "since", "phase", "done", "of")) | {"pid": os.getpid()}
    finally:
        held.close()


def test_another_process_with_the_same_number_is_no_run() -> None:
    run = run_record.RecordedRun(os.getpid(), "update", 1.0, "evaluating")
    assert not run.is_running
    assert run.was_interrupted
    assert run_record.RecordedRun(1, "update", 4e9, "evaluating").is_running


def test_a_run_that_failed_before_it_began_is_shown_until_one_begins(
        mirrored: Mirrored, status: Any, capsys: Captured) -> None:
    assert mirrored.run("sync") == 0
    mirrored.settings["fetcher"], fetcher = "pigeon", mirrored.settings["fetcher"]
    assert mirrored.run("sync") == 2
    mirrored.settings["fetcher"] = fetcher
    failed = status()["failed"]
    assert failed["status"] == 2
    assert "pigeon" in failed["error"]
    assert mirrored.run("status") == 0
    assert f"failed         before it began, at {failed['when']}: " in capsys.readouterr().out
    assert mirrored.run("sync") == 0
    assert status()["failed"] is None


def test_a_failure_is_not_written_where_there_is_no_mirror(mirrored: Mirrored) -> None:
    mirrored.settings["fetcher"] = "pigeon"
    assert mirrored.run("sync") == 2
    assert not mirrored.root.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_root_leaves_no_failure_that_the_owner_of_the_mirror_cant_read(mirrored: Mirrored, status: Any) -> None:
    assert mirrored.run("sync") == 0
    own = mirrored.root / ".pypimirror"
    os.chown(own, 65534, 65534)
    mirrored.settings["fetcher"], fetcher = "pigeon", mirrored.settings["fetcher"]
    assert mirrored.run("sync") == 2
    mirrored.settings["fetcher"] = fetcher
    assert not (own / run_record.FAILURE).exists()
    os.chown(own, 0, 0)
    assert status()["failed"] is None


def test_retained_and_unavailable_releases_and_held_back_removals_are_shown(
        mirrored: Mirrored, upstream: Upstream, status: Any, tmp_path: Path, capsys: Captured) -> None:
    pins = tmp_path / "versions.cfg"
    mirrored.settings |= {"versions": pins, "package_matches": None}
    upstream.add("one", wheel("one", "2"))
    pins.write_text("[versions]\none = 1\n")
    assert mirrored.run("sync") == 0
    pins.write_text("[versions]\none = 2\nlost = 1\n")
    assert mirrored.run("sync") == 1
    found = status()
    [retained] = found["retained"]
    assert (retained["project"], retained["version"]) == ("one", "1")
    assert [one["project"] for one in found["unavailable"]] == ["lost"]
    assert mirrored.run("status") == 0
    assert f"  one 1 until {retained['until']}\n" in capsys.readouterr().out
    mirrored.settings |= {"versions": None, "package_matches": "*", "retain_days": 0}
    mirrored.run("sync")
    mirrored.run("sync")
    assert status()["retained"] == []


def test_held_back_removals_are_named(mirrored: Mirrored, upstream: Upstream, status: Any) -> None:
    for number in range(12):
        upstream.add(f"p{number}", wheel(f"p{number}", "1"))
    assert mirrored.run("sync") == 0
    for number in range(12):
        upstream.remove(f"p{number}")
    assert mirrored.run("sync") == 4
    found = status()
    assert found["held_back"] and found["held_back"] in found["problems"]


@contextmanager
def other_user() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_another_user_sees_what_is_public_and_cant_tell_the_age(
        mirrored: Mirrored, upstream: Upstream, status: Any, capsys: Captured) -> None:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        mirrored.root, mirrored.config = folder / "mirror", folder / "pypimirror.cfg"
        mirrored.settings["mirror_file_path"] = mirrored.root
        assert mirrored.run("sync") == 0
        mirrored.root.chmod(0o755)
        config = mirrored.write()
        run = ["status", "--max-age", "1000"]
        from pypimirror import cli

        with other_user():
            capsys.readouterr()
            assert cli.main(None, [config, "status", "--json"]) == 0
            found = json.loads(capsys.readouterr().out)
            assert cli.main(None, [config, *run]) == 5
            shown = capsys.readouterr()
            assert [cli.main(None, [config, verb]) for verb in ("plan", "sync", "verify")] == [2, 2, 2]
            assert capsys.readouterr().err.count(
                ".pypimirror: owned by root, but this process runs as nobody; run it as the owner of the mirror\n") == 3
        assert list(violations(found, SCHEMA, "status")) == []
        assert (found["state"], found["projects"], found["files"], found["age_seconds"]) == ("unreadable", 1, None, None)
        assert found["pages_written"]
        assert "state          the state can't be read by this user" in shown.out
        assert re.search(r"projects +1\n", shown.out)
        assert not re.search("^errors|^missed|never", shown.out, re.MULTILINE)  # unknown
        assert shown.err.endswith("by this user; call status as the owner of the mirror to see it all\n")
    finally:
        shutil.rmtree(folder)


def test_the_age_of_a_mirror_whose_state_is_damaged_is_unknown(
        mirrored: Mirrored, status: Any, capsys: Captured) -> None:
    assert mirrored.run("sync") == 0
    (mirrored.root / ".pypimirror/state.sqlite").write_bytes(b"this is no database" * 1000)
    assert mirrored.run("status") == 1
    assert mirrored.run("status", "--max-age", "1") == 5
    assert capsys.readouterr().err.count("can't be read") == 2


def test_the_example_in_the_documentation_conforms_to_the_schema() -> None:
    text = (wheelhouse.CHECKOUT / "docs" / "status.rst").read_text(encoding="utf-8")
    example = re.search(r"^    \{\n.*?^    \}\n", text, re.MULTILINE | re.DOTALL)
    assert example is not None
    assert list(violations(json.loads(example[0]), SCHEMA)) == []


def test_every_field_of_the_schema_is_described_and_required() -> None:
    for name, field in SCHEMA["properties"].items():
        assert field["description"].endswith("."), name
    assert sorted(SCHEMA["required"]) == sorted(SCHEMA["properties"])
