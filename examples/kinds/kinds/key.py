"""A key with its own type, and the filter that reads it."""

from zope.interface import implementer

from pypimirror.interfaces import IFilter


def suffixes(text, folder):
    """Suffixes of file names, separated by blanks."""
    found = tuple(text.split())
    if not all(suffix.startswith(".") for suffix in found):
        raise ValueError("suffixes such as .tar.gz or .whl")  # the message puts it after "must be"
    return found


@implementer(IFilter)
class Suffixes:
    """Selects the files with one of the suffixes in ``suffixes``."""

    applies_to_pins = True
    reason = "suffixes does not name its kind"

    def __init__(self, settings):
        self._suffixes = settings["suffixes"]
        self.active = bool(self._suffixes)

    def select(self, project):
        return [file for file in project.files if file.filename.endswith(self._suffixes)]
