"""The contract of a storage for writing: files appear complete or not at all, also with concurrent readers and writers."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..interfaces import IReservingUpload
from ..names import OWN
from ..storage.paths import UNFINISHED
from .checks import blocks, raises


class UploadContract:
    """The tests of uploads and of ``write``; ``pypimirror.testing.storage.StorageContract`` has these and all others."""

    #: Bytes of a large file. The default is more than any buffer of this package.
    large = 20 << 20

    def make(self) -> Any:
        """Return a new IStorage in a place that is empty at the beginning of each test and the same throughout it."""
        raise NotImplementedError

    def ready(self) -> Any:
        """Return a storage that is prepared as at the beginning of a run."""
        storage = self.make()
        storage.check()
        storage.prepare()
        return storage

    def test_an_upload_is_seen_whole_or_not_at_all(self) -> None:
        storage = self.ready()
        for size in (0, 1, self.large):
            body = os.urandom(size)
            upload = storage.create()
            for block in blocks(body):
                upload.write(block)
            assert storage.read(f"one/{size}") is None
            upload.commit(f"one/{size}")
            upload.abort()
            assert storage.size(f"one/{size}") == size
            assert storage.read(f"one/{size}") == body
        assert storage.listdir(UNFINISHED) == []

    def test_an_upload_takes_the_place_of_what_is_there_in_the_end_only(self) -> None:
        storage = self.ready()
        for size in (5, self.large):
            storage.write("one/file", [b"old"])
            upload = storage.create()
            upload.write(b"n" * size)
            assert storage.read("one/file") == b"old"
            upload.commit("one/file")
            assert storage.size("one/file") == size
            assert storage.digest("one/file") == hashlib.sha256(b"n" * size).hexdigest()

    def test_reserved_space_is_pending_for_every_process_until_it_is_written(self) -> None:
        storage, other = self.ready(), self.make()
        upload, watching = storage.create(), other.create()
        if not IReservingUpload.providedBy(upload):
            return
        assert watching.pending() == 0
        upload.reserve(self.large)
        assert watching.pending() == self.large
        for block in blocks(b"x" * (self.large // 2)):
            upload.write(block)
        assert 0 < watching.pending() <= self.large // 2
        upload.restart()
        assert watching.pending() == self.large
        upload.write(b"short")
        upload.commit("one/file")
        assert (storage.read("one/file"), watching.pending()) == (b"short", 0)
        upload = storage.create()
        upload.reserve(self.large)
        upload.abort()
        watching.abort()
        assert (watching.pending(), storage.listdir(UNFINISHED)) == (0, [])

    def test_a_file_keeps_its_time_of_modification_when_it_moves(self) -> None:
        storage = self.ready()
        before = time.time()
        for size in (5, self.large):
            for modified in (1_000_000_000.0, None):
                upload = storage.create()
                for block in blocks(b"x" * size):
                    upload.write(block)
                upload.commit("one/file", modified)
                first = storage.modified("one/file")
                # Stores have whole seconds.
                assert first == modified if modified is not None else before - 2 <= first <= time.time() + 2
                for path, target in (("one/file", f"{OWN}/trash/file"), (f"{OWN}/trash/file", "two/file")):
                    storage.move(path, target)
                    assert abs(storage.modified(target) - first) <= 1
                storage.remove("two/file")
        assert storage.modified("two/file") is None

    def test_an_upload_can_start_again(self) -> None:
        storage = self.ready()
        for size in (100, self.large):
            upload = storage.create()
            upload.write(b"l" * size)
            upload.restart()
            upload.write(b"short")
            upload.commit("one/file")
            assert storage.read("one/file") == b"short"
            assert storage.listdir(UNFINISHED) == []

    def test_an_upload_that_is_forgotten_leaves_nothing(self) -> None:
        storage = self.ready()
        for size in (100, self.large):
            upload = storage.create()
            upload.write(b"x" * size)
            upload.abort()
            upload.abort()
        assert storage.listdir(UNFINISHED) == []
        assert storage.listdir("") == [f"{OWN}/"]

    def test_an_upload_that_is_handed_over_is_seen_by_nobody_and_can_go_on(self) -> None:
        storage = self.ready()
        for size in (100, self.large):
            upload = storage.create()
            upload.write(b"x" * size)
            upload.stage()
            storage.flush()
            assert storage.listdir("") == [f"{OWN}/"]
            upload.write(b"y")
            upload.stage()
            upload.commit("one/file")
            assert storage.digest("one/file") == hashlib.sha256(b"x" * size + b"y").hexdigest()
            storage.remove("one/file")
            upload = storage.create()
            upload.write(b"x" * size)
            upload.stage()
            upload.abort()
        assert storage.listdir(UNFINISHED) == []

    def test_a_folder_that_is_near_is_as_it_is(self) -> None:
        storage = self.ready()
        with storage.keep_open("one"):
            assert storage.size("one/file") is None
            for body in (b"first", b"second"):
                storage.write("one/file", [body])
                storage.write("two/file", [body])
                assert storage.read("one/file") == storage.read("two/file") == body
                storage.remove("one/file")  # and the folder, since it is empty
                assert storage.size("one/file") is None
                assert storage.listdir("one") == []
            storage.write("one/file", [b"third"])
            with ThreadPoolExecutor(4) as pool:
                for done in [pool.submit(storage.write, f"one/{number}", [b"x"]) for number in range(20)]:
                    done.result()
        assert storage.read("one/file") == b"third"
        assert len(storage.listdir("one")) == 21

    def test_content_that_fails_on_the_way_leaves_what_was_there(self) -> None:
        storage = self.ready()
        storage.write("one/file", [b"old"])

        def failing() -> Iterator[bytes]:
            yield b"x" * self.large
            raise LookupError

        raises(LookupError, storage.write, "one/file", failing())
        assert storage.read("one/file") == b"old"
        assert storage.listdir(UNFINISHED) == []

    def test_a_file_of_this_machine_is_shared_or_nothing_comes_of_it(self) -> None:
        storage = self.ready()
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "file")
            with open(source, "wb") as stream:
                stream.write(b"content")
            os.chmod(source, 0o644)
            upload = storage.link(source)
            if upload is not None:
                upload.commit("one/file")
                assert storage.read("one/file") == b"content"
        assert storage.listdir(UNFINISHED) == []

    def test_many_threads_write_at_once(self) -> None:
        storage = self.ready()
        bodies = [bytes([number]) * 5000 for number in range(16)]
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(storage.write, path, [body]) for number, body in enumerate(bodies)
                         for path in (f"one/{number}", "one/same")]:
                done.result()
        assert [storage.read(f"one/{number}") for number in range(16)] == bodies
        assert storage.read("one/same") in bodies

    def test_a_reader_sees_the_old_or_the_new_whole(self) -> None:
        storage = self.ready()
        both = [b"a" * 50_000, b"b" * 70_000]
        with ThreadPoolExecutor(1) as pool:
            storage.write("one/file", [both[0]])
            writing = pool.submit(lambda: [storage.write("one/file", [both[n % 2]]) for n in range(20)])
            while not writing.done():
                assert storage.read("one/file") in both
            writing.result()
