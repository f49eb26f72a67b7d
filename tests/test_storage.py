"""The contract of a storage, kept by the file system."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from pypimirror.errors import StorageError
from pypimirror.interfaces import IStorage, IUpload
from pypimirror.storage.filesystem import FileSystem


@pytest.fixture
def storage(tmp_path: Path) -> FileSystem:
    root = str(tmp_path / "mirror")
    made = FileSystem({"mirror_file_path": root, "state_path": f"{root}/.pypimirror",
                       "lock_file_name": f"{root}/.pypimirror/lock", "log_filename": f"{root}/.pypimirror/log",
                       "report_filename": None, "metrics_filename": None})
    made.check()
    made.prepare()
    return made


def test_it_keeps_its_contract(storage: FileSystem) -> None:
    assert verifyObject(IStorage, storage)
    upload = storage.create()
    assert verifyObject(IUpload, upload)
    upload.abort()


def test_an_upload_is_seen_whole_or_not_at_all(storage: FileSystem) -> None:
    upload = storage.create()
    upload.write(b"ab")
    upload.write(b"c")
    assert storage.names("") == [".pypimirror/"]
    upload.commit("one/file")
    upload.abort()
    assert storage.read("one/file") == b"abc"
    assert storage.size("one/file") == 3
    assert storage.digest("one/file") == hashlib.sha256(b"abc").hexdigest()
    assert storage.digest("one/file", "md5") == hashlib.md5(b"abc").hexdigest()


def test_an_upload_can_start_again_and_be_forgotten(storage: FileSystem) -> None:
    upload = storage.create()
    upload.write(b"longer than the second")
    upload.restart()
    upload.write(b"short")
    upload.commit("one/file")
    assert storage.read("one/file") == b"short"
    storage.create().abort()
    assert storage.names(".pypimirror/tmp") == []


def test_what_an_earlier_run_left_unfinished_goes(storage: FileSystem) -> None:
    storage.create().write(b"cut off")
    assert storage.names(".pypimirror/tmp")
    storage.prepare()
    assert storage.names(".pypimirror/tmp") == []


def test_what_is_not_there_is_none(storage: FileSystem) -> None:
    assert storage.read("one/file") is None
    assert storage.size("one/file") is None
    assert storage.digest("one/file") is None
    assert storage.names("one") == []
    storage.remove("one/file")


def test_folders_go_with_their_last_file_and_stay_with_files_of_others(storage: FileSystem) -> None:
    storage.write("one/file", [b"a"])
    storage.write("one/other", [b"b"])
    storage.remove("one/file")
    assert storage.names("one") == ["other"]
    storage.move("one/other", "two/three/other")
    assert storage.names("") == [".pypimirror/", "two/"]
    assert storage.read("two/three/other") == b"b"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "a//b", "", ".", "a/./b", "a\0b", "a\\b"])
def test_no_path_leaves_the_mirror(storage: FileSystem, path: str) -> None:
    with pytest.raises(StorageError, match="not a path in a mirror"):
        storage.write(path, [b"x"])
    assert storage.names(".pypimirror/tmp") == []


def test_an_error_of_the_system_names_the_path(storage: FileSystem) -> None:
    storage.write("one/file", [b"a"])
    with pytest.raises(StorageError, match="one/file"):
        storage.write("one/file/below", [b"b"])


def test_files_can_be_read_by_a_web_server(storage: FileSystem) -> None:
    storage.write("one/file", [b"a"])
    assert (Path(storage.root) / "one/file").stat().st_mode & 0o777 == 0o644
