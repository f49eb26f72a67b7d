"""Core metadata out of distributions, and damage."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import re
import struct
import tarfile
import tempfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypimirror.metadata import archives, zips
from pypimirror.metadata.archives import check, core_metadata, wheel_metadata
from pypimirror.metadata.errors import InvalidContent
from pypimirror.pins.sdist import read_sdist
from support.flat_directories import archive, egg, info, put, zip64
from support.resource_limits import bounded
from support.upstream import sdist, wheel


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
    with pytest.raises(InvalidContent):
        check(str(tmp_path / name))
        core_metadata(str(tmp_path / name))


def test_an_installer_with_the_record_of_several_disks_is_refused(tmp_path: Path) -> None:
    """The library raises an error where it is asked whether this is a zip archive."""
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 2)
    put(tmp_path, ("demo-1.0.win32.exe", b"MZ" + locator + b"PK\5\6" + bytes(18)))
    with pytest.raises(InvalidContent):
        check(str(tmp_path / "demo-1.0.win32.exe"))


def test_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    name, body = archive("demo-1.0-py3-none-any.whl", {"demo.py": "answer = 42\n"})
    put(tmp_path, (name, body.replace(b"answer = 42", b"answer = 43")))
    with pytest.raises(InvalidContent, match=r"demo\.py in it is damaged"):
        check(str(tmp_path / name))


def test_a_wheel_without_metadata_is_refused(tmp_path: Path) -> None:
    put(tmp_path, archive("demo-1.0-py3-none-any.whl", {"demo.py": ""}))
    with pytest.raises(InvalidContent, match="no METADATA"):
        core_metadata(str(tmp_path / "demo-1.0-py3-none-any.whl"))


def test_a_wheel_gives_its_metadata_unless_it_is_damaged_or_its_directory_is_too_large_to_be_read() -> None:
    _, body = wheel("demo", "1.0")
    assert b"Name: demo\nVersion: 1.0\n" in (wheel_metadata(io.BytesIO(body)) or b"")
    large = many(20_000, "x" * 200)
    with pytest.raises(InvalidContent, match="its directory is too large"):
        wheel_metadata(io.BytesIO(large))
    end = bytearray(body)
    end[-10:-6] = (1 << 30).to_bytes(4, "little")
    with pytest.raises(InvalidContent):
        wheel_metadata(io.BytesIO(end))
    for damaged in (b"", body[100:], b"no wheel at all, but long enough for its end"):
        with pytest.raises(InvalidContent):
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
@pytest.mark.heavy
def test_what_lies_about_its_size_takes_no_more_memory_than_it_tells(method: int, told: int) -> None:
    wheel_ = bomb("demo-1.0.dist-info/METADATA", method, 64 << 20, told)
    sdist_ = bomb("demo-1.0/PKG-INFO", method, 64 << 20, told)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidContent):
            wheel_metadata(io.BytesIO(wheel_))
        assert len(read_sdist(io.BytesIO(sdist_), "demo-1.0.zip").problems) == 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_what_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MAX_UNPACKED", 8 << 20)
    zeros = bytes(16 << 20)
    put(tmp_path, ("demo-1.0.tar.gz", gzip.compress(zeros)), ("demo-1.0.tar.bz2", bz2.compress(zeros)),
        ("demo-1.0.tar.xz", lzma.compress(zeros)), ("demo-1.0.zip", bomb("x", zipfile.ZIP_DEFLATED, len(zeros))))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(InvalidContent, match="it unpacks to more than"):
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
        with pytest.raises(InvalidContent):
            core_metadata(str(tmp_path / "demo-1.0.tar.gz"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def many(count: int, name: str = "f", stream: io.BytesIO | None = None) -> bytes:
    """Return a zip with so many files and a wheel's METADATA."""
    stream = stream or io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("demo-1.0.dist-info/METADATA", info("demo", "1.0"))
        for number in range(count):
            packed.writestr(f"{number}{name}", b"")
    return stream.getvalue()


