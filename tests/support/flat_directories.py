"""Directories of distributions, as people have them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path


def put(folder: Path, *files: tuple[str, bytes]) -> None:
    """Write distributions into a folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files:
        (folder / name).write_bytes(body)


def archive(name: str, members: dict[str, str]) -> tuple[str, bytes]:
    """Make an archive of the kind that its name says, with these members; give name and content."""
    out = io.BytesIO()
    if name.endswith((".zip", ".whl", ".egg")):
        with zipfile.ZipFile(out, "w") as zipped:
            for path, text in members.items():
                zipped.writestr(path, text)
    else:
        with tarfile.open(fileobj=out, mode={"gz": "w:gz", "bz2": "w:bz2", "tgz": "w:gz"}[name.rpartition(".")[2]]) as packed:
            for path, text in members.items():
                member = tarfile.TarInfo(path)
                member.size = len(text.encode())
                packed.addfile(member, io.BytesIO(text.encode()))
    return name, out.getvalue()


def info(name: str, version: str, *lines: str, form: str = "2.1") -> str:
    """Give core metadata with further lines."""
    return "\n".join([f"Metadata-Version: {form}", f"Name: {name}", f"Version: {version}", *lines]) + "\n"


def egg(name: str, version: str, *lines: str, python: str = "3.11") -> tuple[str, bytes]:
    """Make an egg."""
    stem = name.replace("-", "_")
    return archive(f"{stem}-{version}-py{python}.egg", {"EGG-INFO/PKG-INFO": info(name, version, *lines), f"{stem}.py": ""})
