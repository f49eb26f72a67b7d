from kinds.metadata_filter import WithLicense

from pypimirror.testing.checks import settings
from pypimirror.testing.filters import FilterContract
from pypimirror.testing.index import LoopbackIndex, wheel
from pypimirror.testing.mirror import LocalMirror


class TestWithLicense(FilterContract):
    def make(self):
        return WithLicense(settings())


def test_files_without_a_license_are_left_out(tmp_path):
    with LoopbackIndex() as index:
        index.add("one", wheel("one", "1.0"), wheel("one", "2.0", "License: ZPL-2.1"))
        mirror = LocalMirror(tmp_path, index.url, zcml="kinds:metadata_filter.zcml")
        assert mirror.run("sync") == 0
    assert mirror.files("one") == ["one-2.0-py3-none-any.whl"]
