"""The contract of a storage, kept by the file system, and what only the file system has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from pypimirror.errors import ConfigurationError, StorageError
from pypimirror.storage.filesystem import FileSystem
from pypimirror.storage.paths import UNFINISHED
from pypimirror.storage.uploads import HELD
from pypimirror.testing.storage import StorageContract, settings


class TestFileSystem(StorageContract):
    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path) -> None:
        self.root = tmp_path / "mirror"

    def make(self) -> FileSystem:
        return FileSystem(settings(str(self.root), str(self.root / ".pypimirror")))

    def test_what_is_no_mirror_is_refused(self) -> None:
        (self.root / "strange").mkdir(parents=True)
        with pytest.raises(ConfigurationError, match="neither empty nor a mirror \\(it holds 'strange'\\)"):
            self.make().check()

    def test_an_error_of_the_system_names_the_path(self) -> None:
        storage = self.ready()
        storage.write("one/file", [b"a"])
        with pytest.raises(StorageError, match="one/file"):
            storage.write("one/file/below", [b"b"])

    @pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
    def test_files_can_be_read_by_a_web_server(self, umask: int) -> None:
        before = os.umask(umask)
        try:
            for size in (1, self.large):
                self.ready().write(f"one/{size}", [b"a" * size])
                assert (self.root / f"one/{size}").stat().st_mode & 0o777 == 0o644
        finally:
            os.umask(before)

    def test_a_small_file_is_none_before_it_is_whole(self) -> None:
        storage = self.ready()
        upload = storage.create()
        upload.write(b"x" * HELD)
        assert storage.listdir(".pypimirror/tmp") == []
        upload.write(b"x")
        assert len(storage.listdir(".pypimirror/tmp")) == 1
        upload.abort()

    def test_a_link_in_the_place_of_a_folder_is_not_followed_even_if_that_is_near(self, tmp_path: Path) -> None:
        storage = self.ready()
        (tmp_path / "elsewhere").mkdir()
        (self.root / "one").symlink_to(tmp_path / "elsewhere")
        with storage.keep_open("one"), pytest.raises(StorageError, match="one/file: a symbolic link"):
            storage.write("one/file", [b"a"])
        assert list((tmp_path / "elsewhere").iterdir()) == []

    def test_a_folder_is_near_until_it_is_so_for_nobody(self) -> None:
        storage = self.ready()
        with storage.keep_open("one"):
            storage.write("one/first", [b"a"])
            with storage.keep_open("one"):
                storage.write("one/second", [b"b"])
            open_now = set(os.listdir("/proc/self/fd"))
            storage.write("one/third", [b"c"])
            assert set(os.listdir("/proc/self/fd")) == open_now
        assert storage.listdir("one") == ["first", "second", "third"]

    def test_nothing_stays_open(self) -> None:
        storage = self.ready()
        open_before = set(os.listdir("/proc/self/fd"))
        for name in ("one", "two"):
            with storage.keep_open(name):
                storage.write(f"{name}/file", [b"a"])
                storage.remove(f"{name}/file")
                storage.write(f"{name}/file", [b"a"])
        storage.close()
        assert set(os.listdir("/proc/self/fd")) <= open_before


def test_the_example_of_the_guide_is_run_as_an_author_runs_it(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent / "examples" / "test_storage.py"
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path,
                           "-c", os.devnull, example], capture_output=True, text=True)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0 and passed, done.stdout + done.stderr
    assert int(passed[1]) == len([name for name in dir(StorageContract) if name.startswith("test_")])


class Leaky(FileSystem):
    """Shows what is on its way, and leaves what it moves where it was."""

    def write(self, path: str, blocks: Iterable[bytes]) -> None:
        super().write(path, ())
        time.sleep(0.01)  # long enough for a reader
        super().write(path, blocks)

    def move(self, path: str, target: str) -> None:
        if path.startswith(".pypimirror/tmp/"):
            super().move(path, target)
        else:
            super().write(target, [self.read(path) or b""])


@pytest.mark.parametrize("name", ["test_a_reader_sees_the_old_or_the_new_whole", "test_what_moves_goes_over_what_is_there",
                                  "test_content_that_fails_on_the_way_leaves_what_was_there"])
def test_a_storage_that_breaks_the_contract_is_found_out(tmp_path: Path, name: str) -> None:
    class Contract(StorageContract):
        def make(self) -> FileSystem:
            return Leaky(settings(str(tmp_path / "mirror"), str(tmp_path / "mirror" / ".pypimirror")))

    with pytest.raises(AssertionError):
        getattr(Contract(), name)()


def prepared(root: Path) -> FileSystem:
    storage = FileSystem(settings(str(root), str(root / ".pypimirror")))
    storage.prepare()
    return storage


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_replaced_file_is_newer_by_a_whole_second_even_if_both_were_written_in_one(tmp_path: Path, ahead: int) -> None:
    storage = prepared(tmp_path / "mirror")
    storage.write("one/index.html", (b"old",))
    page = tmp_path / "mirror" / "one" / "index.html"
    second = int(page.stat().st_mtime) + ahead
    os.utime(page, (second + 0.9, second + 0.9))
    storage.write("one/index.html", (b"new",))
    assert page.read_bytes() == b"new"
    assert int(page.stat().st_mtime) > second


def test_a_file_that_replaces_an_old_one_has_the_time_at_which_it_was_written(tmp_path: Path) -> None:
    storage = prepared(tmp_path / "mirror")
    storage.write("one/index.html", (b"old",))
    page = tmp_path / "mirror" / "one" / "index.html"
    os.utime(page, (1, 1))
    storage.write("one/other.html", (b"another",))
    storage.write("one/index.html", (b"new",))
    assert page.stat().st_mtime >= (tmp_path / "mirror" / "one" / "other.html").stat().st_mtime


def test_a_linked_file_keeps_the_time_that_it_has_elsewhere(tmp_path: Path) -> None:
    storage = prepared(tmp_path / "mirror")
    storage.write("one/one-1.zip", (b"old",))
    (tmp_path / "elsewhere").write_bytes(b"new")
    (tmp_path / "elsewhere").chmod(0o644)
    os.utime(tmp_path / "elsewhere", (1, 1))
    upload = storage.link(str(tmp_path / "elsewhere"))
    assert upload is not None
    upload.commit("one/one-1.zip")
    assert storage.read("one/one-1.zip") == b"new"
    assert (tmp_path / "elsewhere").stat().st_mtime == 1


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.write_text("x"), lambda path: path.symlink_to("/")],
                         ids=["fifo", "file", "link"])
def test_what_is_in_the_place_of_the_folder_of_temporary_files_is_replaced(
        tmp_path: Path, make: Callable[[Path], object]) -> None:
    root = tmp_path / "mirror"
    prepared(root)
    (root / UNFINISHED).rmdir()
    make(root / UNFINISHED)
    storage = prepared(root)
    storage.write("one/file", [b"a"])
    assert storage.read("one/file") == b"a"
    assert (root / UNFINISHED).is_dir() and not (root / UNFINISHED).is_symlink()
