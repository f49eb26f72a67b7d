"""Targets for pin files, and for what distributions say about their requirements."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

from pypimirror.errors import FetchError
from pypimirror.metadata.bounded_toml import loads
from pypimirror.pins.environments import environments
from pypimirror.pins.extends_cache import rewritten
from pypimirror.pins.extends_chain import Chain, decoded
from pypimirror.pins.flat_pins import flatten_requirements, flatten_versions
from pypimirror.pins.pin_files import read_pin_files
from pypimirror.pins.pylock import read_pylock
from pypimirror.pins.requirements import pins_of, read_requirements
from pypimirror.pins.sdist import read_sdist
from pypimirror.pins.sections import parse, sections
from pypimirror.pins.setup_py import setup_requires
from pypimirror.pins.versions import read_versions

LINUX = environments(("3.11",), ("manylinux_2_28_x86_64",))
#: The files of an sdist that are read, in the order in which the parts of an input become them.
_FILES = ("pyproject.toml", "setup.cfg", "setup.py", "bad.egg-info/requires.txt", "PKG-INFO", "CMakeLists.txt", "hatch.toml")


def versions(body: bytes) -> None:
    """Check that a flattened file, and the one in ``extends-cache``, have the pins and nothing that is refused."""
    chain = Chain("https://example.com/a", lambda name: body)
    pins = read_versions(chain, LINUX)
    again = read_versions(Chain("/flat", lambda name: flatten_versions(chain, LINUX).encode()), LINUX)
    assert again.problems == () and all(len(line.splitlines()) == 1 for line in (*pins.problems, *pins.notes))
    kept = rewritten(body, "a")
    texts = [decoded(content, "a") for content in (kept, rewritten(kept, "a"))]
    assert len({repr(sections(parse(text, "a"), lambda block: True)) for text in texts}) == 1


def requirements(body: bytes) -> None:
    """Check that a flattened requirements file has the same pins."""
    names: set[str] = set()

    def read(name: str) -> bytes:
        names.add(name)
        if len(names) > 20:  # one that leads to others without end takes as long as thousands of files take
            raise FetchError(name, "not here")
        return body

    found = read_requirements("https://example.com/a", read)
    pins = pins_of(found, LINUX)
    flat = flatten_requirements(found)
    again = pins_of(read_requirements("/flat", lambda name: flat.encode()), LINUX)
    assert again.versions == pins.versions, (pins.versions, again.versions)
    assert "://" not in flat and not any(line.startswith("-") for line in flat.splitlines())


def pylock(body: bytes) -> None:
    found = read_pylock("/pylock.toml", lambda name: body, LINUX)
    assert all(len(line.splitlines()) == 1 for line in pins_of(found, LINUX).problems)


class _Nothing:
    def get(self, name: str) -> str | None:
        return None

    def put(self, name: str, text: str) -> None:
        text.encode()


def pin_file(body: bytes) -> None:
    """Check that any file is read as its kind or is reported in lines; nothing is raised."""

    def read(name: str) -> bytes:
        if name != "https://example.com/pins":
            raise FetchError(name, "not here")
        return body

    for versions_, required in ((("https://example.com/pins",), ()), ((), ("https://example.com/pins",))):
        found = read_pin_files(versions_, required, LINUX, read, _Nothing())
        lines = (*found.pins.problems, *found.pins.notes)
        assert all(len(line.splitlines()) == 1 and line.isprintable() for line in lines), lines
        assert found.files or found.pins.problems
        # An exception that is no error of ours is reported with its type.
        assert not any("Error: " in line or "Error (" in line for line in lines), lines


def toml(body: bytes) -> None:
    assert isinstance(loads(body), dict)


def setup_py(body: bytes) -> None:
    assert all(isinstance(text, str) for text in setup_requires(body).requires)


def sdist(body: bytes) -> None:
    """Check the files of an sdist: each part of the input, up to a form feed, is the content of one."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in zip(_FILES, body.split(b"\f"), strict=False):
            member = tarfile.TarInfo(f"bad-1.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    packed.seek(0)
    found = read_sdist(packed, "bad-1.0.tar.gz")
    assert all(len(line.splitlines()) == 1 for line in (*found.problems, *found.notes)), found


TARGETS: dict[str, Callable[[bytes], object]] = {
    "versions": versions, "requirements": requirements, "pylock": pylock, "pin-file": pin_file, "toml": toml,
    "setup-py": setup_py, "sdist": sdist}
