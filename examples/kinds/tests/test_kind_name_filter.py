from kinds.name_filter import NoTypeshed

from pypimirror.testing.checks import settings
from pypimirror.testing.filters import NameFilterContract


class TestNoTypeshed(NameFilterContract):
    names = ("requests", "types-requests")

    def make(self):
        return NoTypeshed(settings())


def test_stubs_are_left_out():
    accepts = NoTypeshed(settings())
    assert accepts("requests") and not accepts("types-requests")
