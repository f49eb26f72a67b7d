"""The fetcher ``pycurl``, where the extra that it needs is installed."""

from __future__ import annotations

from zope.interface import implementer

from ..errors import ConfigurationError
from ..interfaces import IFetcher, ISettings


@implementer(IFetcher)
def pycurl_fetcher(settings: ISettings) -> IFetcher:
    """Return a CurlFetcher. Raises ConfigurationError where pycurl is missing."""
    try:
        from .curl import CurlFetcher
    except ImportError as error:
        raise ConfigurationError(f"fetcher = pycurl: {error}; it comes with z3c.recipe.pypimirror[fast]") from error
    return CurlFetcher(settings)
