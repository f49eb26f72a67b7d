"""An empty home in which commands run, with no way to any other host than the mirror."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from ...clients.confinement import confine, netloc
from ...errors import MirrorError
from ...names import shown
from . import relay
from .recording_proxy import RecordingProxy

#: Lines of output that the report quotes of a command that failed.
_MOST_LINES = 30
_PATHS = "/usr/local/bin:/usr/bin:/bin"


class Step(NamedTuple):
    """One command."""

    command: tuple[str, ...]
    status: int
    seconds: float
    output: str

    def tail(self) -> list[str]:
        """Return the last lines of the output."""
        return [shown(line, 300) for line in self.output.splitlines() if line.strip()][-_MOST_LINES:]


class StepFailed(MirrorError):
    """A command ended with another status than 0."""


class Workshop:
    """Runs commands, each recorded."""

    def __init__(self, folder: str, index: str, ca_bundle: str | None, proxy: RecordingProxy, socket_path: str,
                 notify: Callable[[str], None]):
        """folder: empty. index: the URL of the mirror, with credentials if it needs any. notify: called with each command."""
        self.folder, self.index = folder, index
        self.steps: list[Step] = []
        self._notify = notify
        prefix = namespace_command()
        #: How the network is closed.
        self.closed_by = "network namespace" if prefix is not None else "proxy"
        self._prefix = () if prefix is None else (*prefix, sys.executable, "-I", relay.__file__, socket_path)
        self.environ = self._make_environ(index, ca_bundle, proxy)

    def _make_environ(self, index: str, ca_bundle: str | None, proxy: RecordingProxy) -> dict[str, str]:
        """Return the environment of the commands, whose installers use only the index."""
        home, temporary = os.path.join(self.folder, "home"), os.path.join(self.folder, "tmp")
        for path in (home, temporary):
            os.makedirs(path, exist_ok=True)
        found = {"PATH": os.environ.get("PATH", _PATHS), "HOME": home, "TMPDIR": temporary, "LANG": "C.UTF-8",
                 **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
                                 f"http://127.0.0.1:{proxy.port}"),
                 "PIP_NO_INPUT": "1", "PIP_NO_COMPILE": "1",
                 "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1", "PYTHONNOUSERSITE": "1",
                 "UV_DEFAULT_INDEX": index, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "UV_HTTP_RETRIES": "0"}
        confine(found, index)
        if index.startswith("http:"):
            found["UV_INSECURE_HOST"] = netloc(index)
        if ca_bundle:
            found |= dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), ca_bundle)
        return found

    def run(self, *command: str, folder: str | None = None) -> Step:
        """Run a command. Raises StepFailed if it fails."""
        self._notify(shown(" ".join(command), 200))
        begun = time.monotonic()
        done = subprocess.run([*self._prefix, *command], cwd=folder or self.folder, env=self.environ, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        step = Step(command, done.returncode, time.monotonic() - begun, done.stdout)
        self.steps.append(step)
        if done.returncode:
            last = next(iter(step.tail()[-1:]), "no output")
            raise StepFailed(f"{shown(' '.join(command), 200)} ended with {done.returncode}: {last}")
        return step


@lru_cache
def namespace_command() -> tuple[str, ...] | None:
    """Return a command that runs another one without a network, or None where the system does not allow it."""
    program = shutil.which("unshare")
    if program is None:
        return None
    probe = "import socket, sys; sys.path.insert(0, sys.argv[1]); import relay; relay._start_loopback()"
    for options in (("--net",), ("--user", "--map-root-user", "--net")):
        try:
            done = subprocess.run([program, *options, sys.executable, "-c", probe, os.path.dirname(relay.__file__)],
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False)
        except OSError:
            return None
        if done.returncode == 0:
            return (program, *options)
    return None
