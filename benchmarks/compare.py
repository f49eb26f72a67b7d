#!/usr/bin/env python3
"""Compares this product with its peers: sets all of them up, has them do the same work in turns, checks what they did.

    python3 benchmarks/compare.py [--size full] [--only WORK ...] [--peers NAME ...] [--rounds N]

All talk to the same synthetic upstream on loopback. The tables go to standard output and to results.rst in .bench, and each
run to results.jsonl there. Exits with 1 if a program fails, or leaves a mirror that is not what upstream has. See README.rst.
"""

import argparse
import fcntl
import json
import shutil
import signal
import sys
import time
from pathlib import Path

import upstream
from cases import SIZES, cases
from measure import server_counters
from peers import named
from places import PROXY, ROOT, TARGETS
from tables import about, compared, grown
from verify_mirror import WRONG

_LUA = ("/usr/share/nginx/modules/ngx_http_lua_module.so", "/usr/lib/nginx/modules/ngx_http_lua_module.so")


def main():
    chosen, options = parsed()
    upstream.program()
    if not any(Path(path).exists() for path in _LUA):
        sys.exit(upstream.NEEDED)
    ROOT.mkdir(parents=True, exist_ok=True)
    with open(ROOT / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"{ROOT}: another comparison is under way there")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
        try:
            compare(chosen, options)
        except KeyboardInterrupt:
            sys.exit("interrupted")


def parsed():
    """Return the chosen kinds of work by name, and the options, with the programs for their names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=tuple(SIZES), default="small")
    parser.add_argument("--rounds", type=int, default=3, help="more where a run is short: %(default)s unless given")
    parser.add_argument("--only", nargs="+", metavar="WORK", default=[],
                        help=f"of {', '.join(name for name in cases(SIZES['small']) if 'growth' not in name)}, growth")
    parser.add_argument("--peers", nargs="+", default=["b8-w10", "pm", "pm-fetcher=requests"], metavar="NAME",
                        help="the first one is what the others are compared with")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least one")
    if len(set(options.peers)) < len(options.peers):
        parser.error(f"--peers {' '.join(options.peers)}: one of them twice")
    try:
        options.peers = [named(name) for name in options.peers]
    except ValueError as error:
        parser.error(f"--peers {error}")
    known = cases(SIZES[options.size])
    for name in options.only:
        if name not in known and name != "growth":
            parser.error(f"--only {name}: none of {', '.join(known)}, growth")
    return {name: case for name, case in known.items()
            if not options.only or name in options.only or (case.projects and "growth" in options.only)}, options


def compare(chosen, options):
    """Have all the work done, and tell what came of it, be it cut short."""
    for peer in options.peers:
        peer.install()
    head = about(options.size, options.rounds, options.peers)
    found = []
    shutil.rmtree(TARGETS, ignore_errors=True)
    try:
        for name, case in chosen.items():
            tree = case.make()
            for peer in options.peers:
                peer.on(tree)
                peer.proxy = PROXY if case.proxy else ""
            upstream.serve(tree, case.latency_ms, redirect=case.redirect)
            if None in server_counters():
                sys.exit("nginx does not say how many requests it answered")
            found.append((case, []))
            for sample in measured(case, [peer for peer in options.peers if peer.can(case)], options.rounds * case.times):
                found[-1][1].append(sample)
                with open(ROOT / "results.jsonl", "a") as out:
                    told = {"at": time.strftime("%Y-%m-%dT%H:%M:%S"), "size": options.size, "work": name, **sample}
                    out.write(json.dumps(told) + "\n")
    finally:
        upstream.stop()
        base = options.peers[0].name
        text = "\n\n".join(filter(None, (head, compared(found, base), grown(found)))) + "\n"
        if any(samples for _, samples in found):
            (ROOT / "results.rst").write_text(text)
            print(text, end="")
    shutil.rmtree(TARGETS)


def measured(case, peers, rounds):
    """Have all do a kind of work in turns; yield what was measured. Exits if one of them fails, or leaves something wrong."""
    if case.verify:
        peers = [peer.verifier() for peer in peers]
    for peer in peers if not case.empty else ():
        if not peer.target.exists():
            peer.prepare()
            done(peer, peer.sync())
    for number in range(rounds):
        if case.change is not None:
            case.change(peers[0].tree)
            upstream.reload_server()
        for peer in peers:
            if case.empty:
                peer.prepare()
            sample = done(peer, peer.verify() if case.verify else peer.sync())
            sample.update(right(peer, case))
            print(f"{case.title}: {peer.name} {sample['wall']:.2f} s", file=sys.stderr, flush=True)
            yield {"name": peer.name, "round": number, **sample}
    for peer in peers if case.verify else ():
        finds(peer, case)


def done(peer, command):
    """Run a command; exit if it fails."""
    sample = peer.time(command)
    if sample["rc"]:
        sys.exit(f"{peer.name}: status {sample['rc']}; see {peer.log}")
    return sample


def right(peer, case):
    """Return what is in the mirror; exit if anything of it is wrong."""
    check = peer.check()
    if any(map(check.get, WRONG)):
        sys.exit(f"{peer.name}, {case.title}: " + ", ".join(f"{check[key]} {key}" for key in WRONG if check[key]))
    return check


def finds(peer, case):
    """Damage a file; exit if a verification neither tells of it nor mends it."""
    path = next(path for path in sorted((peer.target / peer.web).rglob("*.whl")) if path.stat().st_size > 100)
    body = bytearray(path.read_bytes())
    body[50] ^= 1
    path.write_bytes(body)
    if not peer.time(peer.verify())["rc"] and any(map(peer.check().get, WRONG)):
        sys.exit(f"{peer.name}, {case.title}: a damaged file is not found")


if __name__ == "__main__":
    main()
