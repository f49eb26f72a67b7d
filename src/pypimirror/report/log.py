"""The log of a run."""

from __future__ import annotations

import logging
from typing import Any

from zope.interface import implementer

from .. import events
from ..interfaces import IObserver, ISettings
from .messages import sentence

logger = logging.getLogger("pypimirror")
_LOUD = (events.Problem, events.Notice, events.FaultFound)


@implementer(IObserver)
class Log:
    """Writes a line for each event to the logger ``pypimirror``: every file only at level DEBUG."""

    def __init__(self, settings: ISettings):
        pass

    def notify(self, event: Any) -> None:
        level = logging.INFO
        if isinstance(event, events.FileStored):
            if event.how == "kept":
                return
            level = logging.DEBUG
        elif isinstance(event, _LOUD):
            level = logging.WARNING
        if logger.isEnabledFor(level):
            text = sentence(event)
            if text:
                logger.log(level, text)
