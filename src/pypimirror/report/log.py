"""The log of a run."""

from __future__ import annotations

import logging
from functools import singledispatchmethod
from typing import Any

from zope.interface import implementer

from .. import events
from ..interfaces import IObserver, ISettings
from .sentences import sentence

logger = logging.getLogger("pypimirror")


@implementer(IObserver)
class Log:
    """Writes a line for each event to the logger ``pypimirror``: every file only at level DEBUG."""

    def __init__(self, settings: ISettings):
        pass

    @singledispatchmethod
    def notify(self, event: Any) -> None:
        text = sentence(event)
        if text:
            logger.info(text)

    @notify.register
    def _(self, event: events.Problem) -> None:
        logger.warning(sentence(event))

    @notify.register
    def _(self, event: events.Notice) -> None:
        logger.warning(sentence(event))

    @notify.register
    def _(self, event: events.Wrong) -> None:
        logger.warning(sentence(event))

    @notify.register
    def _(self, event: events.FileStored) -> None:
        if event.how != "kept":
            logger.debug(sentence(event))
