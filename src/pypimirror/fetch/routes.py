"""Which fetcher gets what: files of this machine, and the web; and which credentials go with a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from urllib.parse import SplitResult, urlsplit, urlunsplit

from zope.interface import implementer

from ..interfaces import IFetcher, IReceiver
from ..model import Head
from .address import bare

#: The schemes whose URLs get their credentials here, and the ports that they mean.
KEYED = {"http": 80, "https": 443}


@implementer(IFetcher)
class Routes:
    """Hands each URL to the fetcher for it.

    Credentials in the URLs of upstream indexes are kept here alone: nothing that is remembered of what an index says holds any,
    and its files are asked for with those of the index they belong to.
    """

    def __init__(self, web: IFetcher, files: IFetcher, indexes: Iterable[str]):
        """indexes: URLs of the upstream indexes, with their credentials."""
        self._web = web
        self._files = files
        self._keyed = [parts for parts in map(urlsplit, indexes) if "@" in parts.netloc]

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        if url[:5].lower() == "file:":
            return self._files.fetch(url, receiver, headers)
        keyed = self._with_credentials(url)
        if keyed == url:
            return self._web.fetch(url, receiver, headers)
        return _bare(self._web.fetch(keyed, _Bare(receiver), headers))

    def close(self) -> None:
        self._files.close()
        self._web.close()

    def _with_credentials(self, url: str) -> str:
        """Give the URL with the credentials of the index on the same origin whose path has most in common with it."""
        if not self._keyed:
            return url
        asked = urlsplit(url)
        same = [parts for parts in self._keyed if _origin(parts) == _origin(asked)]
        if "@" in asked.netloc or not same:
            return url
        nearest = max(same, key=lambda parts: _common(parts.path, asked.path))
        return urlunsplit(asked._replace(netloc=nearest.netloc))


@implementer(IReceiver)
class _Bare:
    """Removes the credentials from the URL of the head."""

    def __init__(self, receiver: IReceiver):
        self._receiver = receiver
        self.write = receiver.write

    def start(self, head: Head) -> None:
        self._receiver.start(_bare(head))


def _bare(head: Head) -> Head:
    return head._replace(url=bare(head.url))


def _common(one: str, other: str) -> int:
    """Return how many parts two paths have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one.split("/"), other.split("/"), strict=False)))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or KEYED.get(parts.scheme)
