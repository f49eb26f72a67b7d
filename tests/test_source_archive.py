"""Core metadata out of distributions, and damage."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from heaps import archive, egg, info, put
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


def test_a_wheel_gives_its_metadata_unless_its_directory_is_too_large_to_be_read() -> None:
    _, body = wheel("demo", "1.0")
    assert b"Name: demo\nVersion: 1.0\n" in (wheel_metadata(io.BytesIO(body)) or b"")
    end = bytearray(body)
    end[-10:-6] = (1 << 30).to_bytes(4, "little")
    assert wheel_metadata(io.BytesIO(end)) is None
    assert wheel_metadata(io.BytesIO(b"no wheel at all, but long enough for its end")) is None
    for damaged in (b"", body[100:]):
        with pytest.raises(Broken):
            wheel_metadata(io.BytesIO(damaged))
