#!/usr/bin/env python3
"""Joins made advisories with a made mirror: processor seconds and memory of each step, each in a process of its own.

advisories.py [--advisories N] [--projects N] [--releases N]

The advisories are an archive in the OSV format, of the size and shape of the one about PyPI: one in ten projects has many, half
of the advisories name each affected version, and three have the same alias. Needs no network and no server.
"""

import argparse
import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
import zipfile
from pathlib import Path

from pypimirror.advisories.database import AdvisoryDatabase
from pypimirror.advisories.importer import Importer
from pypimirror.advisories.lookup import Advisories
from pypimirror.advisories.matching import AdvisoryMatcher
from pypimirror.metadata.filenames import parse
from pypimirror.model import File, Project, Stored
from pypimirror.state import records
from pypimirror.state.database import Row, State
from pypimirror.sync import advised

_TEXT = "A crafted request makes the parser of the component read outside of its buffer. " * 15


def versions(count):
    return [f"{number // 10}.{number % 10}.0" for number in range(1, count + 1)]


def document(number, draw, releases):
    """Return one advisory."""
    project = draw.randrange(1000) if draw.random() < 0.5 else draw.randrange(10_000)
    every = versions(releases)
    fixed = draw.randrange(1, releases)
    malicious = draw.random() < 0.4
    affected = {"package": {"ecosystem": "PyPI", "name": f"project-{project:05}"}}
    if not malicious:
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": every[fixed]}]}]
    if malicious or draw.random() < 0.5:
        affected["versions"] = every[:fixed]
    return {"schema_version": "1.7.0", "id": f"{'MAL' if malicious else 'PYSEC'}-2026-{number}", "summary": _TEXT[:80],
            "details": _TEXT, "modified": "2099-01-01T00:00:00Z", "affected": [affected],
            "aliases": [f"CVE-2026-{number - number % 3}"],
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}


def write(path, count, releases, changed=0):
    """Write an archive. changed: how many of its advisories differ from those of the first one."""
    draw = random.Random(24)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(count):
            body = document(number, draw, releases)
            if number < changed:
                body["summary"] = "changed"
            archive.writestr(f"{body['id']}.json", json.dumps(body))


def fill(folder, projects, releases):
    """Make the state of a mirror: every third project of the first ones has advisories."""
    state = State(folder)
    state.open()
    state.begin()
    for number in range(projects):
        name = f"project-{number * 3:05}"
        files = tuple(File(f"{name}-{version}.tar.gz", f"https://files.example.com/{name}-{version}.tar.gz",
                           {"sha256": "0" * 64}, 1000, stored=Stored("0" * 64, 1000, published=True))
                      for version in versions(releases))
        record = records.encode(Project(name, files))
        state.save(Row(name, name, "1", "1", 0, 1, len(files), 1000, 0), record)
    state.commit()
    state.close()


class Mirror:
    """As much of a mirror as the steps use."""

    def __init__(self, folder, source):
        self.settings = {"state_path": folder, "advisories": (source,), "advisories_max_age": 0}
        self.advisories = Advisories(self.settings)


def update(folder, source):
    database = AdvisoryDatabase(folder)
    database.open()
    result = Importer(database, None, None, 0).update([source])
    assert not result.problems, result
    database.close()
    return ""


def read(folder, source):
    """Read the same projects from the state and parse the names of their files, as an evaluation does without advisories."""
    mirror, state = Mirror(folder, source), State(folder)
    state.open()
    for name in advised.changed(mirror, state):
        for file in records.decode(state.record(name)).files:
            parse(file.filename, name)
    state.close()
    mirror.advisories.close()
    return "without the join"


def joined(folder, source):
    """Find the advisories that affect releases of the mirror; includes ``read``."""
    mirror, state = Mirror(folder, source), State(folder)
    state.open()
    names = advised.changed(mirror, state)
    found = releases = 0
    for name in names:
        project = records.decode(state.record(name))
        present = advised.advised(mirror, state, name)
        matcher = AdvisoryMatcher(present.advisories, name)
        for file in project.files:
            releases += 1
            found += bool(matcher.of_file(file))
    state.close()
    mirror.advisories.close()
    return f"{len(names)} projects with advisories, {found} of {releases} releases affected"


def unchanged(folder, source):
    """Do what a run does in which neither advisories nor upstream changed."""
    mirror, state = Mirror(folder, source), State(folder)
    state.open()
    advised.remember(mirror, state)
    state.commit()
    mirror.advisories.close()
    started = time.process_time()
    update(folder, source)
    assert advised.changed(mirror, state) == {}
    spent = time.process_time() - started
    state.close()
    return f"{spent * 1000:.0f} ms without opening the state"


def measured(step, *arguments):
    """Run a step in a process of its own; return seconds, megabytes above those of the start, and its text."""
    def work(pipe):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        text = step(*arguments)
        pipe.send((time.process_time() - started, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, text))

    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(there,))
    process.start()
    found = here.recv()
    process.join()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--advisories", type=int, default=20_000)
    parser.add_argument("--projects", type=int, default=3000)
    parser.add_argument("--releases", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "first.zip"), Path(folder, "second.zip")
        process = multiprocessing.Process(target=lambda: (write(first, options.advisories, options.releases), write(
            second, options.advisories, options.releases, 50), fill(folder, options.projects, options.releases)))
        process.start()
        process.join()
        source = str(Path(folder, "all.zip"))
        os.link(first, source)
        print(f"{options.advisories} advisories, {first.stat().st_size / 1e6:.1f} MB; {options.projects} projects with "
              f"{options.releases} releases each")
        steps = {"first import": update, "records read": read, "join": joined, "nothing changed": unchanged,
                 "50 changed": update}
        for title, step in steps.items():
            if title == "50 changed":
                os.replace(second, source)
            seconds, megabytes, text = measured(step, folder, source)
            print(f"{title:16} {seconds:7.2f} s {megabytes:7.1f} MB  {text}")


if __name__ == "__main__":
    main()
