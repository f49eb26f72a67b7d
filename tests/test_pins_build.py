"""What sdists say of themselves, honest ones and hostile ones."""

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypimirror.metadata import archives, tars
from pypimirror.pins import sdist
from pypimirror.pins.sdist import DEFAULT, read_sdist

PYPROJECT = """\
[build-system]
requires = ["flit_core >=3.2,<4", "tomli; python_version < '3.11'"]
build-backend = "flit_core.buildapi"
"""


def tar(files: dict[str, bytes | str], pack=gzip.compress, tar_format=tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tar_format) as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return pack(stream.getvalue())


def zipped(files: dict[str, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def read(content: bytes, filename: str = "foo-1.0.tar.gz") -> sdist.Sdist:
    return read_sdist(io.BytesIO(content), filename)


@pytest.mark.parametrize("make, filename", [
    (tar, "foo-1.0.tar.gz"), (lambda files: tar(files, tar_format=tarfile.GNU_FORMAT), "foo-1.0.tgz"),
    (lambda files: tar(files, bz2.compress), "foo-1.0.tar.bz2"),
    (lambda files: tar(files, lzma.compress), "foo-1.0.tar.xz"),
    (lambda files: tar(files, bytes), "foo-1.0.tar"), (zipped, "foo-1.0.zip")])
def test_build_requirements_are_read_from_every_format(make, filename):
    sdist = read(make({"foo-1.0/a" + "x" * 200: b"0" * 3000, "foo-1.0/PKG-INFO": "Name: foo\n",
        "foo-1.0/src/pyproject.toml": "[build-system]\nrequires = ['wrong']\n",
                       "foo-1.0/pyproject.toml": PYPROJECT, "foo-1.0/setup.cfg": "[options]\nsetup_requires = not-asked\n",
                       "foo-1.0/z": b"1" * 512}), filename)
    assert sdist.build_requires == ("flit_core<4,>=3.2", 'tomli; python_version < "3.11"')
    assert sdist.metadata == b"Name: foo\n"
    assert sdist.requires is None
    assert sdist.problems == ()


@pytest.mark.parametrize("files, requires", [
    ({}, DEFAULT), ({"foo-1/setup.py": ""}, DEFAULT), ({"foo-1/pyproject.toml": "[tool.black]\nx = 1\n"}, DEFAULT),
    ({"foo-1/pyproject.toml": "[build-system]\nrequires = []\nbackend-path = ['.']\n"}, ()),
    ({"foo-1/pyproject.toml": "[build-system]\nrequires = ['setuptools>=61']\n"}, ("setuptools>=61", "wheel")),
    ({"foo-1/setup.cfg": "[options]\nsetup_requires =\n    pbr>=2\n    # why\n    Cython; python_version<'3'\n"},
    (*DEFAULT, "pbr>=2", 'Cython; python_version < "3"')),
    ({"foo-1/setup.cfg": "[options]\nsetup_requires = pbr; six>1\n"}, (*DEFAULT, "pbr", "six>1")),
    ({"foo-1/setup.cfg": "[options\nsetup_requires = x"}, DEFAULT), ({"foo-1/setup.cfg": b"\xff\xfe"}, DEFAULT),
    ({"foo-1/setup.cfg": "[options]\nsetup_requires = a b c"}, DEFAULT),
    ({"foo-1/pyproject.toml": "[build-system]\nrequires = ['scikit-build-core', 'ninja']\n"},
     ("scikit-build-core", "ninja", "cmake>=3.15", "ninja>=1.5")),
    ({"./foo-1/pyproject.toml": "[build-system]\nrequires = ['hatchling']\n"}, ("hatchling",)),
    ({"pyproject.toml": "[build-system]\nrequires = ['hatchling']\n"}, DEFAULT)])
def test_setuptools_and_wheel_build_what_says_nothing(files, requires):
    sdist = read(tar(files))
    assert sdist.build_requires == requires
    assert sdist.problems == ()


@pytest.mark.parametrize("text, why", [
    ("[build-system]\nrequires = ['a b', 'ok']\n", "build-system.requires: 'a b' is not a requirement"),
    ("[build-system]\nrequires = ['ok', 5]\n", "build-system.requires: '5' is not a requirement"),
    ("[build-system]\nbuild-backend = 'x'\n", "pyproject.toml: build-system.requires is missing or not a list; setuptools"),
    ("[build-system]\nrequires = 'setuptools'\n", "pyproject.toml: build-system.requires is missing or not a list"),
    ("[build-system.requires]\nsetuptools = '*'\n", "pyproject.toml: build-system.requires is missing or not a list"),
    ("build-system = 1\n", "pyproject.toml: build-system.requires is missing or not a list"),
    ("[build-system]\n", "pyproject.toml: build-system.requires is missing or not a list"),
    ("[build-system\n", "pyproject.toml: "), (b"\xff", "pyproject.toml: "), ("a = " + "[" * 9000, "pyproject.toml: nested")])
def test_a_build_system_that_can_not_be_read_is_reported_by_file(text, why):
    sdist = read(tar({"foo-1/pyproject.toml": text}))
    assert len(sdist.problems) == 1
    assert sdist.problems[0].startswith(f"foo-1.0.tar.gz: {why}")
    assert sdist.build_requires == (("ok",) if "ok" in str(text) else DEFAULT)


def test_run_time_requirements_come_from_setuptools_own_file():
    egg = "a>=1\nb\n\n[:python_version < '3']\nc\n\n[x]\nd\n\n[y:sys_platform == 'win32']\ne\nbad line here\n"
    sdist = read(tar({"foo-1/src/foo.egg-info/requires.txt": egg, "foo-1/PKG-INFO": "Name: foo\n"}))
    assert sdist.requires == ("a>=1", "b", 'c; python_version < "3"', 'd; extra == "x"',
        'e; sys_platform == "win32" and extra == "y"', "bad line here")


def test_a_sdist_of_the_real_setuptools_is_read(tmp_path):
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\n"
        "setup(name='Foo.Bar', version='1', install_requires=['a>1', \"b; python_version<'3'\"], extras_require={'x': 'c'})\n")
    (tmp_path / "pyproject.toml").write_text("[build-system]\nrequires = ['setuptools>=61', 'extra-tool']\n")
    subprocess.run([sys.executable, "setup.py", "-q", "sdist"], cwd=tmp_path, check=True, capture_output=True)
    made, = (tmp_path / "dist").iterdir()
    with made.open("rb") as stream:
        sdist = read_sdist(stream, made.name)
    assert sdist.build_requires == ("setuptools>=61", "extra-tool", "wheel")
    assert set(sdist.requires) == {"a>1", 'b; python_version < "3"', 'c; extra == "x"'}
    assert b"Name: Foo.Bar" in sdist.metadata


def header(**changes) -> bytes:
    info = tarfile.TarInfo("foo-1/x")
    for name, value in changes.items():
        setattr(info, name, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def zeros(size: int) -> bytes:
    """A gzip file of that many zero bytes, made without holding them."""
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as packed:
        for _ in range(size >> 20):
            packed.write(bytes(1 << 20))
    return stream.getvalue()


@pytest.mark.parametrize("content, why", [
    (b"", ""), (b"nothing", ""), (gzip.compress(b"nothing"), ""), (tar({"foo-1/pyproject.toml": PYPROJECT})[:-30], ""),
    (lzma.compress(b"x"), ""), (b"\x28\xb5\x2f\xfd" + b"x" * 600, "compressed with zstd"),
    (gzip.compress(header(type=tarfile.GNUTYPE_LONGNAME, size=1 << 30) + bytes(4096)), "too long"),
    (gzip.compress(header(type=tarfile.XHDTYPE, size=1 << 31) + bytes(4096)), "too long"),
    (gzip.compress(header(type=tarfile.GNUTYPE_LONGNAME, size=1).ljust(1024, b"x") * 3000), ""),
    (gzip.compress(header(size=-4096) + bytes(4096)), ""),
    (b"PK\x05\x06" + b"\xff" * 18, ""), (b"\x1f\x8b" + b"\0" * 50, ""), (b"BZh9" + b"x" * 50, "")])
def test_a_damaged_or_hostile_archive_is_a_problem_and_nothing_else(content, why):
    for filename in ("foo-1.0.tar.gz", "foo-1.0.zip"):
        sdist = read(content, filename)
        assert sdist.build_requires == DEFAULT
        assert len(sdist.problems) == 1
        assert sdist.problems[0].startswith(f"{filename}: can't be read (")
        assert why in sdist.problems[0] or filename.endswith(".zip")


def test_an_archive_that_unpacks_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(archives, "_MAX_SDIST", 8 << 20)
    bomb = gzip.compress(header(size=1 << 40)) + zeros(64 << 20)
    sdist = read(bomb)
    assert "unpacks to more than 8 MB" in sdist.problems[0]


def test_an_archive_of_too_many_files_is_given_up(monkeypatch):
    monkeypatch.setattr(tars, "_MAX_MEMBERS", 100)
    assert "too many files" in read(gzip.compress(header() * 200 + bytes(1024))).problems[0]


def test_a_file_that_is_too_large_to_be_one_is_not_read():
    assert read(tar({"foo-1/pyproject.toml": b"#" * (2 << 20)})).build_requires == DEFAULT
    assert read(zipped({"foo-1/pyproject.toml": b"#" * (2 << 20)}), "foo-1.0.zip").build_requires == DEFAULT


def test_links_in_an_archive_are_not_followed():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo("foo-1/pyproject.toml")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    assert read(stream.getvalue()).build_requires == DEFAULT


GOOD = tar({"foo-1/pyproject.toml": PYPROJECT, "foo-1/" + "x" * 150: b"x" * 700, "foo-1/PKG-INFO": "Name: foo\n"}, bytes)
GOOD_ZIP = zipped({"foo-1/pyproject.toml": PYPROJECT, "foo-1/PKG-INFO": "Name: foo\n"})


@settings(max_examples=150)
@given(st.booleans(), st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8)), max_size=6),
    st.integers(0, len(GOOD)))
def test_any_damage_to_an_archive_is_survived(is_zip, changes, cut):
    content = bytearray(GOOD_ZIP if is_zip else GOOD)
    for at, data in changes:
        at %= len(content)
        content[at:at + len(data)] = data
    kept = bytes(content[:cut] if cut % 3 == 0 else content)
    sdist = read(kept if is_zip else gzip.compress(kept), "foo-1.0.zip" if is_zip else "foo-1.0.tar.gz")
    assert all(isinstance(text, str) for text in sdist.build_requires)
    assert all(len(line.splitlines()) == 1 for line in sdist.problems)
