"""The contract of a storage, kept by the file system, and what only the file system has."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypimirror.errors import ConfigurationError, StorageError
from pypimirror.storage.filesystem import FileSystem
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

    def test_files_can_be_read_by_a_web_server(self) -> None:
        self.ready().write("one/file", [b"a"])
        assert (self.root / "one/file").stat().st_mode & 0o777 == 0o644
