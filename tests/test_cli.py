"""The command line: usage, exit statuses, and one clear line for what is wrong."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import zc.lockfile

from pypimirror import cli
from pypimirror.mirror import Mirror
from pypimirror.zcml.plugins import read
from support.mirror import Mirrored
from support.upstream import Upstream, wheel

Captured = pytest.CaptureFixture[str]


def one_line(capsys: Captured) -> str:
    """Return what was printed to stderr, which must be one line."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("arguments", [
    [], ["-I"], ["x.cfg"], ["x.cfg", "frobnicate"], ["x.cfg", "-I", "-U"], ["x.cfg", "status", "extra"],
    ["x.cfg", "sync", "--json"], ["x.cfg", "sync", "--xyzzy"]])
def test_wrong_usage_ends_with_2_and_the_usage(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(None, arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("usage: pypimirror CONFIG [VERB] [OPTIONS]\n")


def test_unknown_verb_names_the_nearest(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        cli.main(None, ["x.cfg", "snyc"])
    assert "did you mean 'sync'?" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "message"), [
    (["x.cfg", "sync", "--dry-rum"], "unknown option '--dry-rum'; did you mean '--dry-run'?"),
    (["x.cfg", "sync", "--xyzzy=1"], "unknown option '--xyzzy'"),
    (["x.cfg", "status", "--max-age", "a day"], "--max-age 'a day': must be a number"),
    (["x.cfg", "serve", "--port", "http"], "--port 'http': must be a whole number"),
])
def test_wrong_options_are_named_in_our_words(arguments: list[str], message: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(None, arguments)
    assert (end.value.code, capsys.readouterr().err.splitlines()[-1]) == (2, f"pypimirror: error: {message}")


@pytest.mark.parametrize(("key", "arguments"), [
    ("log_filename", ()), ("report_filename", ()), ("metrics_filename", ()), ("log_filename", ("-f", "missing/x")),
    ("report_filename", ("--report", "missing/x"))])
@pytest.mark.parametrize("verb", ["sync", "verify"])
def test_folders_of_files_elsewhere_are_not_made(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, key: str, arguments: tuple[str, ...], verb: str) -> None:
    if verb == "verify" and "--report" in arguments:
        pytest.skip("verify has no report")
    if not arguments:
        mirrored.settings[key] = "missing/x"
    assert mirrored.run(verb, *arguments) == 2
    line = one_line(capsys)
    assert line.startswith(f"pypimirror: {key}: ") and line.endswith("/missing does not exist; create it, or correct the path")
    assert not mirrored.root.exists() and not (mirrored.config.parent / "missing").exists()


def test_a_log_in_the_mirrors_own_folders_needs_no_folder_yet(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings["log_filename"] = mirrored.root / "pypimirror.log"
    assert mirrored.run("sync") == 0
    assert (mirrored.root / "pypimirror.log").stat().st_size


@pytest.mark.parametrize(("entry", "name"), [
    ("pypimirror-1.0.16.dist-info", "pypimirror 1.0.16"), ("z3c.pypimirror-1.0.15-py2.5.egg", "z3c.pypimirror 1.0.15"),
    ("z3c_pypimirror-1.0.15.egg-info", "z3c.pypimirror 1.0.15")])
def test_an_older_distribution_in_the_same_environment_is_reported(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured,
        entry: str, name: str) -> None:
    upstream.add("one", wheel("one", "1"))
    (tmp_path / "site" / entry).mkdir(parents=True)
    (tmp_path / "site" / "pypimirror_plugin-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert mirrored.run("sync") == 0
    log = (mirrored.root / ".pypimirror/pypimirror.log").read_text()
    assert f"WARNING {name} is installed in {tmp_path}/site and has a " in log
    assert log.count("is installed in") == 1
    capsys.readouterr()
    assert mirrored.run("config") == 0
    assert f"pypimirror: {name} is installed in" in capsys.readouterr().err


def test_missing_configuration_is_named(tmp_path: Path, capsys: Captured) -> None:
    assert cli.main(None, [str(tmp_path / "none.cfg"), "sync"]) == 2
    assert one_line(capsys) == f"pypimirror: {tmp_path}/none.cfg: can't be read: No such file or directory"


@pytest.mark.parametrize(("text", "message"), [
    ("[DEFAULT]\nmirror_file_pth = x\n", "unknown key 'mirror_file_pth'; did you mean 'mirror_file_path'?"),
    ("[DEFAULT]\nbase_url = http://a\n", "the key 'mirror_file_path' is missing"),
    ("[DEFAULT]\nmirror_file_path = x\nworkers = many\n", "workers = 'many': must be a whole number"),
    ("[DEFAULT]\nmirror_file_path = x\nbase_url = ftp://a\n", "base_url = 'ftp://a': must be a URL"),
    ("[DEFAULT]\nmirror_file_path = x\n", "no project is selected"),
    ("[DEFAULT]\nmirror_file_path = x\npackage_matches = *\nfetcher = pigeon\n", "fetcher = 'pigeon'"),
    ("[DEFAULT]\nmirror_file_path = x\npackage_matches = *\nfilters = sieve\n", "filters = 'sieve'"),
    ("[DEFAULT]\nmirror_file_path = x\npackage_matches = *\nindex_url = gopher://a/\n", "index_url = 'gopher"),
    ("[mirror]\nmirror_file_path = x\n", "unknown section [mirror]"),
    ("mirror_file_path = x\n", "no section headers"),
    ("[DEFAULT]\nmirror_file_path = \xff\n", "UTF-8"),
])
def test_a_wrong_configuration_is_one_line_and_touches_nothing(
        tmp_path: Path, capsys: Captured, text: str, message: str) -> None:
    config = tmp_path / "pypimirror.cfg"
    config.write_bytes(text.encode("latin-1"))
    assert cli.main(None, [str(config), "sync"]) == 2
    assert message in one_line(capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pypimirror.cfg"]


def test_unreadable_configuration_is_named(tmp_path: Path, capsys: Captured) -> None:
    assert cli.main(None, [str(tmp_path), "sync"]) == 2
    assert f"{tmp_path}: can't be read" in one_line(capsys)


def test_unreachable_upstream_is_named_and_nothing_is_lost(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        mirrored.settings["index_url"] = f"http://user:secret@127.0.0.1:{port}/simple/"
        capsys.readouterr()
        assert mirrored.run("sync") == 1
    line = one_line(capsys)
    assert re.search(rf"http://127\.0\.0\.1:{port}/simple/: (Connection refused|.*Could not connect to server)", line)
    assert "secret" not in line
    assert mirrored.tree() == before


def test_a_place_that_cant_be_written_is_named(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    blocked = mirrored.root.parent / "file"
    blocked.write_text("")
    mirrored.settings["mirror_file_path"] = blocked / "mirror"
    assert mirrored.run("sync") == 2
    assert str(blocked) in one_line(capsys)


def test_a_directory_that_is_no_mirror_is_refused(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    (mirrored.root / "precious").mkdir(parents=True)
    assert mirrored.run("sync") == 2
    assert "neither empty nor a mirror" in one_line(capsys)
    assert [path.name for path in mirrored.root.iterdir()] == ["precious"]


def test_files_of_others_are_left_alone(mirrored: Mirrored, upstream: Upstream) -> None:
    mirrored.root.mkdir()
    (mirrored.root / "robots.txt").write_text("User-agent: *")
    (mirrored.root / ".htaccess").write_text("Options -Indexes")
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    assert mirrored.run("-I") == 0
    assert {"robots.txt", ".htaccess"} <= set(mirrored.paths())


def test_a_second_run_ends_with_3(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    lock = zc.lockfile.LockFile(str(mirrored.root / ".pypimirror/lock"))
    try:
        capsys.readouterr()
        assert mirrored.run("sync") == 3
        assert "another run holds the lock" in one_line(capsys)
        assert mirrored.run("sync", "-q") == 3
        assert capsys.readouterr().err == ""
    finally:
        lock.close()


def test_the_mirrors_own_folder_is_for_its_owner_alone(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    assert stat.S_IMODE((mirrored.root / ".pypimirror").stat().st_mode) == 0o700


def test_under_cron_a_good_run_prints_nothing(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    done = mirrored.command("-U")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    log = (mirrored.root / ".pypimirror/pypimirror.log").read_text()
    assert re.search(r"first fetch: 1 projects, 1 files with .* to fetch, .* free", log)


def test_on_a_terminal_progress_is_shown(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    leader, follower = os.openpty()
    with subprocess.Popen([sys.executable, "-m", "pypimirror", mirrored.write(), "sync"], stdin=follower, stdout=follower,
                          stderr=follower) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                block = os.read(leader, 4096)
            except OSError:  # Linux says EIO when the other side is closed
                break
            if not block:
                break
            shown += block
    os.close(leader)
    assert process.returncode == 0
    assert b"first fetch: 1 projects, 1 files" in shown


def test_options_may_stand_before_the_configuration(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    log = mirrored.root.parent / "other.log"
    assert cli.main(None, ["-U", "-v", "-f", str(log), mirrored.write()]) == 0
    assert "one-1-py3-none-any.whl fetched" in log.read_text()


def test_status_counts_yanked_files_that_are_listed_and_hidden(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"), yanked="broken")
    upstream.add("one", wheel("one", "3"))
    upstream.add("two", wheel("two", "1"), yanked=True)

    def counted() -> tuple[int, int]:
        capsys.readouterr()
        assert mirrored.run("status", "--json") == 0
        status = json.loads(capsys.readouterr().out)
        return status["yanked"], status["yanked_hidden"]

    assert mirrored.run("sync") == 0
    assert counted() == (3, 0)
    mirrored.settings["yanked"] = "hide"
    assert mirrored.run("-U") == 0
    assert counted() == (0, 3)
    assert mirrored.files("one") == ["one-3-py3-none-any.whl"]
    # What is pinned stays.
    (tmp_path / "requirements.txt").write_text("one==2\n")
    mirrored.settings["requirements"] = "requirements.txt"
    assert mirrored.run("-U") == 0
    assert counted() == (1, 2)
    assert mirrored.run("status") == 0
    assert re.search(r"yanked hidden +2\n", capsys.readouterr().out)


def test_status_tells_of_runs_sums_and_errors(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"), yanked="broken")
    upstream.add("two", wheel("two", "1"))
    assert mirrored.run("status", "--max-age", "1") == 1
    assert mirrored.run("sync") == 0
    upstream.answers["/simple/two/"] = (500, {}, b"")
    upstream.touch("two")
    assert mirrored.run("sync") == 1
    capsys.readouterr()
    assert mirrored.run("status", "--json", "--max-age", "1") == 0
    status = json.loads(capsys.readouterr().out)
    sizes = sum(len(body) for path, body in mirrored.tree().items() if path.endswith(".whl"))
    assert (status["projects"], status["files"], status["bytes"], status["yanked"]) == (2, 3, sizes, 2)
    assert status["errors"][0]["project"] == "two"
    assert "status 500" in status["errors"][0]["error"]
    assert mirrored.run("status", "--max-age", "0") == 1
    assert "two: http" in capsys.readouterr().out


def test_config_shows_values_with_their_origin_and_components_with_their_line(
        mirrored: Mirrored, capsys: Captured) -> None:
    mirrored.settings["index_url"] = "https://user:secret@pypi.example.com/simple/"
    assert mirrored.run("config") == 0
    shown = capsys.readouterr().out
    assert f"package_matches = *    # {mirrored.config} [DEFAULT]" in shown
    assert "workers = 50    # default" in shown
    assert "secret" not in shown
    assert re.search(r"Fetcher 'requests': pypimirror.http.requests_fetcher.RequestsFetcher    # .*configure.zcml:\d+", shown)


def test_config_shows_quantities_as_they_were_written(mirrored: Mirrored, capsys: Captured) -> None:
    mirrored.settings |= {"min_age": "2d", "min_free": "1G", "confirm_above": "7 projects"}
    assert mirrored.run("config") == 0
    shown = capsys.readouterr().out
    for line in ("min_age = 2d ", "min_age_fixes = 1d ", "min_free = 1G ", "confirm_above = 7 projects "):
        assert f"\n{line}   # " in shown


def test_the_example_configuration_is_one_that_works(tmp_path: Path, capsys: Captured) -> None:
    assert cli.main(None, [str(tmp_path / "new.cfg"), "config", "--example"]) == 0
    config = tmp_path / "new.cfg"
    config.write_text(capsys.readouterr().out)
    assert cli.main(None, [str(config), "config"]) == 0
    shown = capsys.readouterr().out
    assert f"mirror_file_path = {tmp_path}/mirror " in shown
    # A first sync of it fetches two small projects.
    assert Mirror(read(str(config))).selection.exact == {"iniconfig", "zc-lockfile"}
    assert "package_matches = iniconfig zc.lockfile " in shown


@pytest.mark.parametrize("verb", ["status", "config", "plan", "trash list"])
def test_quiet_leaves_what_is_for_people_alone_unprinted(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, verb: str) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    assert mirrored.run(*verb.split()) == 0
    assert capsys.readouterr().out
    assert mirrored.run(*verb.split(), "-q") == 0
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), err) == (1 if verb == "plan" else 0, "")  # plan: the totals
    if verb != "config":
        assert mirrored.run(*verb.split(), "-q", "--json") == 0
        assert json.loads(capsys.readouterr().out) is not None
    mirrored.settings["workers"] = "many"
    assert mirrored.run(*verb.split(), "-q") == 2
    assert "workers" in one_line(capsys)


def test_quiet_leaves_the_age_to_the_exit_status(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    assert mirrored.run("status", "-q", "--max-age", "1") == 1
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    assert mirrored.run("status", "-q", "--max-age", "1") == 0
    assert capsys.readouterr() == ("", "")


def test_quiet_still_tells_what_a_plan_could_not_look_at(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    upstream.answers["/simple/one/"] = (500, {}, b"")
    assert mirrored.run("plan", "-q") == 1
    problem, totals = capsys.readouterr().out.splitlines()
    assert problem == f"problem   one: {upstream.url}one/: status 500" and "0 files" in totals


def test_help_imports_nothing_heavy() -> None:
    code = ("import sys; from pypimirror import cli\n"
            "try: cli.main(None, ['--help'])\n"
            "except SystemExit: pass\n"
            "heavy = 'requests', 'zope', 'packaging', 'sqlite3', 'zc.buildout', 'waitress'\n"
            "print([name for name in heavy if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n"), done.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission_to_write_is_named(mirrored: Mirrored, capsys: Captured) -> None:
    mirrored.root.mkdir()
    mirrored.root.chmod(0o555)
    assert mirrored.run("sync") == 2
    assert f"{mirrored.root}: can't be written by " in one_line(capsys)


def test_status_changes_nothing_also_where_the_state_is_damaged(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    state = mirrored.root / ".pypimirror/state.sqlite"
    state.write_bytes(b"this is no database" * 1000)
    capsys.readouterr()
    assert mirrored.run("status") == 1
    assert "state.sqlite: can't be read" in one_line(capsys)
    assert state.read_bytes().startswith(b"this is no database")


def test_status_tells_how_the_last_run_ended(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    mirrored.settings["versions"] = "missing.cfg"
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 1
    capsys.readouterr()
    assert mirrored.run("status", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status["last_status"] == 1
    assert "missing.cfg" in status["problems"][0]


@pytest.mark.parametrize("hours", ["nan", "-1", "inf"])
def test_an_age_that_is_none_is_refused(mirrored: Mirrored, capsys: Captured, hours: str) -> None:
    assert mirrored.run("status", f"--max-age={hours}") == 2
    assert "--max-age" in one_line(capsys)


@pytest.mark.parametrize("key", ["log_filename", "state_path", "lock_file_name"])
def test_a_path_that_cant_be_is_wrong_configuration_and_names_its_key(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, key: str) -> None:
    blocked = mirrored.root.parent / "file"
    blocked.write_text("")
    mirrored.settings[key] = blocked / "below"
    assert mirrored.run("sync") == 2
    line = one_line(capsys)
    assert key in line
    assert str(blocked) in line




@pytest.mark.parametrize("verb", [
    ("client", "pip"), ("webserver", "nginx"), ("serve", "--port", "0"), ("status",), ("trash", "list"), ("config",)])
def test_every_verb_refuses_an_unknown_key(
        mirrored: Mirrored, capsys: pytest.CaptureFixture[str], verb: tuple[str, ...]) -> None:
    mirrored.settings["base_ulr"] = "https://pypi.example.com"
    assert mirrored.run(*verb) == 2
    assert "unknown key 'base_ulr'; did you mean 'base_url'?" in capsys.readouterr().err


def test_the_garbage_collector_is_set_in_processes_of_this_program_alone() -> None:
    code = ("import gc, sys; from contextlib import suppress; from pypimirror import cli\n"
            "for argv in (['--version'], None):\n"
            "    with suppress(SystemExit): cli.main(None, argv)\n"
            "    print(gc.get_threshold()[0], gc.get_freeze_count())")
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=True)
    within, alone = ([int(word) for word in line.split()] for line in done.stdout.splitlines() if line[0].isdecimal())
    assert within[0] < 10_000 < alone[0]
    assert within[1] == 0 < alone[1]
