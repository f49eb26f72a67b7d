"""Installed jobs run in a machine whose PID 1 is systemd: updates and servers, of the system and of a user.

Runs on demand, since it needs root and boots a machine: PYPIMIRROR_SYSTEMD=1 bin/test tests/test_systemd.py
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import servers
from support.systemd_machine import Machine, booted
from support.upstream import Upstream, wheel

pytestmark = pytest.mark.skipif(not os.environ.get("PYPIMIRROR_SYSTEMD"), reason="PYPIMIRROR_SYSTEMD is not set")
CONFIG = "/etc/pypimirror/pypimirror.cfg"
PROGRAM = "/usr/local/bin/pypimirror"
#: The mirror, and where its log and its metrics are.
PLACES = ("/srv/pypi", "/var/log/pypimirror", "/var/lib/figures")


class Host:
    """A machine with this program, a configuration, and the user of the mirror."""

    def __init__(self, machine: Machine, upstream: Upstream):
        self.machine = machine
        self._upstream = upstream
        paths = [path for path in sys.path if path]
        machine.write(PROGRAM, f"#!{sys.executable}\nimport sys\nsys.path[:0] = {paths!r}\nfrom pypimirror.cli import main\n"
                               "sys.exit(main())\n")
        machine.run("chmod", "755", PROGRAM)
        folders = {str(parent) for path in (os.path.realpath(sys.executable), sys.executable, *paths)
                   for parent in Path(path).parents}
        machine.run("chmod", "o+rx", *sorted(folders))  # root's directories are closed to other users
        machine.run("rm", "-rf", *PLACES)  # what the host has there
        machine.run("useradd", "--system", "--user-group", "--shell", "/usr/sbin/nologin", "pkgmirror")
        machine.run("install", "--directory", "--owner=pkgmirror", *PLACES)

    def configure(self, path: str = CONFIG, **settings: str) -> None:
        values = {"mirror_file_path": "/srv/pypi", "index_url": self._upstream.url, "package_matches": "demo", "retries": "0",
                  "fetcher": "requests", **settings}
        self.machine.write(path, "[DEFAULT]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()))

    def job(self, *arguments: str) -> str:
        """Call ``job`` as root; return the name of the first unit that it writes, without its type."""
        shown = self.machine.run(PROGRAM, CONFIG, "job", *arguments)
        found = re.search(r"/([\w-]+)\.service is written", shown)
        return found[1] if found else ""

    def start(self, name: str, expected: int = 0) -> str:
        """Start a service, and wait until it ends; return what it printed."""
        self.machine.run("journalctl", "--rotate")
        self.machine.run("journalctl", "--vacuum-time=1us")
        self.machine.run("systemctl", "start", f"{name}.service", expected=None)
        said = self.machine.run("journalctl", "--output=cat", f"--unit={name}.service")
        result = self.machine.run("systemctl", "show", "--property=ExecMainStatus", "--value", f"{name}.service").strip()
        assert result == str(expected), said
        return said

    def get(self, url: str) -> str:
        """Return the page at a URL, as a program in the machine sees it."""
        code = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=30).read().decode())"
        return self.machine.run(sys.executable, "-c", code, url)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="machine-", dir="/tmp") as folder, booted(Path(folder)) as machine:
        yield machine


@pytest.fixture
def host(machine: Machine, upstream: Upstream) -> Iterator[Host]:
    upstream.add("demo", wheel("demo", "1.0"))
    host = Host(machine, upstream)
    host.configure(log_filename="/var/log/pypimirror/mirror.log", metrics_filename="/var/lib/figures/pypimirror.prom")
    yield host
    machine.run(PROGRAM, CONFIG, "job", "remove", expected=None)
    machine.run("userdel", "pkgmirror")


def test_the_service_updates_the_mirror_and_can_write_nowhere_else(host: Host, upstream: Upstream) -> None:
    run = host.machine.run
    name = host.job("systemd", "--install", "system")
    assert f"{name}.timer" in run("systemctl", "list-timers")
    host.start(name)
    assert run("stat", "--format=%U", "/srv/pypi/demo/demo-1.0-py3-none-any.whl", "/var/log/pypimirror/mirror.log",
               "/var/lib/figures/pypimirror.prom") == "pkgmirror\n" * 3
    # While another run holds the lock the service ends with 3, which is no failure.
    run("flock", "/srv/pypi/.pypimirror/lock", "systemctl", "start", f"{name}.service")
    # The configuration names another directory since the job was installed.
    run("install", "--directory", "--owner=pkgmirror", "/var/lib/other")
    host.configure(metrics_filename="/var/lib/other/pypimirror.prom")
    assert "pypimirror: /var/lib/other/pypimirror.prom: can't be written: Read-only file system" in host.start(name, 1)
    assert host.job("systemd", "--install", "system") == name
    host.start(name)
    # A failure has its line in the journal.
    upstream.add("demo", wheel("demo", "2.0"))
    upstream.answers["/simple/demo/"] = (500, {}, b"")
    assert "status 500" in host.start(name, 1)
    host.machine.run(PROGRAM, CONFIG, "job", "remove")
    assert name not in run("systemctl", "list-unit-files", "--all")


@pytest.mark.parametrize("kind", ["--serve", "--socket"])
def test_the_server_runs_as_the_owner_of_the_mirror(host: Host, kind: str) -> None:
    run = host.machine.run
    run("runuser", "-u", "pkgmirror", "--", PROGRAM, CONFIG, "sync")
    port = servers.free_port()
    name = host.job("systemd", kind, "--port", str(port), "--install", "system")
    assert run("systemctl", "is-active", f"{name}.service", expected=None).strip() == (
        "active" if kind == "--serve" else "inactive")
    end = time.monotonic() + 30
    while kind == "--serve" and f":{port} " not in run("ss", "--listening", "--tcp", "--numeric") and time.monotonic() < end:
        time.sleep(0.1)
    assert "demo-1.0-py3-none-any.whl" in host.get(f"http://127.0.0.1:{port}/simple/demo/")
    pid = run("systemctl", "show", "--property=MainPID", "--value", f"{name}.service").strip()
    assert run("stat", "--format=%U", f"/proc/{pid}").strip() == "pkgmirror"
    host.machine.run(PROGRAM, CONFIG, "job", "remove")
    assert run("systemctl", "is-active", f"{name}.service", expected=None).strip() == "inactive"


def test_the_manager_of_a_user_runs_the_job(host: Host) -> None:
    run = host.machine.run
    run("useradd", "--create-home", "someone")
    number = run("id", "-u", "someone").strip()
    run("systemctl", "start", f"user@{number}.service")
    as_user = ("runuser", "-u", "someone", "--", "env", "HOME=/home/someone", f"XDG_RUNTIME_DIR=/run/user/{number}")
    host.configure("/home/someone/pypimirror.cfg", mirror_file_path="/home/someone/mirror")
    shown = run(*as_user, PROGRAM, "/home/someone/pypimirror.cfg", "job", "systemd", "--install", "user")
    [name] = re.findall(r"/([\w-]+)\.service is written", shown)
    run(*as_user, "systemctl", "--user", "start", f"{name}.service")
    assert f"{name}.timer" in run(*as_user, "systemctl", "--user", "list-timers")
    run("test", "-f", "/home/someone/mirror/demo/demo-1.0-py3-none-any.whl")
    run(*as_user, PROGRAM, "/home/someone/pypimirror.cfg", "job", "remove")
    assert name not in run(*as_user, "systemctl", "--user", "list-timers", "--all")
