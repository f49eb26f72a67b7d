"""What a check gets: one deployment, the mirror as clients see it, and what is known of the mirror."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..http.hosts import same_origin
from ..interfaces import ISettings
from .deployment import Deployment
from .solution import Solution, solve
from .view import MirrorView

if TYPE_CHECKING:
    from .records import MirrorRecords


class Subject:
    """The mirror under examination."""

    def __init__(self, settings: ISettings, view: MirrorView, address: str, records: MirrorRecords | None, is_here: bool):
        """settings: of the mirror, or defaults if its configuration is unknown. address: its URL for clients, or an empty text.

        records: what the mirror's state knows, or None without a state. is_here: whether the mirror is examined by its
        configuration, not by URL.
        """
        self.settings, self.view, self.address, self.records, self.is_here = settings, view, address, records, is_here

    def is_mirror(self, url: str) -> bool:
        """Return whether a URL leads to the mirror, as far as its address is known."""
        path = self.settings["mirror_file_path"]
        if url.startswith("file:"):
            return bool(urlsplit(url).path.rstrip("/") == path.rstrip("/"))
        return bool(self.address) and same_origin(url, self.address)

    @property
    def title(self) -> str:
        """Its address, or else its place."""
        return self.address or str(self.settings["mirror_file_path"])


class Case:
    """One deployment and the mirror."""

    def __init__(self, deployment: Deployment, subject: Subject):
        self.deployment, self.subject = deployment, subject

    @property
    def view(self) -> MirrorView:
        return self.subject.view

    @cached_property
    def solution(self) -> Solution:
        """What would be installed; computed once for all checks."""
        return solve(self.deployment, self.view)
