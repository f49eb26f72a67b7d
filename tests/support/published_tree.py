"""Writes a small published tree by hand, the way the mirror lays it out, with real wheels and sdists that install."""

import gzip
import hashlib
import html
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from pypimirror.names import normalize

#: Upload time of every file, years ago.
UPLOADED = "2020-02-03T04:05:06.000007Z"
#: The same in seconds, for the times of files on disk.
WRITTEN = 1580702706

_BACKEND = '''\
"""Builds an sdist: its wheel lies in it, ready made. Needs nothing to be installed."""
import pathlib
import shutil


def build_wheel(directory, settings=None, metadata=None):
    (wheel,) = pathlib.Path.cwd().glob("*.whl")
    shutil.copy(wheel, directory)
    return wheel.name


build_editable = build_wheel
'''


class Distribution(NamedTuple):
    """One file of a project."""

    filename: str
    content: bytes
    #: Core metadata, for wheels.
    metadata: bytes = b""
    requires_python: str = ""
    yanked: str = ""


def wheel(name: str, version: str, requires: Sequence[str] = (), **facts: str) -> Distribution:
    """Build a wheel with one module that knows its version. facts: ``requires_python``, ``yanked``."""
    return _wheel(name, version, requires, f"version = {version!r}\n", facts)


def existing(path: Path) -> Distribution:
    """Take a wheel that is there already."""
    with zipfile.ZipFile(path) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
        return Distribution(path.name, path.read_bytes(), archive.read(metadata))


def recipe(name: str, version: str, requires: Sequence[str] = ()) -> Distribution:
    """Build a wheel of a buildout recipe that writes the versions of all it required to ``versions`` in the buildout."""
    code = (
        "import json, pathlib, pkg_resources\n"
        "class Recipe:\n"
        "    def __init__(self, buildout, name, options):\n"
        "        self.target = pathlib.Path(buildout['buildout']['directory'], 'versions')\n"
        "    def install(self):\n"
        f"        found = pkg_resources.require({name!r})\n"
        "        self.target.write_text(json.dumps({dist.key: dist.version for dist in found}))\n"
        "        return ()\n"
        "    update = install\n")
    return _wheel(name, version, requires, code, {"entry_points": f"[zc.buildout]\ndefault = {_module(name)}:Recipe\n"})


def backend(name: str, version: str = "1.0") -> Distribution:
    """Build a wheel whose module is a PEP 517 backend, for sdists to require."""
    return _wheel(name, version, (), _BACKEND, {})


