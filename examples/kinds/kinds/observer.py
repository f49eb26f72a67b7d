"""An observer: prints each new file."""

from zope.interface import implementer

from pypimirror.events import FileStored
from pypimirror.interfaces import IObserver


@implementer(IObserver)
class Printer:
    """Prints the events that it knows, and ignores all others."""

    def __init__(self, settings):
        pass

    def notify(self, event):
        if isinstance(event, FileStored):
            print(f"new: {event.filename}")
