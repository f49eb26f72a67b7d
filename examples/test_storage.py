"""Whether a plugin's storage keeps the contract. The storage here is a directory that is called by a URL."""

import pytest

from pypimirror.storage.filesystem import FileSystem
from pypimirror.testing.storage import StorageContract, settings


class Shelf(FileSystem):
    """``shelf://name``: a directory of that name on the shelf."""

    def __init__(self, given):
        place = given["shelf"] + "/" + given["mirror_file_path"].removeprefix("shelf://")
        super().__init__({**given, "mirror_file_path": place})

class TestShelf(StorageContract):
    """All tests of the contract; each on a new shelf."""

    @pytest.fixture(autouse=True)
    def shelf(self, tmp_path):
        self.folder = str(tmp_path)

    def make(self):
        return Shelf(settings("shelf://mirror", f"{self.folder}/state", shelf=self.folder))
