"""``job``: what the recipe's options for cron and systemd make, without a buildout; checked with systemd and logrotate."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pypimirror import cli
from pypimirror.errors import ConfigurationError
from pypimirror.jobs import hardening, identity, logrotate
from pypimirror.serve import activation
from support import published_tree, servers
from support.fake_schedulers import Crontabs, Systemctl
from support.servers import ask

Captured = pytest.CaptureFixture[str]
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")


class World:
    """A configuration with an empty mirror, and programs in place of ``crontab`` and ``systemctl``."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder = folder
        self.config = folder / "py%pi.cfg"
        self.mirror = folder / "mir ror"
        self.mirror.mkdir()
        self.config.write_text(f"[DEFAULT]\nmirror_file_path = {self.mirror}\npackage_matches = six\n"
                               f"log_filename = {folder}/log/mirror.log\n")
        self.crontabs, self.systemctl = Crontabs(folder / "programs"), Systemctl(folder / "programs")
        monkeypatch.setenv("PATH", str(folder / "programs"), prepend=os.pathsep)
        monkeypatch.setenv("HOME", str(folder / "home"))
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        program = folder / "programs" / "pypimirror"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "argv", [str(program)])
        self.command = f"{program} {self.config} --update-fetch -q"
        self.job = identity.identity_of_config(str(self.config))
        self.units = folder / "home" / ".config" / "systemd" / "user"

    def run(self, *arguments: str) -> int:
        return cli.main(None, [str(self.config), "job", *arguments])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def printed_units(world: World, capsys: Captured, folder: Path, *arguments: str) -> list[Path]:
    """Write the units that ``job systemd`` prints to files."""
    assert world.run("systemd", *arguments) == 0
    folder.mkdir()
    found = []
    for part in capsys.readouterr().out.split("# pypimirror-")[1:]:
        name, _, text = part.partition("\n")
        found.append(folder / f"pypimirror-{name}")
        found[-1].write_text(text)
    return found


# --- printed


def test_an_entry_is_printed_with_a_minute_of_its_own(world: World, capsys: Captured) -> None:
    assert world.run("cron") == 0
    times, _, command = capsys.readouterr().out.rstrip("\n").partition(" */6 * * * ")
    assert 1 <= int(times) <= 59
    assert command == world.command.replace("%", "\\%")
    assert world.run("cron", "--times", "@daily", "--user", "mirror", "--command", "true") == 0
    assert capsys.readouterr().out == "@daily mirror true\n"
    assert world.crontabs.changes() == []


def test_a_script_with_a_configuration_built_in_needs_no_other(world: World, capsys: Captured) -> None:
    assert cli.main(str(world.config), ["job", "cron", "--times", "@daily"]) == 0
    assert capsys.readouterr().out == f"@daily {world.folder}/programs/pypimirror --update-fetch -q\n"


@needs_systemd
@pytest.mark.parametrize("arguments", [
    [], ["--times", "@reboot"], ["--serve"], ["--socket"], ["--serve", "--port", "80"], ["--socket", "--host", "::1"]],
    ids=" ".join)
def test_systemd_finds_the_units_right_and_safe(world: World, capsys: Captured, tmp_path: Path, arguments: list[str]) -> None:
    user = getpass.getuser()
    units = printed_units(world, capsys, tmp_path / "units", *arguments, "--user", user if user != "root" else "mail")
    for unit in units:
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
        assert [line for line in (done.stdout + done.stderr).splitlines() if unit.stem in line] == []
        assert done.returncode == 0
        if unit.suffix == ".service":
            done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=29", str(unit)],
                                  capture_output=True, text=True)
            assert done.returncode == 0, done.stdout[-200:]


@needs_systemd
def test_a_service_of_root_and_of_a_user_are_right_too(world: World, capsys: Captured, tmp_path: Path) -> None:
    [service, _] = printed_units(world, capsys, tmp_path / "units", "--user", "root")
    assert "User=" not in service.read_text()
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=29", str(service)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-200:]


