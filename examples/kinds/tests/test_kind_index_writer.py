from kinds.index_writer import Names

from pypimirror.testing.checks import settings
from pypimirror.testing.index import LoopbackIndex, sdist
from pypimirror.testing.index_writers import IndexWriterContract
from pypimirror.testing.mirror import LocalMirror


class TestNames(IndexWriterContract):
    def make(self):
        return Names(settings())


def test_a_mirror_has_both_pages(tmp_path):
    with LoopbackIndex() as index:
        index.add("one", sdist("one", "1.0"))
        mirror = LocalMirror(tmp_path, index.url, zcml="kinds:index_writer.zcml", index_formats="html json names")
        assert mirror.run("sync") == 0
    assert (mirror.root / "names.txt").read_text() == "one\n"
    assert (mirror.root / "one" / "files.txt").read_text() == "one-1.0.tar.gz\n"
