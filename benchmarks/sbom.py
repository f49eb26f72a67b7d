#!/usr/bin/env python3
"""Writes SBOMs of a made mirror: processor seconds and peak memory of each format, each in a process of its own.

sbom.py [--projects N] [--releases N]

Each release has a wheel with core metadata of the usual size, and every second one an sdist: five files in three releases.
Needs no network and no server.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from pypimirror.model import File, Project, Stored
from pypimirror.state import records
from pypimirror.state.database import Row, State

_TEXT = "A paragraph of the description, which is a part of core metadata.\n" * 120
_LICENSES = ("License-Expression: MIT", "Classifier: License :: OSI Approved :: MIT License", "License: BSD",
             "License-Expression: Apache-2.0 OR BSD-3-Clause")
_MEASURED = """
import resource, sys, time
from pypimirror import cli
status = cli.main(None, sys.argv[1:])
seconds = time.process_time()
print(f"{status} {seconds:.1f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}", file=sys.stderr)
"""


def metadata(number, version, projects):
    """Return core metadata with eight requirements on other projects."""
    name = f"project-{number:05}"
    required = [f"Requires-Dist: project-{(number + step) % projects:05}>=1.{step % 3}" for step in (1, 5, 25, 125, 625)]
    required += [f"Requires-Dist: project-{(number + step) % projects:05}; extra == 'test'" for step in (2, 4, 8)]
    return "\n".join((
        "Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", "Summary: A project of the benchmark",
        "Author-email: Someone <someone@example.com>",
        *(f"Classifier: Programming Language :: Python :: 3.{minor}" for minor in range(9, 15)),
        f"Project-URL: Homepage, https://{name}.example.com/", f"Project-URL: Source, https://git.example.com/{name}",
        f"Project-URL: Changelog, https://{name}.example.com/changes",
        _LICENSES[number % len(_LICENSES)], *required, "", _TEXT))


def wheel(stem, text):
    """Return a wheel with a module of some kilobytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("module.py", "pass\n" * 1000)
        archive.writestr(f"{stem}.dist-info/METADATA", text)
    return out.getvalue()


def sdist(stem, text):
    """Return an sdist."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(f"{stem}/PKG-INFO")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(out.getvalue(), 1)


def fill(folder, projects, releases):
    """Make the tree and the state of a mirror; return the number of files."""
    state, count = State(str(folder / ".pypimirror")), 0
    state.open()
    state.begin()
    for number in range(projects):
        name, files = f"project-{number:05}", []
        (folder / name).mkdir(parents=True)
        for minor in range(releases):
            stem, text = f"{name.replace('-', '_')}-1.{minor}", metadata(number, f"1.{minor}", projects)
            made = {f"{stem}-py3-none-any.whl": wheel(stem, text)}
            if minor % 2 == 0:
                made[f"{stem}.tar.gz"] = sdist(stem, text)
            for filename, content in made.items():
                (folder / name / filename).write_bytes(content)
                sidecar = None
                if filename.endswith(".whl"):
                    (folder / name / f"{filename}.metadata").write_text(text)
                    sidecar = hashlib.sha256(text.encode()).hexdigest()
                sha256 = hashlib.sha256(content).hexdigest()
                files.append(File(filename, f"https://files.example.com/{filename}", {"sha256": sha256}, len(content),
                                  stored=Stored(sha256, len(content), sidecar, published=True)))
        count += len(files)
        state.save(Row(name, name, "1", "1", 0, 1, len(files), 1000, 0), records.encode(Project(name, tuple(files))))
    state.commit()
    state.close()
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--projects", type=int, default=3000)
    parser.add_argument("--releases", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, config = Path(temporary) / "mirror", Path(temporary) / "pypimirror.cfg"
        count = fill(folder, given.projects, given.releases)
        config.write_text(f"[DEFAULT]\nmirror_file_path = {folder}\nindex_url = https://index.example.com/simple/\n"
                          "base_url = https://pypi.example.com\npackage_matches = *\npython_versions = 3.12 3.13\n"
                          "platforms = manylinux_2_28_x86_64\n")
        print(f"{given.projects} projects, {given.projects * given.releases} releases, {count} files")
        for options in (["--format", "cyclonedx"], ["--format", "spdx"], ["--licenses"]):
            with open(Path(temporary) / "out", "wb") as out:
                found = subprocess.run([sys.executable, "-c", _MEASURED, str(config), "sbom", *options], stdout=out,
                                       stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
            lines = found.stderr.strip().splitlines()
            status, seconds, megabytes = lines[-1].split() if lines else ("?", "?", "?")
            size = (Path(temporary) / "out").stat().st_size
            assert status == "0", found.stderr
            if options[0] == "--format":
                json.loads((Path(temporary) / "out").read_bytes())
            print(f"{' '.join(options):20}  {seconds} s, {megabytes} MB, {size / 1e6:.1f} MB written")


if __name__ == "__main__":
    main()
