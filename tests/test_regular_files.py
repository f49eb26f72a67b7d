"""What is in the place of a file that is to be written: never waited for, never followed to another user's."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pypimirror import regular_file
from pypimirror.advisories.database import AdvisoryDatabase
from pypimirror.bandersnatch import conversion
from pypimirror.bundles.journal import Journal
from pypimirror.errors import ConfigurationError
from pypimirror.serve.monitor import Monitor
from pypimirror.state.database_file import DatabaseFile
from pypimirror.state.sqlite_file import SQLiteFile
from pypimirror.storage.regular_files import check_regular, open_for_append
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

KINDS = {"a FIFO": os.mkfifo, "a directory": os.mkdir, "a device": lambda path: os.symlink("/dev/null", path),
         "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path))}
KEYS = ["log_filename", "lock_file_name", "report_filename", "metrics_filename"]


#: Modules that read other files than those of other programs or people by ``open``.
READERS = {
    "regular_file.py", "settings/reader.py",  # a configuration may be a pipe, and is limited
    "storage/filesystem.py",  # a descriptor
    "upstream/file_fetcher.py", "serve/missing_projects.py",  # with checks of their own: a FIFO of a log is read
    "state/local_disk.py", "report/run_record.py",  # /proc, and a file of the service's own
    "zcml/plugins.py", "zcml/builtin.py", "zcml/suggestions.py", "commands/plugin.py"}  # parts of packages


def test_files_that_others_make_are_opened_by_one_function() -> None:
    package = Path(regular_file.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
                mode = next((each.value for each in node.args[1:2] if isinstance(each, ast.Constant)), "r")
                if str(mode).startswith("r"):
                    found.add(path.relative_to(package).as_posix())
    assert found == READERS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", KEYS)
def test_what_is_no_regular_file_is_refused_at_once(
        mirrored: Mirrored, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
        key: str, kind: str) -> None:
    upstream.add("one", wheel("one", "1"))
    folder = mirrored.config.parent
    monkeypatch.chdir(folder)  # the path of a socket must be short
    KINDS[kind](Path("place"))
    mirrored.settings[key] = folder / "place"
    # A process of its own: a FIFO that is opened would wait for ever.
    process = subprocess.run([sys.executable, "-m", "pypimirror", mirrored.write(), "sync"], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=120)
    assert process.returncode == 2
    assert process.stderr.count("\n") == 1 and "Traceback" not in process.stderr
    # No link is followed in place of a lock, wherever it leads to.
    assert (kind in process.stderr and key in process.stderr) or (key, kind) == ("lock_file_name", "a device")
    assert os.path.lexists("place")


@pytest.mark.parametrize("name", [".report.json.new", ".figures.prom.new"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_in_the_place_of_a_temporary_file_is_not_waited_for(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, name: str, kind: str) -> None:
    upstream.add("one", wheel("one", "1"))
    monkeypatch.chdir(mirrored.config.parent)
    KINDS[kind](Path(name))
    mirrored.settings |= {"report_filename": "report.json", "metrics_filename": "figures.prom"}
    process = subprocess.run([sys.executable, "-m", "pypimirror", mirrored.write(), "sync"], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=120)
    assert process.returncode == (1 if kind == "a directory" else 0)
    assert process.stderr.count("\n") <= 1 and "Traceback" not in process.stderr


@pytest.mark.parametrize("database", [lambda folder: DatabaseFile(folder, ["name"]), AdvisoryDatabase, Journal])
@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", [*KINDS, "a symbolic link"])
def test_what_sqlite_writes_next_to_a_database_is_a_regular_file(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Callable[[str], SQLiteFile], ending: str, kind: str) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    state = database("state")
    state.open()
    state.close()
    place = state.path + ending
    Path(place).unlink(missing_ok=True)
    (KINDS | {"a symbolic link": lambda path: os.symlink(state.path, path)})[kind](place)
    with pytest.raises(ConfigurationError, match=f"state_path: {place}: {kind}"):
        state.open()


def test_a_run_names_the_file_next_to_its_database_that_it_can_not_use(mirrored: Mirrored) -> None:
    (mirrored.root / ".pypimirror").mkdir(parents=True)
    os.mkfifo(mirrored.root / ".pypimirror" / "state.sqlite-wal")
    process = ran(mirrored, "sync")
    assert process.returncode == 2
    assert process.stderr.count("\n") == 1 and "state.sqlite-wal: a FIFO, not a regular file" in process.stderr


def ran(mirrored: Mirrored, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own: a FIFO that is opened would wait for ever."""
    return subprocess.run([sys.executable, "-m", "pypimirror", mirrored.write(), *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=120)


@pytest.mark.parametrize(("key", "kind", "status"), [
    *[(key, kind, 1) for key in ("requirements", "versions") for kind in KINDS],
    *[("zcml", kind, 2) for kind in KINDS], *[("state_path", kind, 2) for kind in KINDS if kind != "a directory"]])
def test_what_is_read_is_not_waited_for(mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, key: str,
                                        kind: str, status: int) -> None:
    upstream.add("one", wheel("one", "1"))
    monkeypatch.chdir(mirrored.config.parent)
    KINDS[kind](Path("place.zcml"))
    mirrored.settings[key] = mirrored.config.parent / "place.zcml"
    process = ran(mirrored, "sync")
    assert process.returncode == status, process.stderr
    assert process.stderr.count("\n") == 1 and "place.zcml" in process.stderr and "Traceback" not in process.stderr


@pytest.mark.parametrize("line", ["-r {}", "-c {}"])
def test_a_pin_file_that_names_a_fifo_is_refused(mirrored: Mirrored, upstream: Upstream, line: str) -> None:
    upstream.add("one", wheel("one", "1"))
    folder = mirrored.config.parent
    os.mkfifo(folder / "fifo")
    (folder / "pins.txt").write_text(line.format("fifo"))
    mirrored.settings["requirements"] = folder / "pins.txt"
    process = ran(mirrored, "sync")
    assert process.returncode == 1 and "fifo: can't be read: a FIFO, not a regular file" in process.stderr


@pytest.mark.parametrize("verb", ["status", "plan", "verify", "sync"])
def test_a_state_that_is_a_fifo_is_refused(mirrored: Mirrored, upstream: Upstream, verb: str) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    state = mirrored.root / ".pypimirror" / "state.sqlite"
    state.unlink()
    os.mkfifo(state)
    process = ran(mirrored, verb)
    assert process.returncode == 2
    assert process.stderr == f"pypimirror: state_path: {state}: a FIFO, not a regular file\n"


def test_a_record_of_missing_projects_that_is_a_fifo_counts_for_nothing(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    os.mkfifo(mirrored.root / ".pypimirror" / "missed.json")
    assert ran(mirrored, "status").returncode == 0


@pytest.mark.parametrize("name", ["own-1.tar.gz", "own-1-py3-none-any.whl", "own-1.zip"])
def test_a_local_package_that_is_a_fifo_is_reported_and_its_name_stays_taken(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, name: str) -> None:
    upstream.add("own", wheel("own", "2"))
    (tmp_path / "local").mkdir()
    os.mkfifo(tmp_path / "local" / name)
    mirrored.settings |= {"local_packages": tmp_path / "local", "package_matches": "own"}
    process = ran(mirrored, "sync")
    assert process.returncode == 1 and f"{name}: a FIFO, not a regular file" in process.stderr
    assert not list(mirrored.root.rglob("own-2*"))


@pytest.mark.parametrize("name", ["x.cfg"])
def test_a_configuration_that_never_ends_is_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from pypimirror import cli

    (tmp_path / name).symlink_to("/dev/zero")
    assert cli.main(None, [str(tmp_path / name), "config"]) == 2
    assert "larger than" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs files of several users")
@pytest.mark.parametrize("link_owner, file_owner, allowed", [(0, 0, True), (0, 1234, False), (1234, 0, False), (0, None, True),
                                                             (1234, None, False)])
def test_a_link_is_followed_to_files_of_the_own_user_alone(
        tmp_path: Path, link_owner: int, file_owner: int | None, allowed: bool) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    os.lchown(link, link_owner, -1)
    if file_owner is not None:
        target.write_text("theirs")
        os.chown(target, file_owner, -1)
    for opened in (lambda: check_regular(str(link), "log_filename"),
                   lambda: os.close(open_for_append(str(link), "log_filename"))):
        if allowed:
            opened()
        else:
            with pytest.raises(ConfigurationError, match=r"log_filename: .*: a symbolic link that another user made, or to"):
                opened()
    assert target.exists() is (file_owner is not None or allowed)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs files of several users")
def test_a_log_that_is_another_users_behind_a_link_stays_as_it_is(
        mirrored: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    victim = mirrored.config.parent / "victim"
    victim.write_text("theirs")
    os.chown(victim, 1234, 1234)
    (mirrored.config.parent / "x.log").symlink_to(victim)
    mirrored.settings["log_filename"] = mirrored.config.parent / "x.log"
    assert mirrored.run("sync") == 2
    assert victim.read_text() == "theirs"
    assert "log_filename" in capsys.readouterr().err


def test_a_log_on_a_full_disk_is_said_once_and_the_run_goes_on(
        mirrored: Mirrored, upstream: Upstream, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from pypimirror.report import logfile

    upstream.add("one", wheel("one", "1"))
    monkeypatch.setattr(logfile, "open_for_append", lambda path, key: os.open("/dev/full", os.O_WRONLY))
    monkeypatch.setattr(logfile.DailyLog, "_is_replaced", lambda self, number: False)
    assert mirrored.run("sync") == 0
    told = capfd.readouterr().err
    assert told.count("can't be written: No space left on device") == 1
    assert "Traceback" not in told and "Logging error" not in told


def test_a_log_is_private_neither_more_nor_less_than_the_umask_says(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        os.close(open_for_append(str(tmp_path / "x"), "log_filename"))
    finally:
        os.umask(umask)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_figures_and_configurations_of_bandersnatch_that_are_fifos_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    monitor = Monitor(str(tmp_path), str(tmp_path / "fifo"))
    answers: list[str] = []
    body = b"".join(monitor({"PATH_INFO": "/metrics", "REQUEST_METHOD": "GET"}, lambda status, headers: answers.append(status)))
    assert answers == ["503 Service Unavailable"] and b"a FIFO, not a regular file" in body
    with pytest.raises(ConfigurationError, match="a FIFO, not a regular file"):
        conversion.read(str(tmp_path / "fifo"))
