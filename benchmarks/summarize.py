#!/usr/bin/env python3
"""Summarise result files written by the other scripts.

summarize.py peers FILE.jsonl            peers.py output, with ratios to --base
   --base NAME   reference contender (default: the first seen per group)
Ratios are taken within a round (same minute, same machine state), then the
median over rounds is quoted.
"""

import argparse
import json
import statistics as st
from collections import defaultdict


def rng(v, d=2):
    return f"{st.median(v):.{d}f} [{min(v):.{d}f}-{max(v):.{d}f}]"


def peers(rows, base):
    groups = defaultdict(lambda: defaultdict(dict))
    for r in rows:
        groups[r["tree"], r["scenario"], r["label"]][r["name"]][r["round"]] = r
    for key, contenders in groups.items():
        ref = contenders.get(base) or next(iter(contenders.values()))
        print("\n", *key)
        for name, runs in contenders.items():
            g = list(runs.values())
            both = [i for i in runs if i in ref]
            ratio = [ref[i]["wall"] / runs[i]["wall"] for i in both]
            line = (f"  {name:13} n={len(g)} wall {rng([r['wall'] for r in g]):22} cpu {rng([r['cpu'] for r in g]):22} "
                    f"rss {st.median(r['rss_tree_mb'] for r in g):4.0f} MB  req {st.median(r['requests'] for r in g):6.0f} "
                    f"speed vs ref x{st.median(ratio):.2f}")
            c = g[-1].get("check")
            if c:
                wall = st.median(r["wall"] for r in g)
                line += (f"  {c['projects'] / wall:6.0f} proj/s {c['files'] / wall:6.0f} files/s"
                         f" {c['bytes'] / 1e6 / wall:6.1f} MB/s"
                         f"  bad={c['missing'] + c['bad_hash'] + c['extra'] + c['bad_pages']}")
            print(line)


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("kind", choices=("peers",))
    ap.add_argument("file")
    ap.add_argument("--base", default="")
    a = ap.parse_args()
    rows = [json.loads(line) for line in open(a.file)]
    peers(rows, a.base)
