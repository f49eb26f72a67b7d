from kinds.filter import NoEggs

from pypimirror.model import Project
from pypimirror.testing.checks import file, settings
from pypimirror.testing.filters import FilterContract


class TestNoEggs(FilterContract):
    def make(self):
        return NoEggs(settings())


def test_eggs_are_left_out():
    sdist, egg = file("one-1.0.tar.gz"), file("one-1.0-py3.11.egg")
    assert NoEggs(settings()).select(Project("one", (sdist, egg))) == [sdist]
