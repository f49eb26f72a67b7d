#!/usr/bin/env python3
"""First fetches from a distant upstream: a relay on loopback delays and limits what passes (relay.py).

    python3 benchmarks/distance.py [--projects 100] [--rounds 3] [--peers b8-w10 pm-w50 ...] [--only PART_OF_A_TITLE ...]

For each network the programs fetch in turns, and each mirror is checked file by file. The table has the bare minimum: the round
trips that no program avoids (connection, TLS, list, page, file), those of the other requests with 50 at once, and the bytes at
the network's speed. It is written to distance.rst in .bench, too. Needs what compare.py needs, and openssl.
"""

import argparse
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import upstream
from cases import USUAL
from compare import done, right
from measure import spread
from peers import named
from places import PORT, ROOT, TARGETS
from tables import about, table
from tree import Tree

#: Ports of the relay, of nginx with TLS and HTTP/2, with TLS and HTTP/1.1, and of the proxy for CONNECT.
RELAY, H2, H1, TUNNEL = range(PORT + 3, PORT + 7)
#: Requests at once, for the bare minimum.
_AT_ONCE = 50
_TLS = """
server {{
  listen 127.0.0.1:{h2} ssl http2 backlog=4096; listen 127.0.0.1:{h1} ssl backlog=4096;
  ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
  http2_max_requests 100000000;
  location / {{ proxy_pass http://index$request_uri; proxy_http_version 1.1; proxy_set_header Connection ""; }}
}}
"""


class Network(NamedTuple):
    """How far away upstream is, and how it is spoken to."""

    title: str
    rtt_ms: float
    mbit: float = 0
    #: The port of nginx with TLS, or 0 without TLS.
    tls: int = 0
    tunnel: bool = False


NETWORKS = (
    Network("1 ms", 1), Network("20 ms", 20), Network("100 ms", 100),
    Network("20 ms, 100 Mbit/s", 20, 100), Network("20 ms, 1 Gbit/s", 20, 1000),
    Network("20 ms, TLS, HTTP/1.1", 20, tls=H1), Network("20 ms, TLS, HTTP/2 where a program has it", 20, tls=H2),
    Network("20 ms, TLS through a CONNECT proxy", 20, tls=H1, tunnel=True))


def certificate(folder):
    """Create a certificate for 127.0.0.1 that is its own authority."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "server.pem").exists():
        words = ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 999 -subj /CN=benchmark "
                 "-addext subjectAltName=IP:127.0.0.1")
        subprocess.run([*words.split(), "-keyout", folder / "server.key", "-out", folder / "server.pem"], check=True,
                       stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def relay(port, target, network, *more):
    """Run a relay."""
    command = [sys.executable, Path(__file__).with_name("relay.py"), port, target, "--rtt-ms", network.rtt_ms, "--mbit",
               network.mbit, *more]
    with subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()


def bare_minimum(network, tree):
    """Return the seconds that a first fetch takes if nothing but the network takes time."""
    pages = list((tree.www / "simple").rglob("index.json"))
    files = [path for path in (tree.www / "packages").rglob("*") if path.is_file() and path.suffix != ".metadata"]
    rounds = 4 + (1 if network.tls else 0) + (2 if network.tunnel else 0) + (len(pages) + len(files)) / _AT_ONCE
    size = sum(path.stat().st_size for path in (*pages, *files))
    return rounds * network.rtt_ms / 1000 + (size / (network.mbit * 125_000) if network.mbit else 0)


def measured(network, peers, options, folder):
    """Have all fetch in turns; yield what was measured."""
    scheme = "https" if network.tls else "http"
    url = f"{scheme}://127.0.0.1:{RELAY}"
    tree = Tree(ROOT / "trees" / f"distance-{scheme}-{options.projects}")
    if tree.state.get("base_url") != url:
        tree.generate(options.projects, 5, "bench", USUAL, url)
    upstream.serve(tree, more=_TLS.format(h2=H2, h1=H1, folder=folder))
    with contextlib.ExitStack() as stack:
        proxy = ""
        if network.tunnel:
            stack.enter_context(relay(TUNNEL, network.tls, network, "--connect"))
            proxy = f"http://127.0.0.1:{TUNNEL}"
        else:
            stack.enter_context(relay(RELAY, network.tls or PORT, network))
        for peer in peers:
            peer.on(tree)
            peer.url, peer.proxy, peer.ca_bundle = url, proxy, str(folder / "server.pem") if network.tls else ""
        for number in range(options.rounds):
            for peer in peers:
                peer.prepare()
                sample = {**done(peer, peer.sync()), **right(peer, network)}
                print(f"{network.title}: {peer.name} {sample['wall']:.2f} s", file=sys.stderr, flush=True)
                yield {"name": peer.name, "round": number, "minimum": bare_minimum(network, tree), **sample}


def rows(title, samples, base):
    """Yield the rows of the table for a network."""
    groups = {}
    for sample in samples:
        groups.setdefault(sample["name"], []).append(sample)
    for number, (name, group) in enumerate(groups.items()):
        walls = [each["wall"] for each in group]
        ratios = [one["wall"] / other["wall"] for one, other in zip(groups.get(base, ()), group, strict=False)]
        least = group[0]["minimum"]
        yield (title if not number else "\\", name, spread(walls), f"{least:.2f}", f"{statistics.median(walls) / least:.1f}",
               f"{statistics.median(ratios):.1f}" if ratios else "-",
               f"{statistics.median(each['cpu'] for each in group):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="+", type=named, default=[named("b8-w10"), named("pm-workers=50")], metavar="NAME")
    parser.add_argument("--only", nargs="+", default=[""], metavar="TITLE")
    options = parser.parse_args()
    folder = ROOT / "certificate"
    certificate(folder)
    for peer in options.peers:
        peer.install()
    found = [("Upstream", "Program", "Seconds", "Bare minimum", "Times that", "Times as fast", "Processor")]
    shutil.rmtree(TARGETS, ignore_errors=True)
    try:
        for network in NETWORKS:
            if any(part in network.title for part in options.only):
                samples = []
                for sample in measured(network, options.peers, options, folder):
                    samples.append(sample)
                    with open(ROOT / "distance.jsonl", "a") as out:
                        out.write(json.dumps({"network": network.title, **sample}) + "\n")
                found += rows(network.title, samples, options.peers[0].name)
    finally:
        upstream.stop()
    text = f"{about(f'{options.projects} projects', options.rounds, options.peers)}\n\n{table(found)}\n"
    (ROOT / "distance.rst").write_text(text)
    print(text, end="")
    shutil.rmtree(TARGETS)


if __name__ == "__main__":
    main()
