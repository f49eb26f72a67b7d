#!/usr/bin/env python3
"""Time whole commands: wall, CPU, peak RSS, plus what the upstream saw.

Library use:   sample = run(["cmd", "arg"], log="x.log")
Command line:  measure.py [-n RUNS] [--before CMD] NAME=COMMAND [NAME=COMMAND ...]

On the command line the named commands run in turn, A B A B ..., RUNS rounds;
`--before` is a shell command run untimed before every timed one ({name} is
replaced).  One JSON line per run goes to --out, a summary table to stdout.

Figures: wall s; user+sys CPU s of the process tree that was waited for; rss
is the largest single process's VmHWM and pss the sum of the proportional set
sizes of the process tree, in which what processes share counts once, both
sampled every 30 ms at first and every 200 ms later, so that looking takes no
time from those that use all cores (wait4's ru_maxrss is no use here: it
inherits the peak of the process that forked); server_cpu is nginx's CPU over
the run and requests the number it served. foreign_cpu is CPU used on the
machine by anything else meanwhile (plus steal): a large value means a
disturbed run.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

from places import RUN, URL

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TICK = os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def _stat(pid):
    with open(f"/proc/{pid}/stat") as fh:
        return fh.read().rpartition(")")[2].split()


def server_counters():
    """(nginx CPU seconds, requests served) of the benchmark upstream, or Nones."""
    try:
        master = int((RUN / "nginx.pid").read_text())
        with open(f"/proc/{master}/task/{master}/children") as fh:
            pids = [master] + [int(p) for p in fh.read().split()]
        cpu = sum(int(f[11]) + int(f[12]) for f in map(_stat, pids)) / TICK
        with _DIRECT.open(f"{URL}/_status", timeout=5) as fh:
            requests = int(fh.read().split()[9])
        return cpu, requests
    except (OSError, ValueError, IndexError):
        return None, None


def machine_cpu():
    """Busy CPU seconds of the whole machine since boot (steal included)."""
    with open("/proc/stat") as fh:
        f = [int(v) for v in fh.readline().split()[1:9]]
    return (f[0] + f[1] + f[2] + f[5] + f[6] + f[7]) / TICK


class _TreeSampler(threading.Thread):
    """Follows a process and its descendants, remembering peak memory."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak_kb, self.hwm_kb, self.halt = pid, 0, 0, threading.Event()

    def _descendants(self, pid):
        yield pid
        try:
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/children") as fh:
                    for child in fh.read().split():
                        yield from self._descendants(int(child))
        except OSError:
            return

    def run(self):
        begun = time.monotonic()
        while not self.halt.wait(0.03 if time.monotonic() - begun < 0.5 else 0.2):
            total = 0
            for pid in self._descendants(self.pid):
                try:
                    with open(f"/proc/{pid}/status") as fh:
                        self.hwm_kb = max(self.hwm_kb, next(int(line.split()[1]) for line in fh if line.startswith("VmHWM")))
                    with open(f"/proc/{pid}/smaps_rollup") as fh:
                        total += next(int(line.split()[1]) for line in fh if line.startswith("Pss:"))
                except (OSError, StopIteration):  # it has ended
                    continue
            self.peak_kb = max(self.peak_kb, total)


def run(argv, log=os.devnull, cwd=None, env=None):
    # Upstream is on this machine, whatever proxy others are asked by.
    # Nor is bytecode kept from being written, which only programs that pip has not compiled, as a checkout, would miss.
    full_env = {name: value for name, value in {**os.environ, **(env or {})}.items()
                if not name.lower().endswith("_proxy") and name != "PYTHONDONTWRITEBYTECODE"}
    os.sync()  # the previous run's dirty pages must not be written back on our time
    cpu0, req0 = server_counters()
    busy0 = machine_cpu()
    with open(log, "ab") as out:
        start = time.monotonic()
        proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                cwd=cwd, env=full_env, start_new_session=True)
        sampler = _TreeSampler(proc.pid)
        sampler.start()
        try:
            _, status, ru = os.wait4(proc.pid, 0)
        except BaseException:
            os.killpg(proc.pid, signal.SIGKILL)
            proc.wait()
            raise
        wall = time.monotonic() - start
        proc.returncode = os.waitstatus_to_exitcode(status)
        sampler.halt.set()
    busy1 = machine_cpu()
    cpu1, req1 = server_counters()
    known = None not in (cpu0, cpu1)
    return {"wall": wall, "user": ru.ru_utime, "sys": ru.ru_stime,
            "cpu": ru.ru_utime + ru.ru_stime, "rss_mb": sampler.hwm_kb / 1024,
            "pss_mb": sampler.peak_kb / 1024, "rc": proc.returncode,
            "server_cpu": round(cpu1 - cpu0, 2) if known else None,
            "requests": req1 - req0 - 1 if known else None,
            "foreign_cpu": round(busy1 - busy0 - ru.ru_utime - ru.ru_stime
                                 - (cpu1 - cpu0 if known else 0), 2)}


def spread(values, digits=2):
    """'median [min-max]' of a list of numbers."""
    values = [v for v in values if v is not None]
    if not values:
        return "-"
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


COLUMNS = (("wall", 2), ("cpu", 2), ("rss_mb", 0), ("server_cpu", 2), ("requests", 0), ("foreign_cpu", 2))


def table(samples, key="name"):
    """Text table of samples grouped by `key`, in first-seen order."""
    groups = {}
    for s in samples:
        groups.setdefault(s[key], []).append(s)
    rows = [["", "n"] + [c for c, _ in COLUMNS] + ["rc"]]
    for name, group in groups.items():
        rows.append([name, str(len(group))] +
                    [spread([g[c] for g in group], d) for c, d in COLUMNS] +
                    [",".join(sorted({str(g["rc"]) for g in group}))])
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("-n", type=int, default=3)
    ap.add_argument("--before", default="")
    ap.add_argument("--out", default="/dev/null")
    ap.add_argument("--log", default=os.devnull)
    ap.add_argument("commands", nargs="+", metavar="NAME=COMMAND")
    a = ap.parse_args()
    for spec in a.commands:
        if "=" not in spec or not shutil.which(shlex.split(spec.partition("=")[2] or "-")[0]):
            ap.error(f"{spec}: NAME=COMMAND, and a command that can be found")
    samples = []
    with open(a.out, "a") as out:
        for round_no in range(a.n):
            for spec in a.commands:
                name, _, command = spec.partition("=")
                if a.before:
                    subprocess.run(a.before.replace("{name}", name), shell=True, check=True)
                sample = {"name": name, "round": round_no, **run(shlex.split(command), a.log)}
                samples.append(sample)
                out.write(json.dumps(sample) + "\n")
                out.flush()
    print(table(samples))


if __name__ == "__main__":
    sys.exit(main())
