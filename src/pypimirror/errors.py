"""What can go wrong, by the exit status that it means.

The command line prints the message of any of these as its one line and ends with ``status``. A message names the file, key,
project or URL at fault.
"""

from collections.abc import Mapping
from typing import Any

from .secret import printable

#: Characters of a URL in a message.
_LONGEST_URL = 500


class MirrorError(Exception):
    """Something failed and will be tried again by the next run.

    Its message is printable, of limited length and free of secrets, whatever foreign text it quotes.
    """

    status = 1

    def __init__(self, *arguments: Any):
        super().__init__(*(printable(one) if isinstance(one, str) else one for one in arguments))


class ConfigurationError(MirrorError):
    """Wrong usage or configuration, found before anything was touched."""

    status = 2


class Locked(MirrorError):
    """Another run holds the lock."""

    status = 3


class FetchError(MirrorError):
    """A URL could not be had.

    url: what was asked for, without credentials.
    transient: whether asking again can help.
    retry_after: seconds that the server asked to wait, or None.
    """

    def __init__(self, url: str, why: str, *, transient: bool = False, retry_after: float | None = None,
                 code: int | None = None):
        self.url, self.why = printable(url, _LONGEST_URL), printable(why)
        super().__init__(self.url, self.why)
        self.transient = transient
        self.retry_after = retry_after
        self.code = code

    def __str__(self) -> str:
        return f"{self.url}: {self.why}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions travel between processes; keyword arguments would be lost without this.
        return _fetch_error, ({"url": self.url, "why": self.why, "transient": self.transient,
                               "retry_after": self.retry_after, "code": self.code},)


def _fetch_error(values: Mapping[str, Any]) -> FetchError:
    return FetchError(**values)


class ProjectNotFound(MirrorError):
    """Upstream has no such project.

    status: that of the HTTP answer which said so, or None where nothing was asked by HTTP.
    """

    def __init__(self, message: str, status: int | None = None):
        super().__init__(message)
        self.status_code = status


class IndexFallbackRefused(MirrorError):
    """A project was taken from one upstream index and would now come from another one that counts less."""


class InvalidPage(MirrorError):
    """A list or page of an index can't be understood."""


class IntegrityError(MirrorError):
    """What came is not what upstream's page promised: wrong hash, wrong size."""


class StorageError(MirrorError):
    """The mirror's own place can't be read or written."""


class InsufficientSpace(StorageError):
    """There is no room for more; the run stops, what is published stays true, and the next run goes on."""
