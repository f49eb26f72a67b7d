"""Exceptions, each with its exit status.

The command line prints the message as one line and exits with ``status``. A message names the file, key, project or URL at
fault.
"""

from collections.abc import Mapping
from typing import Any

from .secret import printable

#: Maximum number of characters of a URL in a message.
_LONGEST_URL = 500
#: The extra that installs each optional library.
EXTRAS = {"boto3": "objectstore", "cyclonedx": "sbom", "distributed": "dask", "greenlet": "fast", "license_expression": "sbom",
          "packageurl": "sbom", "pycurl": "fast", "pypi_attestations": "attestations", "spdx_tools": "sbom"}


class MirrorError(Exception):
    """Base of all errors of the mirror: something failed, and the next run retries it.

    The message is always printable, of limited length and free of secrets, even if it quotes untrusted text.
    """

    status = 1

    def __init__(self, *arguments: Any):
        super().__init__(*(printable(one) if isinstance(one, str) else one for one in arguments))


class ConfigurationError(MirrorError):
    """Wrong usage or configuration, detected before anything is changed."""

    status = 2


class Locked(MirrorError):
    """Another run holds the lock."""

    status = 3


class StatusUnknown(MirrorError):
    """The age of the mirror can't be determined."""

    status = 5


class FetchError(MirrorError):
    """A URL could not be fetched.

    url: without credentials. transient: whether a retry may succeed. retry_after: the delay in seconds that the server
    requests, or None. code: the HTTP status, if there was a response.
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
        # Exceptions are pickled between processes, by default without keyword arguments.
        return _fetch_error, ({"url": self.url, "why": self.why, "transient": self.transient,
                               "retry_after": self.retry_after, "code": self.code},)


def _fetch_error(values: Mapping[str, Any]) -> FetchError:
    return FetchError(**values)


class ProjectNotFound(MirrorError):
    """Upstream has no such project.

    status: the HTTP status of the response, or None if the upstream is not accessed by HTTP.
    """

    def __init__(self, message: str, status: int | None = None):
        super().__init__(message)
        self.status_code = status


class IndexFallbackRefused(MirrorError):
    """A project of one upstream index would now be taken from another index of lower precedence."""


class InvalidPage(MirrorError):
    """A project list or page of an index can't be parsed."""


class IntegrityError(MirrorError):
    """A file does not match the hash or size on upstream's page."""


class StorageError(MirrorError):
    """The mirror's storage can't be read or written."""


class InvalidBundle(MirrorError):
    """A bundle is incomplete, damaged, not signed by an allowed key, or does not fit to the mirror."""


class InsufficientSpace(StorageError):
    """The disk is full. The run stops; published pages stay correct, and the next run continues."""


def missing_library(what: str, error: ImportError) -> ConfigurationError:
    """Return the error for a library that can't be imported, with the reason and the extra that installs it.

    what: key and value of the configuration that need it.
    """
    why = "which is not installed" if isinstance(error, ModuleNotFoundError) else f"which can't be loaded: {error.msg}"
    extra = EXTRAS.get(str(error.name).partition(".")[0])
    hint = "" if extra is None else f"; it comes with z3c.recipe.pypimirror[{extra}]"
    return ConfigurationError(f"{what}: needs {error.name}, {why}{hint}")
