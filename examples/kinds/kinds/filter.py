"""A filter on files."""

from zope.interface import implementer

from pypimirror.interfaces import IFilter


@implementer(IFilter)
class NoEggs:
    """Leaves out eggs."""

    active = True
    applies_to_pins = True
    reason = "it is an egg"

    def __init__(self, settings):
        pass

    def select(self, project):
        return [file for file in project.files if not file.filename.endswith(".egg")]
