from kinds.observer import Printer

from pypimirror.testing.checks import settings
from pypimirror.testing.index import LoopbackIndex, sdist
from pypimirror.testing.mirror import LocalMirror
from pypimirror.testing.observers import ObserverContract


class TestPrinter(ObserverContract):
    def make(self):
        return Printer(settings())


def test_new_files_are_printed(tmp_path, capsys):
    with LoopbackIndex() as index:
        index.add("one", sdist("one", "1.0"))
        assert LocalMirror(tmp_path, index.url, zcml="kinds:observer.zcml").run("sync") == 0
    assert capsys.readouterr().out == "new: one-1.0.tar.gz\n"
