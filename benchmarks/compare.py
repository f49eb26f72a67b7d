#!/usr/bin/env python3
"""Compares this product with its peers: sets all of them up, has them do the same work in turns, checks what they did.

    python3 benchmarks/compare.py [--size full] [--only WORK ...] [--peers NAME ...] [--rounds N]

All talk to the same synthetic upstream on loopback. The table goes to standard output and to results.rst in .bench, and each
run to results.jsonl there. Exits with 1 if a program fails, or leaves a mirror that is not what upstream has. See README.rst.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

import upstream
from cases import SIZES, cases
from measure import spread
from peers import KINDS
from places import ROOT, TARGETS

WRONG = ("missing", "bad_hash", "extra", "bad_pages")
_LUA = "/usr/share/nginx/modules/ngx_http_lua_module.so"


def main():
    options = parsed()
    if shutil.which("nginx") is None or not Path(_LUA).exists():
        sys.exit("nginx and its Lua module are needed: apt-get install nginx-light libnginx-mod-http-lua")
    chosen = {name: case for name, case in cases(SIZES[options.size]).items()
              if not options.only or name in options.only or name.partition("-")[0] in options.only}
    ROOT.mkdir(parents=True, exist_ok=True)
    peers = [KINDS[name.partition("-")[0]](name) for name in options.peers]
    for peer in peers:
        peer.install()
    found = []
    try:
        for name, case in chosen.items():
            tree = case.make()
            for peer in peers:
                peer.on(tree)
            upstream.serve(tree, case.latency_ms)
            samples = measured(name, case, peers, options.rounds * case.times)
            found.append((case, samples))
            with open(ROOT / "results.jsonl", "a") as out:
                out.writelines(json.dumps({"size": options.size, **sample}) + "\n" for sample in samples)
    finally:
        upstream.stop()
    text = "\n\n".join(filter(None, (about(options, peers), compared(found), grown(found)))) + "\n"
    shutil.rmtree(TARGETS)
    (ROOT / "results.rst").write_text(text)
    print(text, end="")


def parsed():
    names = list(cases(SIZES["small"])) + list(cases(SIZES["full"])) + ["growth"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=tuple(SIZES), default="small")
    parser.add_argument("--rounds", type=int, default=3, help="more where a run is short: %(default)s unless given")
    parser.add_argument("--only", nargs="+", choices=tuple(dict.fromkeys(names)), metavar="WORK",
                        help="of " + ", ".join(name for name in dict.fromkeys(names) if "growth-" not in name))
    parser.add_argument("--peers", nargs="+", default=["b8-w10", "pm", "pm-fetcher=pycurl"], metavar="NAME",
                        help="the first one is what the others are compared with")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least one")
    for name in options.peers:
        if name.partition("-")[0] not in KINDS:
            parser.error(f"--peers {name}: none of {', '.join(KINDS)}")
    return options


def measured(name, case, peers, rounds):
    """Have all do a kind of work in turns; return what was measured. Exits if one of them fails."""
    if case.verify:
        peers = [peer.verifier() for peer in peers]
    peers = [peer for peer in peers if peer.can(case)]
    for peer in peers if not case.empty else ():
        if not peer.target.exists():
            peer.prepare()
        done(peer, peer.sync())
    samples = []
    for number in range(rounds):
        if case.change is not None:
            case.change(peers[0].tree)
            upstream.reload_server()
        for peer in peers:
            if case.empty:
                peer.prepare()
            sample = done(peer, peer.verify() if case.verify else peer.sync())
            if case.empty or case.change is not None:
                check = peer.check()
                if any(map(check.get, WRONG)):
                    sys.exit(f"{peer.name}, {case.title}: " + ", ".join(f"{check[key]} {key}" for key in WRONG if check[key]))
                sample.update(check)
            samples.append({"work": name, "name": peer.name, "round": number, **sample})
            print(f"{case.title}: {peer.name} {sample['wall']:.2f} s", file=sys.stderr, flush=True)
    return samples


def done(peer, command):
    sample = peer.time(command)
    if sample["rc"]:
        sys.exit(f"{peer.name}: status {sample['rc']}; see {peer.log}")
    return sample


def about(options, peers):
    """Tell on what and when it was measured."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().rpartition("/")[2]
    disk = subprocess.run(["stat", "-f", "-c", "%T", TARGETS],
                          capture_output=True, text=True).stdout.strip()
    head = (f"{date.today()}, {len(os.sched_getaffinity(0))} processors ({_processor()}), {memory:.0f} GiB, "
            f"{platform.system()} {platform.release()}, mirrors on {disk}, nginx {nginx}; size {options.size}, "
            f"{options.rounds} rounds or more, in turns.")
    return head + "\n\n" + "\n".join(f"* ``{peer.name}``: {peer.version()}" for peer in peers)


def _processor():
    with open("/proc/cpuinfo") as stream:
        models = {line.partition(":")[2].strip() for line in stream if line.startswith("model name")}
    return ", ".join(sorted(models)) or platform.machine()


def compared(found):
    """Give a table of all kinds of work but those that grow."""
    rows = [("Work", "Program", "Seconds", "Times as fast", "MB", "Requests")]
    for case, samples in found:
        for number, (name, group) in enumerate(_by_name(samples).items() if not case.projects else ()):
            base = next(iter(_by_name(samples).values()))
            ratio = statistics.median(one["wall"] / other["wall"] for one, other in zip(base, group, strict=True))
            rows.append((case.title if not number else "\\", name, spread([each["wall"] for each in group]), f"{ratio:.1f}",
                         f"{statistics.median(each['rss_mb'] for each in group):.0f}",
                         f"{statistics.median(each['requests'] for each in group):.0f}"))
    return _table(rows)


def grown(found):
    """Give a table of how time and memory grow with the number of projects."""
    rows = [("First fetch", "Program", "Seconds", "Milliseconds a project", "MB")]
    for case, samples in found:
        for name, group in _by_name(samples).items() if case.projects else ():
            walls = [each["wall"] for each in group]
            rows.append((case.title, name, spread(walls), f"{1000 * statistics.median(walls) / case.projects:.2f}",
                         f"{statistics.median(each['rss_mb'] for each in group):.0f}"))
    return _table(rows)


def _by_name(samples):
    groups = {}
    for sample in samples:
        groups.setdefault(sample["name"], []).append(sample)
    return groups


def _table(rows):
    if len(rows) == 1:
        return ""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    head, *rest = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join((rule, head, rule, *rest, rule))


if __name__ == "__main__":
    main()
