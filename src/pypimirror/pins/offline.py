"""Reads a pin file for a verb that sends no requests and keeps no copies."""

from collections.abc import Iterable

from ..errors import FetchError
from .environments import Environment
from .model import Pins
from .pin_files import read_pin_files, reader


def read_offline(source: str, environments: Iterable[Environment]) -> Pins:
    """Return the pins of a requirements or lock file, of a versions.cfg or a buildout.cfg; errors are in ``problems``."""
    return read_pin_files((), (source,), environments, reader(_refused), _NoStore()).pins


class _NoStore:
    """Keeps no copies of pin files."""

    def get(self, name: str) -> str | None:
        return None

    def put(self, name: str, text: str) -> None:
        pass


def _refused(url: str) -> bytes:
    raise FetchError(url, "this verb sends no requests; download the file")
