#!/usr/bin/env python3
"""Pages per second: ``serve`` against devpi-server and ``python -m http.server``, all of the same projects, in turns.

usage: serving.py [--devpi FOLDER] [-n ROUNDS] [--seconds SECONDS] [--projects N] [--files N]

A heap of small wheels is mirrored; devpi-server mirrors our server and has all pages before the first round. wrk asks for the
pages of all projects in turns. FOLDER is the ``bin`` of an environment with devpi-server; without it devpi is left out.
Everything is on loopback and ends with the script, which takes ROUNDS * SECONDS for each of the servers and forms.
"""

import argparse
import base64
import contextlib
import io
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

JSON = "application/vnd.pypi.simple.v1+json"
_LUA = """
local number = 0
request = function()
  number = (number + 1) % {projects}
  return wrk.format("GET", "{path}" .. string.format("project-%03d/", number), {{["Accept"] = "{accept}"}})
end
"""


def heap(folder, projects, files):
    """Lay down small wheels."""
    folder.mkdir()
    for project in range(projects):
        for number in range(files):
            out, stem = io.BytesIO(), f"project_{project:03}-{number}.0"
            with zipfile.ZipFile(out, "w") as archive:
                archive.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: project-{project:03}\n"
                                                               f"Version: {number}.0\n")
            (folder / f"{stem}-py3-none-any.whl").write_bytes(out.getvalue())


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(port, *command, **options):
    """Run a server until the end of the block."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None:
                sys.exit(f"ended at once: {command[0]}")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(60)


def ask(url, method="GET", value=None, **headers):
    request = urllib.request.Request(url, None if value is None else json.dumps(value).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


@contextlib.contextmanager
def devpi(folder, bin_, upstream, projects):
    """Run a devpi-server with one index that mirrors upstream, all of its pages there."""
    subprocess.run([bin_ / "devpi-init", "--serverdir", folder, "--no-root-pypi", "--root-passwd", "x"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    port = free_port()
    with running(port, bin_ / "devpi-server", "--serverdir", folder, "--port", port):
        address, kind = f"http://127.0.0.1:{port}", {"Content-Type": "application/json", "Accept": "application/json"}
        token = json.loads(ask(f"{address}/+login", "POST", {"user": "root", "password": "x"}, **kind))["result"]["password"]
        key = base64.b64encode(f"root:{token}".encode()).decode()
        ask(f"{address}/root/dev", "PUT", {"type": "mirror", "mirror_url": upstream}, **kind, **{"X-Devpi-Auth": key})
        for number in range(projects):
            for accept in ("text/html", JSON):
                page = ask(f"{address}/root/dev/+simple/project-{number:03}/", Accept=accept)
                assert b"project_" in page, page
        yield f"{address}/root/dev/+simple/"


def rate(url, accept, projects, seconds, folder):
    """Return pages per second."""
    path = "/" + url.split("/", 3)[3]
    script = folder / "wrk.lua"
    script.write_text(_LUA.format(projects=projects, path=path, accept=accept))
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", script, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        print(f"{url}: {done.stdout}", file=sys.stderr)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--devpi", type=Path)
    ap.add_argument("-n", type=int, default=3)
    ap.add_argument("--seconds", type=int, default=5)
    ap.add_argument("--projects", type=int, default=50)
    ap.add_argument("--files", type=int, default=20)
    a = ap.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        heap(folder / "heap", a.projects, a.files)
        config, root = folder / "pypimirror.cfg", folder / "mirror"
        config.write_text(f"[DEFAULT]\nmirror_file_path = {root}\nindex_url = {folder / 'heap'}\npackage_matches = *\n")
        subprocess.run([sys.executable, "-m", "pypimirror", config, "sync", "-q"], check=True)
        ports = [free_port() for _ in range(2)]
        stack.enter_context(running(ports[0], sys.executable, "-m", "pypimirror", config, "serve", "--port", ports[0]))
        stack.enter_context(running(ports[1], sys.executable, "-m", "http.server", "--bind", "127.0.0.1", ports[1], cwd=root))
        ours, plain = f"http://127.0.0.1:{ports[0]}/simple/", f"http://127.0.0.1:{ports[1]}/"
        targets = [("serve", ours, "text/html"), ("serve", ours, JSON), ("http.server", plain, "text/html")]
        if a.devpi:
            theirs = stack.enter_context(devpi(folder / "devpi", a.devpi, ours, a.projects))
            targets += [("devpi-server", theirs, "text/html"), ("devpi-server", theirs, JSON)]
        found = {}
        for _ in range(a.n):
            for server, url, accept in targets:
                found.setdefault((server, accept), []).append(rate(url, accept, a.projects, a.seconds, folder))
        print(f"load {os.getloadavg()[0]:.1f}, {a.projects} projects with {a.files} files, {a.n} rounds of {a.seconds} s")
        for (server, accept), rates in found.items():
            base = found.get(("devpi-server", accept))
            ratio = f"{statistics.median(rates) / statistics.median(base):5.1f} times devpi-server" if base else ""
            print(f"{server:13} {accept:36} {statistics.median(rates):7.0f} [{min(rates):.0f}-{max(rates):.0f}] {ratio}")


if __name__ == "__main__":
    main()