def sdist(name: str, version: str, requires: Sequence[str] = (), build_with: str = "", **facts: str) -> Distribution:
    """Build an sdist that builds everywhere.

    build_with: the project whose module builds it, to be had from the index; the sdist carries its own unless given.
    """
    base = f"{_module(name)}-{version}"
    files = source(name, version, requires, build_with, **facts)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(f"{base}/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return Distribution(f"{base}.tar.gz", packed.getvalue(), **facts)


def source(name: str, version: str, requires: Sequence[str] = (), build_with: str = "", **facts: str) -> dict[str, bytes]:
    """Give the files of a source tree, as ``sdist`` packs them, by name."""
    built = wheel(name, version, requires, **facts)
    if build_with:
        system = f'requires = ["{build_with}"]\nbuild-backend = "{_module(build_with)}"\n'
    else:
        system = 'requires = []\nbuild-backend = "own_backend"\nbackend-path = ["."]\n'
    return {"PKG-INFO": built.metadata, "pyproject.toml": b"[build-system]\n" + system.encode(),
            "own_backend.py": _BACKEND.encode(), built.filename: built.content}


def publish(root: Path, projects: Mapping[str, Sequence[Distribution]], serial: int = 1000) -> None:
    """Write a tree with these projects, by their names as registered. Serials count from the given one."""
    root.mkdir(parents=True, exist_ok=True)
    own = root / ".pypimirror"
    own.mkdir(mode=0o700, exist_ok=True)
    (own / "state").write_text("not for clients")
    listed: list[dict[str, Any]] = []
    for number, (display, files) in enumerate(sorted(projects.items()), serial + 1):
        name = normalize(display)
        _project(root / name, files, number)
        listed.append({"name": display, "_last-serial": number})
        if display != name:
            legacy = root / display
            legacy.mkdir(exist_ok=True)
            anchors = [_anchor(file, f"../{name}/") for file in files]
            (legacy / "index.html").write_text(_page(f"Links for {name}", anchors, number))
    anchors = [f'<a href="{normalize(line["name"])}/">{html.escape(line["name"])}</a><br/>' for line in listed]
    newest = serial + len(listed)
    (root / "index.html").write_text(_page("Simple index", anchors, newest))
    meta = {"api-version": "1.1", "_last-serial": newest}
    (root / "index.v1_json").write_text(json.dumps({"meta": meta, "projects": listed}))
    every = [_anchor(file, f"{normalize(name)}/") for name, files in sorted(projects.items()) for file in files]
    (root / "full.html").write_text(_page("Every file", every, newest))
    (root / "pins").mkdir(exist_ok=True)
    (root / "pins" / "versions.cfg").write_text("[versions]\nzope.interface = 8.0\n")


def sha256(content: bytes) -> str:
    """Give the hex digest that links carry."""
    return hashlib.sha256(content).hexdigest()


def _project(folder: Path, files: Sequence[Distribution], serial: int) -> None:
    """Write one project's folder: files, then pages."""
    folder.mkdir(exist_ok=True)
    listed = []
    for file in files:
        (folder / file.filename).write_bytes(file.content)
        entry = {"filename": file.filename, "url": quote(file.filename), "size": len(file.content), "upload-time": UPLOADED,
                 "hashes": {"sha256": sha256(file.content)}, "yanked": file.yanked or False}
        if file.requires_python:
            entry["requires-python"] = file.requires_python
        if file.metadata:
            (folder / f"{file.filename}.metadata").write_bytes(file.metadata)
            entry["core-metadata"] = {"sha256": sha256(file.metadata)}
        listed.append(entry)
    (folder / "index.html").write_text(_page(f"Links for {folder.name}", [_anchor(file) for file in files], serial))
    versions = sorted({file.filename.removesuffix(".tar.gz").split("-")[1] for file in files})
    meta = {"api-version": "1.1", "_last-serial": serial}
    (folder / "index.v1_json").write_text(
        json.dumps({"meta": meta, "name": folder.name, "versions": versions, "files": listed}))


def _wheel(name: str, version: str, requires: Sequence[str], code: str, facts: Mapping[str, str]) -> Distribution:
    base = f"{_module(name)}-{version}"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}",
             *(f"Requires-Dist: {requirement}" for requirement in requires)]
    if "requires_python" in facts:
        lines.append(f"Requires-Python: {facts['requires_python']}")
    metadata = "\n".join([*lines, ""]).encode()
    info = f"{base}.dist-info"
    facts = dict(facts)
    entry_points = facts.pop("entry_points", "")
    files = {f"{_module(name)}.py": code.encode(), f"{info}/METADATA": metadata,
             f"{info}/entry_points.txt": entry_points.encode(),
             f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return Distribution(f"{base}-py3-none-any.whl", packed.getvalue(), metadata, **facts)


def _module(name: str) -> str:
    return normalize(name).replace("-", "_")


def _anchor(file: Distribution, folder: str = "") -> str:
    facts = ""
    if file.requires_python:
        facts += f' data-requires-python="{html.escape(file.requires_python)}"'
    if file.yanked:
        facts += f' data-yanked="{html.escape(file.yanked)}"'
    if file.metadata:
        digest = sha256(file.metadata)
        facts += f' data-dist-info-metadata="sha256={digest}" data-core-metadata="sha256={digest}"'
    target = f"{folder}{quote(file.filename)}#sha256={sha256(file.content)}"
    return f'<a href="{target}"{facts}>{html.escape(file.filename)}</a><br/>'


def _page(title: str, anchors: Sequence[str], serial: int) -> str:
    return "\n".join(["<!DOCTYPE html>", "<html>", "  <head>", '    <meta name="pypi:repository-version" content="1.1">',
                      f"    <title>{title}</title>", "  </head>", "  <body>", f"    <h1>{title}</h1>",
                      *(f"    {anchor}" for anchor in anchors), "  </body>", "</html>", f"<!--SERIAL {serial}-->", ""])
