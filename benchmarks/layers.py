#!/usr/bin/env python3
"""Processor time of a request, layer by layer: libcurl alone, then with the layers of this product around it.

    .bench/venv-pm/bin/python benchmarks/layers.py [--projects 300] [-n 4]

Fetches each file of a tree, 50 at once in one process, once for each layer in turn; the table shows the least of ``n`` rounds
in microseconds for each file. The last layer writes nothing; the last row writes and renames a file of 20 kB.
"""

import argparse
import json
import os
import shutil
import time

import pycurl

import upstream
from cases import USUAL
from places import ROOT, TARGETS, URL
from pypimirror.http.cooperation import Loop
from pypimirror.http.dispatcher import Dispatcher
from pypimirror.http.download import download
from pypimirror.http.limiter import RequestLimiter
from pypimirror.http.pycurl_fetcher import CurlFetcher
from pypimirror.http.retry import RetryPolicy
from pypimirror.storage.filesystem import FileSystem
from tree import Tree

_AT_ONCE = 50


class Settings(dict):
    """Settings without the other keys."""

    def __missing__(self, key):
        return None


SETTINGS = Settings(timeout=60, workers=_AT_ONCE, retries=5, mirror_file_path=str(TARGETS / "layers"))


class Nothing:
    """A receiver, an upload and a storage that keep nothing."""

    def start(self, head):
        pass

    def write(self, block):
        pass

    def commit(self, path, modified=None):
        pass

    def abort(self):
        pass

    def create(self):
        return self


def alone(files):
    """Fetch with libcurl's multi interface and nothing else; return seconds of processor time."""
    multi, free, left = pycurl.CurlMulti(), [], iter(files)
    for _ in range(_AT_ONCE):
        handle = pycurl.Curl()
        handle.setopt(pycurl.BUFFERSIZE, 1 << 18)
        handle.setopt(pycurl.WRITEFUNCTION, [].append)
        handle.setopt(pycurl.HEADERFUNCTION, [].append)
        free.append(handle)
    began, under_way = time.process_time(), 0
    while True:
        while free and (file := next(left, None)) is not None:
            handle = free.pop()
            handle.setopt(pycurl.URL, file["url"])
            multi.add_handle(handle)
            under_way += 1
        if not under_way:
            return time.process_time() - began
        multi.perform()
        _, ended, _ = multi.info_read()
        for handle in ended:
            multi.remove_handle(handle)
        free += ended
        under_way -= len(ended)
        if not ended:
            multi.select(1.0)


def layered(files, work):
    """Call ``work`` with fetcher, dispatcher and file for each file; return seconds of processor time."""
    fetcher = CurlFetcher(SETTINGS)
    loop, left, at_work = Loop(fetcher.selector()), iter(files), _AT_ONCE
    dispatcher = Dispatcher(RequestLimiter(lambda: fetcher, _AT_ONCE), None, [f"{URL}/simple/"])

    def some():
        nonlocal at_work
        for file in left:
            work(fetcher, dispatcher, file)
        at_work -= 1
        if not at_work:
            loop.stop()

    for _ in range(_AT_ONCE):
        loop.start(some)
    began = time.process_time()
    loop.run()
    used = time.process_time() - began
    loop.close()
    fetcher.close()
    return used


def written(files):
    """Write a file of 20 kB for each file."""
    shutil.rmtree(SETTINGS["mirror_file_path"], ignore_errors=True)
    storage, content = FileSystem(SETTINGS), os.urandom(20_000)
    storage.prepare()
    with storage.keep_open("demo"):
        began = time.process_time()
        for number in range(len(files)):
            storage.write(f"demo/{number}", (content,))
        return time.process_time() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=300)
    parser.add_argument("-n", type=int, default=4)
    options = parser.parse_args()
    tree = Tree(ROOT / "trees" / f"processor-{options.projects}-5")
    if tree.state.get("base_url") != URL:
        tree.generate(options.projects, 5, "bench", USUAL, URL)
    pages = sorted((tree.root / "www" / "simple").glob("*/index.json"))
    files = [file for page in pages for file in json.loads(page.read_bytes())["files"]]
    nothing, retry = Nothing(), RetryPolicy(5)
    layers = {
        "libcurl alone": alone,
        "the fetcher": lambda files: layered(files, lambda fetcher, _, file: fetcher.fetch(file["url"], nothing)),
        "limiter, credentials, retries": lambda files: layered(
            files, lambda _, dispatcher, file: retry(lambda: dispatcher.fetch(file["url"], nothing, {}))),
        "checks and hashes": lambda files: layered(files, lambda _, dispatcher, file: download(
            dispatcher, nothing, retry, file["url"], "", file["hashes"], file["size"])),
        "storage": written}
    used = {name: [] for name in layers}
    upstream.serve(tree)
    try:
        for _ in range(options.n):
            for name, layer in layers.items():
                used[name].append(layer(files))
    finally:
        upstream.stop()
        shutil.rmtree(TARGETS, ignore_errors=True)
    for name, seconds in used.items():
        print(f"{name:30}  {1e6 * min(seconds) / len(files):6.1f}")


if __name__ == "__main__":
    main()
