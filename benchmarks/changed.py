#!/usr/bin/env python3
"""What a run costs when little changed in a large mirror.

changed.py [--projects 20000] [--changed 200] [--runs idle changed list] [--root DIR] [--profile FILE]

Makes a mirror of a few projects with a real run, then has its database and
upstream's list know many more, which lie nowhere: a run that looked at them
would fail.  Upstream is a process of its own on loopback; its list is JSON,
gzipped, with serials and an ETag, as PyPI's is.

  idle     upstream's list is the one already known
  list     upstream's list came again, nothing in it changed
  changed  so many projects have a further release

Prints, for each run: wall and CPU seconds, peak memory (VmHWM, MB), requests
to upstream, files opened in the mirror, folders listed in it, pages and files
put in their place, and the bytes of the pages about all projects.
All of PyPI: --projects 750000.
"""

import argparse
import gzip
import hashlib
import io
import json
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

JSON = "application/vnd.pypi.simple.v1+json"
RUNS = ("idle", "list", "changed")
#: Runs the command line and writes down what it does in the mirror, and how much memory it took.
COUNTED = """
import atexit, json, os, sys, threading
mirror, out = sys.argv[1:3]
counts = {"opened": 0, "listed": 0, "placed": 0}
names = {"open": "opened", "os.listdir": "listed", "os.scandir": "listed", "os.rename": "placed"}
lock = threading.Lock()
def hook(event, arguments):
    name = names.get(event)
    if name is None:
        return
    path = arguments[1] if name == "placed" else arguments[0]
    if isinstance(path, int) and event != "open":
        inside = True
    elif isinstance(path, str):
        # A relative path is one below a folder that is open already: only the mirror is read that way.
        # The folder of temporary files is listed to measure free space, at most twice a second.
        inside = not os.path.isabs(path) or path.startswith(mirror) and not path.endswith("/.pypimirror/tmp")
    else:
        inside = False
    if inside and not (event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_DIRECTORY):
        with lock:
            counts[name] += 1
def told():
    with open("/proc/self/status") as stream:
        counts["memory_mb"] = int(next(line for line in stream if line.startswith("VmHWM")).split()[1]) / 1024
    with open(out, "w") as stream:
        json.dump(counts, stream)
from pypimirror.cli import main
atexit.register(told)
sys.addaudithook(hook)
sys.exit(main(None, sys.argv[3:]))
"""


def wheel(name, version):
    """Give file name and bytes of a small wheel."""
    stem, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member, text in (("METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"),
                             ("WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"), ("RECORD", "")):
            archive.writestr(zipfile.ZipInfo(f"{info}/{member}", (2020, 2, 2, 0, 0, 0)), text)
    return f"{stem}-{version}-py3-none-any.whl", out.getvalue()