def test_a_service_writes_to_the_mirrors_directories_alone(world: World, capsys: Captured) -> None:
    text = world.config.read_text()
    world.config.write_text(f"{text}state_path = {world.mirror}/.pypimirror\nreport_filename = /srv/report/last.json\n")
    assert world.run("systemd") == 0
    shown = capsys.readouterr().out
    assert {line for line in shown.splitlines() if line.startswith("ReadWritePaths=")} == {
        'ReadWritePaths="-/srv/report"', f'ReadWritePaths="-{world.folder}/log"', f'ReadWritePaths="-{world.mirror}"'}
    assert {"ProtectSystem=strict", "NoNewPrivileges=yes"} <= set(shown.splitlines())
    assert "RandomizedDelaySec=5min" in shown
    # Its own command may need anything.
    assert world.run("systemd", "--command", "true") == 0
    assert "ProtectSystem" not in capsys.readouterr().out


@pytest.mark.parametrize("paths, private", [(["/srv/pypi"], True), (["/srv/pypi", "/tmp/x"], False), (["/var/tmp"], False)])
def test_a_private_folder_of_temporary_files_does_not_hide_the_mirror(paths: list[str], private: bool) -> None:
    assert ("PrivateTmp=yes" in hardening.render_restrictions("system", "mirror", paths)) == private


# --- installed


def test_the_crontab_of_the_user_has_it_until_it_is_removed(world: World, capsys: Captured) -> None:
    world.crontabs.table.write_text("# mine\n")
    assert world.run("cron", "--install", "user", "--times", "1 2 * * *") == 0
    entry = f"1 2 * * * {world.command}\n".replace("%", "\\%")
    assert world.crontabs.table.read_text() == f"# mine\n# BEGIN {world.config}\n{entry}# END {world.config}\n"
    assert capsys.readouterr().out == "the entry is in the crontab\n"
    assert world.run("remove") == 0
    assert capsys.readouterr().out == "the entry in the crontab is removed\n"
    assert world.crontabs.table.read_text() == "# mine\n"
    assert world.run("remove") == 0
    assert capsys.readouterr().out == f"no job of {world.config} is installed\n"


def test_a_timer_takes_the_place_of_an_entry_and_a_server_is_one_more(world: World, capsys: Captured) -> None:
    name = world.job.name
    assert world.run("cron", "--install", "user") == 0
    assert world.run("systemd", "--install", "user") == 0
    assert not world.crontabs.table.exists()
    assert world.systemctl.calls() == [f"--user {call}" for call in (
        "daemon-reload", f"enable {name}.timer", f"restart {name}.timer")]
    assert world.run("systemd", "--install", "user") == 0
    assert world.systemctl.calls() == []
    assert world.run("systemd", "--socket", "--install", "user") == 0
    assert world.systemctl.calls() == [f"--user {call}" for call in (
        "daemon-reload", f"enable {name}-serve.socket", f"restart {name}-serve.socket")]
    service = (world.units / f"{name}.service").read_text()
    assert "ProtectSystem" not in service  # needs mount namespaces
    assert "NoNewPrivileges=yes" in service
    capsys.readouterr()
    assert world.run("remove", "-q") == 0
    assert capsys.readouterr().out == ""
    assert list(world.units.iterdir()) == []
    assert world.systemctl.calls()[:2] == [f"--user disable --now {name}.timer", f"--user disable --now {name}-serve.socket"]


def test_what_systemctl_refuses_is_told_and_leaves_no_units(world: World, capsys: Captured) -> None:
    world.systemctl.fail("Failed to connect to bus: No medium found\n")
    assert world.run("systemd", "--install", "user") == 1
    assert capsys.readouterr().err == (
        "pypimirror: systemctl --user daemon-reload failed: Failed to connect to bus: No medium found\n")
    assert list(world.units.iterdir()) == []


@needs_systemd
def test_an_image_has_the_job_without_starting_anything(world: World, capsys: Captured) -> None:
    os.unlink(world.folder / "programs" / "systemctl")  # the real one works below a directory
    root = world.folder / "image"
    name = world.job.name
    install = ["--install", "system", "--root", str(root), "--user", "mirror"]
    assert world.run("systemd", *install) == 0
    system = root / "etc/systemd/system"
    assert (system / "timers.target.wants" / f"{name}.timer").is_symlink()
    assert "\nUser=mirror\n" in (system / f"{name}.service").read_text()
    assert "    su mirror mirror\n" in (root / "etc/logrotate.d" / name).read_text()
    assert world.run("cron", *install) == 0
    assert not list(system.rglob("pypimirror*"))
    assert f" mirror {world.folder}" in (root / "etc/cron.d" / name).read_text()
    assert world.run("remove", "--root", str(root)) == 0
    assert [path for path in root.rglob("*") if not path.is_dir()] == []


