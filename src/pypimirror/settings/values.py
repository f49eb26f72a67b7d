"""The effective settings of one mirror."""

from collections.abc import Iterator, Mapping
from typing import Any

from zope.interface import implementer

from ..interfaces import ISettings


@implementer(ISettings)
class Settings(Mapping[str, Any]):
    """Values by key, each with its origin. Plain data, so that it travels to other processes."""

    def __init__(self, values: Mapping[str, Any], origins: Mapping[str, str], filename: str = ""):
        self._values = dict(values)
        self._origins = dict(origins)
        #: The configuration file, for messages.
        self.filename = filename

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def origin(self, key: str) -> str:
        return self._origins[key]
