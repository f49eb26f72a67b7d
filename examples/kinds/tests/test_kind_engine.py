from kinds.engine import Serial

from pypimirror.testing.engines import EngineContract
from pypimirror.testing.index import LoopbackIndex, sdist
from pypimirror.testing.mirror import LocalMirror


class TestSerial(EngineContract):
    def make(self):
        return Serial(None)


def test_a_run(tmp_path):
    with LoopbackIndex() as index:
        index.add("one", sdist("one", "1.0"))
        mirror = LocalMirror(tmp_path, index.url, zcml="kinds:engine.zcml", engine="serial")
        assert mirror.run("sync") == 0
    assert mirror.files("one") == ["one-1.0.tar.gz"]
