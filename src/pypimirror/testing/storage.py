"""The contract of a storage as tests: authors of plugins derive a class from ``StorageContract`` and run it with pytest.

This module itself does not import pytest.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile

from zope.interface.verify import verifyObject

from ..errors import StorageError
from ..interfaces import IStorage, IUpload
from ..names import OWN
from ..storage.paths import UNFINISHED
from .checks import blocks, raises, settings
from .uploads import UploadContract

__all__ = ["StorageContract", "settings"]

#: Paths that would leave the mirror, and invalid paths.
_ASTRAY = ("../x", "a/../../x", "/etc/x", "/x", "a//b", "", ".", "a/./b", "a\0b", "a\\b")
#: A name with all characters that names of distributions may contain.
_AWKWARD = "one/A+b!c~d@e=f, (g)_h-1.0.tar.gz"


class StorageContract(UploadContract):
    """The tests. Derived classes implement ``make``; their names begin with ``Test``, so that pytest collects them."""

    # --- the place

    def test_it_gives_its_interface(self) -> None:
        storage = self.make()
        assert verifyObject(IStorage, storage)
        storage.check()
        assert storage.listdir("") == []  # looking changes nothing
        storage.prepare()
        upload = storage.create()
        assert verifyObject(IUpload, upload)
        upload.abort()
        assert storage.free() is None or storage.free() > 0
        assert storage.case_insensitive in (True, False)
        assert storage.cheap_listing in (True, False)

    def test_what_a_run_prepared_is_a_mirror_to_the_next_one(self) -> None:
        storage = self.ready()
        storage.write("one/file", [b"a"])
        storage.flush()
        assert set(storage.listdir("")) == {f"{OWN}/", "one/"}
        storage.finish()
        storage.close()
        again = self.ready()
        assert again.read("one/file") == b"a"

    def test_what_a_run_that_was_cut_off_left_unfinished_goes(self) -> None:
        for size in (10, self.large):
            storage = self.ready()
            storage.write("one/file", [b"a"])
            storage.create().write(b"x" * size)
            storage.write(f"{UNFINISHED}/waiting", [b"y"])
            again = self.ready()
            assert again.listdir(UNFINISHED) == []
            assert again.read("one/file") == b"a"

    def test_what_a_run_left_waiting_goes_though_it_came_to_its_end(self) -> None:
        storage = self.ready()
        storage.write(f"{UNFINISHED}/waiting", [b"y"])
        storage.finish()
        assert self.ready().size(f"{UNFINISHED}/waiting") is None

    # --- reading

    def test_what_is_not_there_is_none(self) -> None:
        storage = self.ready()
        storage.write("one/file", [b"a"])
        for path in ("one/other", "two/file", "one", "one/fil"):
            assert storage.read(path) is None
            assert storage.digest(path) is None
            if path != "one":
                assert storage.size(path) is None
                storage.remove(path)
                raises(StorageError, storage.open, path)
                raises(StorageError, storage.move, path, "one/third")
        assert storage.listdir("one") == ["file"]
        assert storage.listdir("two") == []
        assert set(storage.listdir("")) == {f"{OWN}/", "one/"}

    def test_digests_are_those_of_the_content(self) -> None:
        storage = self.ready()
        for body in (b"", b"a", os.urandom(self.large)):
            storage.write("one/file", blocks(body))
            assert storage.digest("one/file") == hashlib.sha256(body).hexdigest()
            assert storage.digest("one/file", "md5") == hashlib.md5(body, usedforsecurity=False).hexdigest()
            storage.move("one/file", "two/file")
            assert storage.digest("two/file") == hashlib.sha256(body).hexdigest()

    def test_a_file_can_be_read_piece_by_piece(self) -> None:
        storage = self.ready()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("filling", os.urandom(3 << 20))
            archive.writestr("text", "a small text")
        storage.write("one/file", blocks(packed.getvalue()))
        with storage.open("one/file") as stream, zipfile.ZipFile(stream) as archive:
            assert archive.read("text") == b"a small text"
        with storage.open("one/file") as stream:
            assert stream.read() == packed.getvalue()
            assert stream.read() == b""
            stream.seek(-10, io.SEEK_END)
            assert stream.read(4) == packed.getvalue()[-10:-6]
            assert stream.tell() == len(packed.getvalue()) - 6

    # --- paths and folders

    def test_folders_are_told_by_their_slash_and_go_with_their_last_file(self) -> None:
        storage = self.ready()
        for path in ("one/file", "one/deep/deeper/file", "one-two/file", "one.two", "one/index.html"):
            storage.write(path, [b"a"])
        assert set(storage.listdir("")) == {f"{OWN}/", "one/", "one-two/", "one.two"}
        assert set(storage.listdir("one")) == {"file", "deep/", "index.html"}
        assert set(storage.listdir("one/deep")) == {"deeper/"}
        storage.remove("one/deep/deeper/file")
        assert set(storage.listdir("one")) == {"file", "index.html"}
        storage.remove("one/index.html")
        storage.remove("one/file")
        assert set(storage.listdir("")) == {f"{OWN}/", "one-two/", "one.two"}

    def test_what_moves_goes_over_what_is_there(self) -> None:
        storage = self.ready()
        storage.write("one/file", [b"new"])
        storage.write("one/other", [b"stays"])
        storage.write("two/three/file", [b"old"])
        storage.move("one/file", "two/three/file")
        assert storage.read("two/three/file") == b"new"
        assert storage.size("one/file") is None
        storage.move("one/other", "four/other")
        assert set(storage.listdir("")) == {f"{OWN}/", "two/", "four/"}

    def test_pages_come_change_move_and_go_like_any_file(self) -> None:
        storage = self.ready()
        for page in ("index.html", "one/index.html"):
            storage.write(page, [b"first"])
            storage.write(page, [b"second"])
            assert storage.read(page) == b"second"
        assert storage.listdir("one") == ["index.html"]
        storage.move("one/index.html", "two/index.html")
        assert storage.read("two/index.html") == b"second"
        for page in ("index.html", "two/index.html"):
            storage.remove(page)
        assert storage.listdir("") == [f"{OWN}/"]

    def test_every_name_that_a_distribution_may_have_is_good(self) -> None:
        storage = self.ready()
        storage.write(_AWKWARD, [b"a"])
        storage.move(_AWKWARD, f"{OWN}/trash/{_AWKWARD}")
        assert storage.listdir(f"{OWN}/trash/one") == [_AWKWARD.partition("/")[2]]
        storage.move(f"{OWN}/trash/{_AWKWARD}", _AWKWARD)
        assert storage.digest(_AWKWARD) == hashlib.sha256(b"a").hexdigest()
        storage.write("Zope.One/index.html", [b"legacy"])
        storage.write("zope.one/index.html", [b"other"])
        assert storage.read("Zope.One/index.html") == (b"other" if storage.case_insensitive else b"legacy")

    def test_no_path_leaves_the_mirror(self) -> None:
        storage = self.ready()
        storage.write("one/file", [b"a"])
        for path in _ASTRAY:
            upload = storage.create()
            for attempt in (storage.read, storage.size, storage.digest, storage.open, storage.remove, upload.commit):
                raises(StorageError, attempt, path)
            raises(StorageError, storage.write, path, [b"x"])
            raises(StorageError, storage.move, "one/file", path)
            raises(StorageError, storage.move, path, "one/x")
            if path:  # that is the mirror itself
                raises(StorageError, storage.listdir, path)
            upload.abort()
        assert storage.read("one/file") == b"a"
        assert storage.listdir(UNFINISHED) == []
