"""Selects the fetcher for a URL, local or remote, and the credentials for the request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zope.interface import implementer

from ..interfaces import IFetcher, IReceiver
from ..model import Head
from .credentials import Credentials
from .urls import strip_credentials


@implementer(IFetcher)
class Dispatcher:
    """Passes each URL to the fetcher of its scheme.

    Only this class adds credentials: stored URLs have none, and files are requested with the credentials that the
    configuration has for their origin.
    """

    def __init__(self, web: IFetcher, files: IFetcher, configured: Iterable[str]):
        """configured: URLs of indexes and pin files, with their credentials."""
        self._web = web
        self._files = files
        self._credentials = Credentials(configured)

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        if url[:5].lower() == "file:":
            return self._files.fetch(url, receiver, headers)
        keyed = self._credentials.url(url)
        if keyed == url:
            return self._web.fetch(url, receiver, headers)
        return _without_credentials(self._web.fetch(keyed, _Bare(receiver), headers))

    def close(self) -> None:
        self._files.close()
        self._web.close()


@implementer(IReceiver)
class _Bare:
    """Removes the credentials from the URL of the head."""

    def __init__(self, receiver: IReceiver):
        self._receiver = receiver
        self.write = receiver.write

    def start(self, head: Head) -> None:
        self._receiver.start(_without_credentials(head))


def _without_credentials(head: Head) -> Head:
    return head._replace(url=strip_credentials(head.url))