class Upstream:
    """What upstream holds: projects 0 to ``projects``; those of ``changed`` have a second release."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def names(self, projects):
        return [f"project-{number:06}" for number in range(projects)]

    def serial(self, name, releases):
        """Return the serial of a project. One is another than the rest: those that are all alike tell nothing."""
        return 1000000 * releases + (name == "project-000001")

    def become(self, projects, changed):
        """Write the list. changed: names of projects with a second release."""
        changed = set(changed)
        entries = ",".join(f'{{"_last-serial":{self.serial(name, 1 + (name in changed))},"name":"{name}"}}'
                           for name in self.names(projects))
        body = f'{{"meta":{{"_last-serial":1,"api-version":"1.4"}},"projects":[{entries}]}}'.encode()
        (self.folder / "list").write_bytes(gzip.compress(body, 1, mtime=0))
        (self.folder / "changed").write_text("\n".join(sorted(changed)))

    def serve(self, ready):
        """Answer until the process ends."""
        requests = 0
        folder, serial_of = self.folder, self.serial

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                nonlocal requests
                parts = self.path.strip("/").split("/")
                if parts[0] == "count":
                    return self.give(json.dumps(requests).encode(), "text/plain")
                requests += 1
                changed = (folder / "changed").read_text().split()
                if parts == ["simple"]:
                    body = (folder / "list").read_bytes()
                    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                    if self.headers["If-None-Match"] == etag:
                        return self.give(b"", JSON, 304)
                    return self.give(body, JSON, headers={"ETag": etag, "Content-Encoding": "gzip"})
                name = parts[1]
                offered = dict(wheel(name, version) for version in ("1", "2")[:1 + (name in changed)])
                if parts[0] == "files":
                    return self.give(offered[parts[2]], "application/octet-stream")
                serial = serial_of(name, len(offered))
                files = [{"filename": filename, "url": f"/files/{name}/{filename}", "size": len(body), "yanked": False,
                          "hashes": {"sha256": hashlib.sha256(body).hexdigest()}} for filename, body in offered.items()]
                page = {"meta": {"_last-serial": serial, "api-version": "1.4"}, "name": name, "files": files}
                self.give(json.dumps(page).encode(), JSON, headers={"X-PyPI-Last-Serial": str(serial)})

            def give(self, body, kind, status=200, headers=None):
                self.send_response(status)
                for key, value in {"Content-Type": kind, "Content-Length": len(body), **(headers or {})}.items():
                    self.send_header(key, str(value))
                self.end_headers()
                self.wfile.write(body)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        ready.send(server.server_address[1])
        server.serve_forever()


class Bench:
    """One upstream, one mirror, runs."""

    def __init__(self, root, projects, changed, profile=None):
        self.root, self.projects, self.profile = Path(root), projects, profile
        self.mirror = self.root / "mirror"
        (self.root / "upstream").mkdir(parents=True)
        self.upstream = Upstream(self.root / "upstream")
        self.real = self.upstream.names(changed)
        self.upstream.become(changed, ())
        ours, theirs = multiprocessing.Pipe()
        self.server = multiprocessing.Process(target=self.upstream.serve, args=(theirs,), daemon=True)
        self.server.start()
        self.host = f"http://127.0.0.1:{ours.recv()}"
        self.script = self.root / "counted.py"
        self.script.write_text(COUNTED)
        self.config = self.root / "pypimirror.cfg"
        self.config.write_text(f"[DEFAULT]\nmirror_file_path = {self.mirror}\nindex_url = {self.host}/simple/\n"
                               "package_matches = *\nretries = 0\n")

    def grow(self):
        """Have state and upstream know all projects."""
        self.run("first")
        known = sqlite3.connect(self.mirror / ".pypimirror" / "state.sqlite", isolation_level=None)
        known.execute("BEGIN")
        pattern = known.execute("SELECT * FROM projects WHERE name = ?", self.real[:1]).fetchone()
        record, = known.execute("SELECT record FROM records WHERE name = ?", self.real[:1]).fetchone()
        names = self.upstream.names(self.projects)[len(self.real):]
        marks = ", ".join("?" * len(pattern))
        known.executemany(f"INSERT INTO projects VALUES ({marks})", ((name, name, *pattern[2:]) for name in names))
        known.executemany("INSERT INTO records VALUES (?, ?)", ((name, record) for name in names))
        known.execute("COMMIT")
        known.close()
        self.upstream.become(self.projects, ())
        # The list is known from now on, and so are the pages about all projects.
        self.run("grown")

    def run(self, name):
        """Run once; give the figures."""
        out = self.root / f"{name}.json"
        before = self.requests()
        profiled = ("-m", "cProfile", "-o", f"{self.profile}-{name}") if self.profile and name in RUNS else ()
        program = [sys.executable, *profiled, str(self.script), str(self.mirror), str(out), str(self.config), "sync", "-q"]
        began = time.monotonic()
        child = subprocess.Popen(program)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{name}: the run ended with {child.returncode}")
        roots = sum(path.stat().st_size for path in self.mirror.glob("index.*"))
        return {"run": name, "wall": wall, "cpu": used.ru_utime + used.ru_stime, "requests": self.requests() - before,
                **json.loads(out.read_text()), "roots_mb": roots / 1e6}

    def measured(self, name):
        """Bring about what a run is to find, run, give the figures."""
        if name == "list":
            known = sqlite3.connect(self.mirror / ".pypimirror" / "state.sqlite", isolation_level=None)
            known.execute("DELETE FROM facts WHERE name = 'list_etag'")
            known.close()
        elif name == "changed":
            self.upstream.become(self.projects, self.real)
        return self.run(name)

    def requests(self):
        import urllib.request

        with urllib.request.urlopen(f"{self.host}/count") as answer:
            return int(answer.read())

    def close(self):
        self.server.terminate()
        self.server.join()


COLUMNS = (("run", ""), ("wall", ".2f"), ("cpu", ".2f"), ("memory_mb", ".0f"), ("requests", ""), ("opened", ""), ("listed", ""),
           ("placed", ""), ("roots_mb", ".1f"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=20_000)
    parser.add_argument("--changed", type=int, default=200)
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--root", help="where all of it goes, a new temporary directory unless given")
    parser.add_argument("--profile", help="write what cProfile sees to this file, with the run's name behind it")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each run")
    options = parser.parse_args()
    root = tempfile.mkdtemp(prefix="changed-", dir=options.root)
    bench = Bench(root, options.projects, options.changed, options.profile)
    try:
        bench.grow()
        if not options.json:
            print("  ".join(f"{name:>9}" for name, _ in COLUMNS))
        for name in options.runs:
            found = bench.measured(name)
            line = "  ".join(f"{found[key]:>9{kind}}" for key, kind in COLUMNS)
            print(json.dumps(found) if options.json else line, flush=True)
    finally:
        bench.close()
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
