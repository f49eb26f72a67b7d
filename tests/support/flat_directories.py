"""Directories of distributions, as people have them."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
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


def zip64(name: str, content: bytes) -> bytes:
    """Return an archive of one file with numbers of 64 bits, as of one above 4 GB."""
    most, crc, size = 0xffffffff, zlib.crc32(content), len(content)
    body = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, crc, most, most, len(name), 20)
    body += name.encode() + struct.pack("<2H2Q", 1, 16, size, size) + content
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 0, crc, most, most, len(name), 28, 0, 0, 0, 0, most)
    entry += name.encode() + struct.pack("<2H3Q", 1, 24, size, size, 0)
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(entry), len(body))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(entry), 1)
    return body + entry + end + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0)
