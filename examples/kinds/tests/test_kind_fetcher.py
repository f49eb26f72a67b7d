from kinds.fetcher import Tagged

from pypimirror.testing.checks import settings
from pypimirror.testing.fetchers import FetcherContract


class TestTagged(FetcherContract):
    def make(self):
        return Tagged(settings())
