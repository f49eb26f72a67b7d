"""Core metadata out of distributions, and damage."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from heaps import archive, egg, info, put
from pypimirror.pins.build import read_sdist
from pypimirror.source import archive as source_archive
from pypimirror.source.archive import Broken, check, core_metadata, wheel_metadata
from upstream import sdist, wheel


@pytest.mark.parametrize(("name", "body"), [
    wheel("demo", "1.0"), sdist("demo", "1.0"), egg("demo", "1.0"),
    archive("demo-1.0.zip", {"demo-1.0/PKG-INFO": info("demo", "1.0")}),
    archive("demo-1.0.tar.bz2", {"demo-1.0/PKG-INFO": info("demo", "1.0")}),
    archive("demo-1.0.tgz", {"demo-1.0/PKG-INFO": info("demo", "1.0")}),
])
def test_whole_distributions_give_their_core_metadata(tmp_path: Path, name: str, body: bytes) -> None:
    put(tmp_path, (name, body))
    check(str(tmp_path / name))
    found = core_metadata(str(tmp_path / name)) or b""
    assert b"Name: demo\nVersion: 1.0\n" in found


@pytest.mark.parametrize(("name", "body"), [
    archive("demo-1.0-py2.7.egg", {"demo.py": ""}), archive("demo-1.0.zip", {"demo-1.0/setup.py": ""}),
    archive("demo-1.0.tar.gz", {"demo-1.0/setup.py": ""}), ("demo-1.0.win32.exe", b"MZ")])
def test_what_carries_none_gives_none(tmp_path: Path, name: str, body: bytes) -> None:
    put(tmp_path, (name, body))
    check(str(tmp_path / name))
    assert core_metadata(str(tmp_path / name)) is None


@pytest.mark.parametrize(("name", "body"), [wheel("demo", "1.0"), sdist("demo", "1.0"), egg("demo", "1.0")])
@pytest.mark.parametrize("harm", ["cut", "empty", "page"])
def test_what_is_cut_off_or_something_else_is_refused(tmp_path: Path, name: str, body: bytes, harm: str) -> None:
    put(tmp_path, (name, {"cut": body[:-20], "empty": b"", "page": b"<!DOCTYPE html><html></html>"}[harm]))
    with pytest.raises(Broken):
        check(str(tmp_path / name))
        core_metadata(str(tmp_path / name))


def test_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    name, body = archive("demo-1.0-py3-none-any.whl", {"demo.py": "answer = 42\n"})
    put(tmp_path, (name, body.replace(b"answer = 42", b"answer = 43")))
    with pytest.raises(Broken, match=r"demo\.py in it is damaged"):
        check(str(tmp_path / name))


def test_a_wheel_without_metadata_is_refused(tmp_path: Path) -> None:
    put(tmp_path, archive("demo-1.0-py3-none-any.whl", {"demo.py": ""}))
    with pytest.raises(Broken, match="no METADATA"):
        core_metadata(str(tmp_path / "demo-1.0-py3-none-any.whl"))


def test_a_wheel_gives_its_metadata_unless_it_is_damaged_or_its_directory_is_too_large_to_be_read() -> None:
    _, body = wheel("demo", "1.0")
    assert b"Name: demo\nVersion: 1.0\n" in (wheel_metadata(io.BytesIO(body)) or b"")
    end = bytearray(body)
    end[-10:-6] = (1 << 30).to_bytes(4, "little")
    with pytest.raises(Broken, match="its directory is too large"):
        wheel_metadata(io.BytesIO(end))
    for damaged in (b"", body[100:], b"no wheel at all, but long enough for its end"):
        with pytest.raises(Broken):
            wheel_metadata(io.BytesIO(damaged))


def bomb(name: str, method: int, size: int, told: int | None = None) -> bytes:
    """Pack so many zeros. told: the size that the archive claims."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed, packed.open(name, "w") as member:
        for _ in range(size >> 20):
            member.write(bytes(1 << 20))
    body = out.getvalue()
    # In the file's own head and in the directory.
    return body if told is None else body.replace(struct.pack("<L", size), struct.pack("<L", told))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("told", [100, 1 << 20])
def test_what_lies_about_its_size_takes_no_more_memory_than_it_tells(method: int, told: int) -> None:
    wheel_ = bomb("demo-1.0.dist-info/METADATA", method, 64 << 20, told)
    sdist_ = bomb("demo-1.0/PKG-INFO", method, 64 << 20, told)
    tracemalloc.start()
    try:
        with pytest.raises(Broken):
            wheel_metadata(io.BytesIO(wheel_))
        assert len(read_sdist(io.BytesIO(sdist_), "demo-1.0.zip").problems) == 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_what_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_archive, "_MOST_UNPACKED", 8 << 20)
    zeros = bytes(16 << 20)
    put(tmp_path, ("demo-1.0.tar.gz", gzip.compress(zeros)), ("demo-1.0.tar.bz2", bz2.compress(zeros)),
        ("demo-1.0.tar.xz", lzma.compress(zeros)), ("demo-1.0.zip", bomb("x", zipfile.ZIP_DEFLATED, len(zeros))))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(Broken, match="it unpacks to more than"):
            check(str(path))


def test_a_header_that_is_unpacked_whole_is_refused(tmp_path: Path) -> None:
    """Of an extended header as long as it says tarfile reads all at once."""
    header = tarfile.TarInfo("demo-1.0/PKG-INFO")
    header.type, header.size = tarfile.XHDTYPE, 1 << 40
    body = header.tobuf(tarfile.GNU_FORMAT) + bytes(64 << 20)
    put(tmp_path, ("demo-1.0.tar.gz", gzip.compress(body, 1)))
    del body
    tracemalloc.start()
    try:
        with pytest.raises(Broken):
            core_metadata(str(tmp_path / "demo-1.0.tar.gz"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
