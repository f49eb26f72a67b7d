"""An engine: ``engine = serial`` works on one project after the other."""

from zope.interface import implementer

from pypimirror.interfaces import IEngine


@implementer(IEngine)
class Serial:
    """Runs the tasks in the thread of the coordinator; good for debugging."""

    def __init__(self, mirror):
        self._mirror = mirror

    def run(self, step, tasks):
        for task in tasks:
            events = []
            result = step(self._mirror, task, events.append)
            yield from events
            yield result

    def close(self):
        pass
