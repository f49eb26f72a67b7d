"""The fetcher ``with-headers``: the default one with additional headers."""

from collections.abc import Mapping

from zope.interface import implementer

from pypimirror.http.requests_fetcher import RequestsFetcher
from pypimirror.interfaces import IFetcher, IReceiver, ISettings
from pypimirror.model import Head


def header_lines(value: str, folder: str) -> tuple[tuple[str, str], ...]:
    """Lines with the name of a header, a colon and its value."""
    found = []
    for line in filter(None, map(str.strip, value.splitlines())):
        name, colon, text = line.partition(":")
        if not (colon and name.strip() and text.strip()):
            raise ValueError(f"lines such as X-Contact: admin@example.com, not {line!r}")
        found.append((name.strip(), text.strip()))
    return tuple(found)


@implementer(IFetcher)
class HeadersFetcher:
    """Adds the headers of ``request_headers`` to every request; headers of the request take precedence."""

    def __init__(self, settings: ISettings):
        self._headers = dict(settings["request_headers"] or ())
        self._fetcher = RequestsFetcher(settings)

    def fetch(self, url: str, receiver: IReceiver, headers: Mapping[str, str] | None = None) -> Head:
        return self._fetcher.fetch(url, receiver, {**self._headers, **(headers or {})})

    def close(self) -> None:
        self._fetcher.close()
