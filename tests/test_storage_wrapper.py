"""A storage that wraps another keeps the contract, and sees every change of the tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pypimirror.interfaces import ISettings
from pypimirror.storage.filesystem import FileSystem
from pypimirror.storage.wrapper import StorageWrapper
from pypimirror.testing.storage import StorageContract, settings
from support.mirror import Mirrored
from support.upstream import Upstream, sdist
from test_registry import written


class Recording(StorageWrapper):
    """A storage in a directory that records each change."""

    changes: list[tuple[str, str]] = []

    def __init__(self, given: ISettings):
        super().__init__(FileSystem(given))

    def committed(self, path: str) -> None:
        self.changes.append(("write", path))

    def move(self, path: str, target: str) -> None:
        super().move(path, target)
        self.changes.append(("move", target))

    def remove(self, path: str) -> None:
        super().remove(path)
        self.changes.append(("remove", path))


class TestWrapper(StorageContract):
    """All tests of the contract."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.place = str(tmp_path)

    def make(self) -> Any:
        return Recording(settings(f"{self.place}/mirror", f"{self.place}/state"))


def test_it_sees_every_change_of_the_tree(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", sdist("one", "1"))
    mirrored.settings["zcml"] = written(
        mirrored.config.parent, '<pypimirror:storage name="file" factory="test_storage_wrapper.Recording" />').file
    Recording.changes.clear()
    assert mirrored.run("sync") == 0
    assert {path for what, path in Recording.changes if what == "write"} == set(mirrored.paths())
    Recording.changes.clear()
    upstream.projects["one"].clear()
    upstream.add("one", sdist("one", "2"))
    assert mirrored.run("sync", "--allow-deletions") == 0
    assert ("write", "one/one-2.tar.gz") in Recording.changes
    assert [path for what, path in Recording.changes if what == "move" and path.endswith("/one-1.tar.gz")]
