import pytest
from kinds.storage import Logged

from pypimirror.testing.checks import settings
from pypimirror.testing.index import LoopbackIndex, sdist
from pypimirror.testing.mirror import LocalMirror
from pypimirror.testing.storage import StorageContract


class TestLogged(StorageContract):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        self.folder = tmp_path

    def make(self):
        return Logged(settings(f"{self.folder}/mirror", f"{self.folder}/state"))


def test_the_log_has_the_files_of_a_run(tmp_path):
    with LoopbackIndex() as index:
        index.add("one", sdist("one", "1.0"))
        assert LocalMirror(tmp_path, index.url, zcml="kinds:storage.zcml").run("sync") == 0
    assert "one/one-1.0.tar.gz" in (tmp_path / "mirror.log").read_text().splitlines()