def test_a_job_of_the_system_needs_its_user_and_the_users_mirror(world: World, capsys: Captured) -> None:
    assert world.run("cron", "--install", "system", "--user", "no-such-user") == 2
    assert "no user no-such-user on this machine; create it with: useradd --system" in capsys.readouterr().err
    other = "nobody" if getpass.getuser() == "root" else "root"
    assert world.run("cron", "--install", "system", "--user", other) == 2
    assert f"mirror_file_path: {world.mirror}: does not belong to {other}; use chown" in capsys.readouterr().err


@pytest.mark.parametrize("arguments, message", [
    ([], "job takes one of cron, systemd, remove"),
    (["corn"], "job takes one of cron, systemd, remove; did you mean 'cron'?"),
    (["cron", "--times", "often"], "--times 'often': must be five fields, or one of @annually"),
    (["cron", "--serve"], "--serve is not an option of job cron"),
    (["remove", "--times", "@daily"], "--times is not an option of job remove"),
    (["cron", "--install", "here"], "--install 'here': must be one of user, system"),
    (["cron", "--user", "a b"], "--user 'a b': must be the name of a user"),
    (["cron", "--user", "me", "--install", "user"], "a job of --install user runs as its owner"),
    (["cron", "--command", "a\nb"], "--command: must be one line"),
    (["systemd", "--serve", "--port", "0"], "--port 0: must be a number from 1 to 65535"),
    (["systemd", "--serve", "--times", "@daily"], "--times and --command are for updates"),
    (["cron", "--install", "user", "--root", "/x"], "--root: needs --install system"),
])
def test_what_makes_no_sense_is_one_line_and_changes_nothing(
        world: World, capsys: Captured, arguments: list[str], message: str) -> None:
    assert world.run(*arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert (world.crontabs.changes(), world.systemctl.calls()) == ([], [])


@pytest.mark.skipif(not shutil.which("logrotate"), reason="no logrotate here")
def test_logrotate_finds_its_file_right(tmp_path: Path) -> None:
    log = tmp_path / "with blank" / "mirror.log"
    log.parent.mkdir()
    log.write_text("one line\n")
    file = tmp_path / "rotate"
    file.write_text(logrotate.render(identity.identity_of_config("/etc/x.cfg"), str(log)))
    file.chmod(0o644)
    command = ["logrotate", "--state", str(tmp_path / "state"), str(file)]
    done = subprocess.run([*command, "--debug"], capture_output=True, text=True)
    assert (done.returncode, "error" in done.stderr) == (0, False), done.stderr
    subprocess.run([*command, "--force"], check=True)
    assert (log.parent / "mirror.log.1").read_text() == "one line\n"
    assert not log.exists()


# --- serve with a socket of systemd


def test_serve_takes_a_socket_that_systemd_opened(tmp_path: Path) -> None:
    root = tmp_path / "mirror"
    published_tree.publish(root, {"demo": [published_tree.wheel("demo", "1.0")]})
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, number = listening.getsockname()[1], listening.fileno()
        code = f"from pypimirror.serve.server import run; raise SystemExit(run({str(root)!r}))"
        activate = (f"import os, sys; os.dup2({number}, 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
                    "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])")
        with subprocess.Popen([sys.executable, "-c", activate, code], stdout=subprocess.PIPE, text=True,
                              pass_fds=[number]) as process:
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == f"Serving {root} at http://127.0.0.1:{port}/\n"
                assert ask(f"http://127.0.0.1:{port}/", "/simple/demo/").status == 200
            finally:
                process.terminate()
                process.wait(servers.PATIENCE)
    assert process.returncode == 0


@pytest.mark.parametrize("environment", [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_FDS": "x"}])
def test_sockets_of_other_processes_are_left_alone(environment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LISTEN_PID", "LISTEN_FDS"):
        monkeypatch.delenv(name, raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    assert activation.inherited_sockets() == []


def test_a_descriptor_that_is_no_listening_socket_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "1")
    with (tmp_path / "file").open("w") as file:
        monkeypatch.setattr(activation, "_FIRST", file.fileno())
        with pytest.raises(ConfigurationError, match=r"LISTEN_FDS: descriptor \d+ is not a socket"):
            activation.inherited_sockets()
