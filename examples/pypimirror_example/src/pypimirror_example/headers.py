"""The fetcher ``with-headers``: the default one, which tells upstream more."""

from collections.abc import Mapping

from zope.interface import implementer

from pypimirror.http.requests_fetcher import RequestsFetcher
from pypimirror.interfaces import IFetcher, IReceiver, ISettings
from pypimirror.model import Head


def header_lines(value: str, folder: str) -> tuple[tuple[str, str], ...]:
    """Lines of a header's name and value, with a colon between."""
    found = []
    for line in filter(None, map(str.strip, value.splitlines())):
        name, colon, text = line.partition(":")
        if not (colon and name.strip() and text.strip()):
            raise ValueError(f"lines such as X-Contact: admin@example.com, and {line!r} is not")
        found.append((name.strip(), text.strip()))
    return tuple(found)


@implementer(IFetcher)
class HeadersFetcher:
    """Adds the headers of ``request_headers`` to every request; what a request says itself counts more."""

    def __init__(self, settings: ISettings):
        self._headers = dict(settings["request_headers"] or ())
        self._fetcher = RequestsFetcher(settings)

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        return self._fetcher.fetch(url, receiver, {**self._headers, **(headers or {})})

    def close(self) -> None:
        self._fetcher.close()