def with_end_record(directory: int, comment: bytes = b"", **fields: int) -> bytes:
    """Return an archive with a directory of so many bytes, each field of whose end record is what is given."""
    order = ("disk", "first_disk", "here", "total")
    numbers = [fields.get(name, 0) for name in order]
    entry = struct.Struct("<4s6H3L5H2L").pack(b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    body = entry * (directory // len(entry))
    return body + struct.pack("<4s4H2LH", b"PK\5\6", *numbers, len(body), 0, len(comment)) + comment


@pytest.mark.parametrize("fields", [
    {"disk": 0x4b50, "first_disk": 0x0605}, {"first_disk": 0x4b50, "here": 0x0605}, {"here": 0x4b50, "total": 0x0605}, {}])
@pytest.mark.parametrize("comment", [b"", b"PK\5\6" + bytes(18), b"PK\5\6" + bytes(30), b"x" * 65535])
def test_a_large_directory_is_refused_wherever_an_end_record_seems_to_be(fields: dict[str, int], comment: bytes) -> None:
    body = with_end_record(60 << 20, comment, **fields)

    def refused() -> None:
        try:
            assert zips.ZipReader(io.BytesIO(body)).entries == []  # the record in the comment says so
        except InvalidContent as error:
            assert "Memory" not in str(error)
            assert comment or str(error) == "its directory is too large"

    bounded(refused, memory=150 << 20)


def test_an_archive_with_numbers_of_64_bits_is_read(tmp_path: Path) -> None:
    name, content = "demo-1.0.dist-info/METADATA", info("demo", "1.0").encode()
    body = zip64(name, content)
    assert zipfile.ZipFile(io.BytesIO(body)).read(name) == content
    put(tmp_path, ("demo-1.0-py3-none-any.whl", body))
    assert check(str(tmp_path / "demo-1.0-py3-none-any.whl"))
    assert core_metadata(str(tmp_path / "demo-1.0-py3-none-any.whl")) == content
    assert wheel_metadata(io.BytesIO(body)) == content


def test_a_zip64_directory_of_many_bytes_is_refused() -> None:
    plain = with_end_record(60 << 20)
    entries, record = plain[:-22], plain[-22:]
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(entries), 0)
    large = entries + end + struct.pack("<4sLQL", b"PK\6\7", 0, len(entries), 1) + record[:10] + b"\xff" * 10 + record[20:]

    def refused() -> None:
        with pytest.raises(InvalidContent, match="its directory is too large"):
            zips.ZipReader(io.BytesIO(large))

    bounded(refused, memory=100 << 20)


def test_files_that_share_their_packed_bytes_are_refused(tmp_path: Path) -> None:
    """As in archives whose every entry leads to the same bytes, which unpack to terabytes."""
    one = io.BytesIO()
    with zipfile.ZipFile(one, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("x", bytes(1 << 20))
    body = one.getvalue()
    start, end = body.index(b"PK\1\2"), body.index(b"PK\5\6")
    entry = body[start:end]
    shared = body[:start] + entry * 5000 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 5000, 5000, len(entry) * 5000, start, 0)
    put(tmp_path, ("demo-1.0.zip", shared))
    with pytest.raises(InvalidContent):
        check(str(tmp_path / "demo-1.0.zip"))


def headers(kind: bytes, facts: bytes, count: int, size: int | None = None) -> bytes:
    """Return a tar archive in which so many members each have an extended header."""
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, len(facts) if size is None else size
    padded = facts + bytes(-len(facts) % 512)
    return (header.tobuf(tarfile.GNU_FORMAT) + padded + tarfile.TarInfo("demo-1.0/x").tobuf()) * count + bytes(1024)


def fact(key: str, value: str) -> bytes:
    rest = f" {key}={value}\n"
    length = len(rest) + 1
    while len(f"{length}{rest}") != length:
        length += 1
    return f"{length}{rest}".encode()


FACTS = b"".join(fact(f"k{number}", "") for number in range(4000))


#: What is given to ``headers``; what it makes of them takes up to 200 MB, and so is made by each test.
HEAPS: list[tuple[Any, ...]] = [
    (tarfile.XHDTYPE, FACTS, 1500), (tarfile.XGLTYPE, FACTS, 1500), (tarfile.XHDTYPE, b"9" * 65000, 1),
    (tarfile.XHDTYPE, b"9" * (1 << 20), 1), (tarfile.GNUTYPE_LONGNAME, b"a" * 60000, 3000),
    (tarfile.XHDTYPE, fact("path", "x" * 60000), 2000), (tarfile.GNUTYPE_SPARSE, b"\1" * 512 * 4000, 1),
    (tarfile.XHDTYPE, b"", 1, 1 << 40), (tarfile.REGTYPE, b"", 60_000),
    (tarfile.SYMTYPE, b"", 60_000, 1 << 40), (tarfile.XHDTYPE, b"0 a=b\n", 9),
    (tarfile.XHDTYPE, b"-5 a=b\n", 9), (tarfile.XHDTYPE, fact("size", "-1"), 1),
    (tarfile.XHDTYPE, fact("size", "9" * 5000), 1), (tarfile.XHDTYPE, fact("GNU.sparse.map", "1," * 20000), 1)]


@pytest.mark.parametrize("heap", HEAPS, ids=range(15))
@pytest.mark.parametrize("pack", [bytes, lambda body: gzip.compress(body, 1)])
def test_headers_of_tar_archives_take_little_memory(heap: tuple[Any, ...], pack: Callable[[bytes], bytes]) -> None:
    packed = pack(headers(*heap))

    def read() -> None:
        try:
            archives.read_sdist_files(io.BytesIO(packed), "demo-1.0.tar.gz", re.compile("PKG-INFO"))
        except InvalidContent as error:
            assert str(error).isprintable()

    bounded(read, memory=40 << 20)


def test_facts_in_extended_headers_count(tmp_path: Path) -> None:
    content = info("demo", "1.0").encode() + b"x" * 300
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as packed:
        member = tarfile.TarInfo("demo-1.0/PKG-INFO")
        member.size = len(content)
        member.pax_headers = {"path": "demo-1.0/PKG-INFO", "size": str(len(content)), "comment": "ä" * 99}
        packed.addfile(member, io.BytesIO(content))
    found = archives.read_sdist_files(io.BytesIO(stream.getvalue()), "demo-1.0.tar.gz", re.compile("PKG-INFO"))
    assert found == {"PKG-INFO": content}


def test_a_dictionary_that_takes_much_memory_is_refused() -> None:
    packed = bytearray(lzma.compress(bytes(1024)))
    place = packed.index(b"\x21\x01")  # LZMA2, one byte of properties
    packed[place + 2] = 40  # 4 GB
    header = bytes(packed[12:12 + (packed[12] + 1) * 4 - 4])
    packed[12 + len(header):12 + len(header) + 4] = zlib.crc32(header).to_bytes(4, "little")
    with pytest.raises(InvalidContent, match="Memory"):
        archives.read_sdist_files(io.BytesIO(bytes(packed)), "demo-1.0.tar.xz", re.compile("PKG-INFO"))


@pytest.mark.parametrize("pack", [lambda body: gzip.compress(body, 9), bz2.compress, lzma.compress])
@pytest.mark.heavy
def test_a_small_sdist_unpacks_to_no_more_than_a_multiple_of_its_size(pack: Callable[[bytes], bytes]) -> None:
    member = tarfile.TarInfo("demo-1.0/x")
    member.size = 100 << 20
    body = pack(member.tobuf() + bytes(member.size))
    assert len(body) < 1 << 20

    def read() -> None:
        with pytest.raises(InvalidContent, match="it unpacks to more than 64 MB"):
            archives.read_sdist_files(io.BytesIO(body), "demo-1.0.tar.gz", re.compile("PKG-INFO"))

    bounded(read, memory=100 << 20)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_several_members_behind_each_other_are_one_stream(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    _, whole = archive("demo-1.0.tar.gz", {"demo-1.0/PKG-INFO": info("demo", "1.0"), "demo-1.0/x": "x" * 3000})
    body = gzip.decompress(whole)
    put(tmp_path, ("demo-1.0.tar.gz", pack(body[:700]) + pack(body[700:]) + bytes(512)))
    check(str(tmp_path / "demo-1.0.tar.gz"))
    assert core_metadata(str(tmp_path / "demo-1.0.tar.gz")) == info("demo", "1.0").encode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.heavy
def test_many_files_that_tell_how_to_build_are_refused(pack: Callable[[bytes], bytes]) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as packed:
        for number in range(300):
            member = tarfile.TarInfo(f"demo-1.0/{number}.egg-info")
            member.size = 1 << 18
            packed.addfile(member, io.BytesIO(bytes(member.size)))
    body = pack(stream.getvalue())
    with pytest.raises(InvalidContent):
        archives.read_sdist_files(io.BytesIO(body), "demo-1.0.tar.gz", re.compile(r"[^/]+\.egg-info"))


WHOLE = {name: archive(f"demo-1.0{name}", {"demo-1.0/PKG-INFO": info("demo", "1.0"), "demo-1.0/" + "n" * 150: "x" * 700})[1]
         for name in (".tar.gz", ".tar.bz2", ".zip")}
PLAIN = gzip.decompress(WHOLE[".tar.gz"])
CHANGES = st.lists(st.tuples(st.integers(0, 1 << 14), st.binary(min_size=1, max_size=8)), max_size=6)


@given(st.one_of(st.binary(max_size=2000), st.tuples(st.sampled_from([*WHOLE.values(), PLAIN]), CHANGES)), st.booleans())
def test_arbitrary_and_mutated_archives_raise_nothing_but_our_error(source: bytes | tuple[bytes, Any], repack: bool) -> None:
    if isinstance(source, bytes):
        body = source
    else:
        changed = bytearray(source[0])
        for place, data in source[1]:
            place %= len(changed)
            changed[place:place + len(data)] = data
        body = bytes(changed)
    body = gzip.compress(body, 1) if repack else body
    for name in ("demo-1.0.tar.gz", "demo-1.0.zip"):
        try:
            archives.read_sdist_files(io.BytesIO(body), name, re.compile("PKG-INFO"))
        except InvalidContent as error:
            assert str(error).isprintable()
    with contextlib.suppress(InvalidContent):
        wheel_metadata(io.BytesIO(body))
    with tempfile.NamedTemporaryFile() as stream:
        stream.write(body)
        stream.flush()
        for name in ("demo-1.0.tar.gz", "demo-1.0.whl", "demo-1.0.exe"):
            with contextlib.suppress(InvalidContent):
                check(stream.name, name)
