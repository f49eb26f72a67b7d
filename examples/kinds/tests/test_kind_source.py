import hashlib

import pytest
from kinds.source import UrlsSource

from pypimirror.model import Upstream
from pypimirror.testing.index import LoopbackIndex, sdist
from pypimirror.testing.mirror import LocalMirror
from pypimirror.testing.sources import CONTENT, SourceContract


class TestUrlsSource(SourceContract):
    @pytest.fixture(autouse=True)
    def upstream(self, tmp_path):
        self.file = tmp_path / "upstream.txt"
        self.file.write_text("".join(
            f"https://files.example.com/{filename}#sha256={hashlib.sha256(body).hexdigest()}\n"
            for files in CONTENT.values() for filename, body in files.items()))

    def make(self):
        return UrlsSource(Upstream(f"urls://{self.file}/"), None)


def test_a_mirror_has_the_files_of_the_list(tmp_path):
    filename, body = sdist("one", "1.0")
    with LoopbackIndex() as index:
        index.add("one", (filename, body))
        (tmp_path / "upstream.txt").write_text(f"{index.url.removesuffix('simple/')}files/one/{filename}\n")
        mirror = LocalMirror(tmp_path, f"urls://{tmp_path}/upstream.txt", zcml="kinds:source.zcml")
        assert mirror.run("sync") == 0
    assert mirror.files("one") == [filename]
