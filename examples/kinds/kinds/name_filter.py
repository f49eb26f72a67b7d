"""A filter on names of projects."""

from zope.interface import implementer

from pypimirror.interfaces import INameFilter


@implementer(INameFilter)
class NoTypeshed:
    """Leaves out the projects with stubs for type checkers."""

    active = True
    #: Pinned projects stay.
    applies_to_pins = False
    #: It can accept any name.
    exact = None

    def __init__(self, settings):
        pass

    def __call__(self, name):
        return not name.startswith("types-")
