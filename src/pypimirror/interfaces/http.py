"""Contracts of HTTP requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from selectors import BaseSelector

    from ..model import Head


class IReceiver(Interface):
    """Receives one response."""

    def start(head: Head) -> None:
        """Called once with status and headers, before the body. May raise an exception to refuse the body."""

    def write(block: bytes) -> None:
        """Called with each block of the body, in order. May raise an exception to stop the transfer."""


class IFetcher(Interface):
    """Fetches pages and files by HTTP. Named; selected by ``fetcher``."""

    def fetch(url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        """Send one GET request, follow redirects, and pass head and body to the receiver.

        headers: additional request headers. Credentials come from the URL or from netrc.
        Returns the Head, whatever its status; the caller interprets the status. A truncated body is an error. The body is
        decoded only if the request has an Accept-Encoding header.
        Raises FetchError, with ``transient`` set if a retry may succeed.
        """

    def close() -> None:
        """Close all connections."""


class ICooperativeFetcher(IFetcher):
    """A fetcher that does the transfers of many functions in one thread.

    ``fetch`` switches to other functions while it waits, if the event loop of its thread has the fetcher's selector
    (``pypimirror.http.cooperation``); elsewhere it blocks.
    """

    def selector() -> BaseSelector:
        """Return a new selector, which drives transfers while the event loop waits for anything."""
