"""Translates exceptions of HTTP libraries: a short message, and whether the error is transient."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..errors import FetchError
from ..interfaces import ISettings
from . import connection_errors
from .urls import strip_credentials

CUT_OFF = "the connection ended in the middle of the body"
NO_LENGTH = "a chunk of the body has no length"
#: urllib3's message about a body that ends in place of a chunk's length.
_CUT_OFF = "Response ended prematurely"
#: The connection object that urllib3 puts before the message.
_CONNECTION = re.compile(r".*>: ", re.DOTALL)


def failure(url: str, error: Exception, transient: bool, settings: ISettings) -> FetchError:
    """Return the FetchError for an exception of http.client, urllib3 or another library.

    transient: whether a retry may succeed.
    """
    return FetchError(strip_credentials(url), _explained(url, error, settings), transient=transient)


def _explained(url: str, error: Exception, settings: ISettings) -> str:
    """Return the message: for connections the cause and what to check, for other failures the reason."""
    import socket
    import ssl

    from urllib3.exceptions import NewConnectionError

    causes = list(_chain(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return connection_errors.unknown_host(url, settings)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return connection_errors.untrusted(_why(error), settings)
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        return connection_errors.no_connection(url, _why(error), settings)
    return connection_errors.with_proxy(url, _why(error), settings)


def _why(error: Exception) -> str:
    """Return a short message; the innermost reason is the clearest."""
    from http.client import IncompleteRead  # only errors of requests need it

    *_, cause = _chain(error)
    if isinstance(cause, IncompleteRead):  # or urllib3's subclass, whose ``length`` is the invalid length of a chunk
        return NO_LENGTH if getattr(cause, "length", None) else CUT_OFF
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    if text == _CUT_OFF:
        return CUT_OFF
    return " ".join(_CONNECTION.sub("", text).split()) or type(cause).__name__


def _chain(error: Any) -> Iterator[Any]:
    while error is not None:
        yield error
        inner = getattr(error, "reason", None) or (error.args[-1] if error.args else None)
        error = inner if isinstance(inner, Exception) else error.__cause__
