"""A fetcher: ``fetcher = tagged`` adds a header to each request."""

from zope.interface import implementer

from pypimirror.http.requests_fetcher import RequestsFetcher
from pypimirror.interfaces import IFetcher


@implementer(IFetcher)
class Tagged:
    """Sends requests as ``requests`` does, with the name of the site."""

    def __init__(self, settings):
        self._fetcher = RequestsFetcher(settings)

    def fetch(self, url, receiver, headers=None):
        return self._fetcher.fetch(url, receiver, {"X-Site": "example", **(headers or {})})

    def close(self):
        self._fetcher.close()
