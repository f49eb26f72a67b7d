"""Limits of the files that one pin file includes: whoever serves them can't keep a run busy."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from pypimirror.errors import FetchError
from pypimirror.pins.environments import Environment
from pypimirror.pins.extends_chain import Chain
from pypimirror.pins.included_files import (
    MAX_REMOTE_FILES,
    MAX_REMOTE_SECONDS,
    MAX_SEGMENTS,
    MAX_TOTAL_BYTES,
    MAX_URL,
    IncludedFiles,
)
from pypimirror.pins.model import InvalidPins
from pypimirror.pins.requirements import read_requirements
from pypimirror.pins.versions import read_versions

HOST = "https://pins.example.com"
LINUX = Environment("3.11", "manylinux_2_28_x86_64")

#: Each way to read a pin file, with the line by which it includes another.
READERS = pytest.mark.parametrize("read_all, line", [
    (lambda root, read: read_versions(Chain(root, read), [LINUX]), "[buildout]\nextends = {}\n"),
    (read_requirements, "-r {}\n"), (read_requirements, "-c {}\n")], ids=["versions", "requirements", "constraints"])


def endless(line: str, name: Callable[[int], str]) -> tuple[Callable[[str], bytes], list[str]]:
    """Return a host whose files each include the next one, and the list of those that it was asked for."""
    seen: list[str] = []

    def read(source: str) -> bytes:
        seen.append(source)
        return line.format(name(len(seen))).encode()

    return read, seen


@READERS
def test_a_host_can_name_a_thousand_files(read_all, line):
    read, seen = endless(line, lambda number: f"{number}.txt")
    with pytest.raises(InvalidPins, match=f"^{HOST}/0: .* more than {MAX_REMOTE_FILES} files from the network"):
        read_all(f"{HOST}/0", read)
    assert len(seen) == MAX_REMOTE_FILES + 1  # with the first, which the configuration names


@READERS
def test_a_local_file_does_not_get_more_of_them(read_all, line):
    read, seen = endless(line, lambda number: f"{HOST}/{number}.txt")
    with pytest.raises(InvalidPins, match=f"^/pins: .* more than {MAX_REMOTE_FILES} files from the network"):
        read_all("/pins", read)
    assert len(seen) == MAX_REMOTE_FILES + 1


@READERS
@pytest.mark.parametrize("name, most", [
    (lambda number: "deeper/a.txt", MAX_SEGMENTS), (lambda number: f"{'a' * (50 * number)}.txt", MAX_URL // 50),
    (lambda number: f"a.txt?{'a' * (50 * number)}", MAX_URL // 50),
    (lambda number: f"{'a' * 90}/a{number}.txt", MAX_URL // 90)], ids=["folders", "name", "query", "long folders"])
def test_a_path_does_not_grow_without_end(read_all, line, name, most):
    read, seen = endless(line, name)
    with pytest.raises(InvalidPins, match=f"longer than {MAX_URL} characters or {MAX_SEGMENTS} segments$") as caught:
        read_all(f"{HOST}/0", read)
    assert len(seen) <= most + 1 and len(str(caught.value)) < 2_000 and "\n" not in str(caught.value)


def test_local_files_grow_as_they_like():
    files = [f"/{'a/' * number}b" for number in range(200)]
    assert read_requirements(files[0], lambda name: b"-r a/b\n" if name != files[-1] else b"a==1\n").lines


def reader(seconds: float) -> tuple[IncludedFiles, list[str]]:
    """Return the files of a host that takes so long for each of them."""
    now, seen = [0.0], []

    def read(source: str) -> bytes:
        seen.append(source)
        now[0] += seconds
        return b"x"

    return IncludedFiles(f"{HOST}/0", read, "includes", lambda: now[0]), seen


def test_a_slow_host_has_its_time_for_all_files_together():
    files, seen = reader(MAX_REMOTE_SECONDS / 10)
    refusal = f"{HOST}/0: includes files from the network that take more than {MAX_REMOTE_SECONDS} seconds; use local copies"
    with pytest.raises(InvalidPins, match=f"^{re.escape(refusal)}$"):
        for number in range(100):
            files.read(f"{HOST}/{number}", number == 0)
    assert len(seen) == 11


def test_slow_disks_have_no_limit():
    files, seen = reader(MAX_REMOTE_SECONDS)
    for number in range(100):
        files.read(f"/{number}", number == 0)
    assert len(seen) == 100


def test_all_files_together_have_a_limit_of_bytes():
    files = IncludedFiles("/0", lambda source: b"x" * (4 << 20), "includes")
    with pytest.raises(InvalidPins, match=f"^/0: includes more than {MAX_TOTAL_BYTES >> 20} MB$"):
        for number in range(100):
            files.read(f"/{number}", number == 0)


def test_the_root_that_is_not_there_is_its_own_error():
    def fail(source: str) -> bytes:
        raise FetchError(source, "404")

    files = IncludedFiles("/0", fail, "includes")
    with pytest.raises(FetchError, match=r"^/0: 404$"):
        files.read("/0", True)
    with pytest.raises(InvalidPins, match=r"^/0: can't read a file that it includes: /1: 404$"):
        files.read("/1", False)
