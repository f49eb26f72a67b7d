"""The Accept and Content-Type headers of index pages (PEP 691)."""

from collections.abc import Mapping

from ..interfaces import IParser


def accept(parsers: Mapping[str, IParser]) -> str:
    """Return the Accept header for all parsers, the preferred format first (PEP 691)."""
    ranked = sorted((item for item in parsers.items() if item[1].quality), key=lambda item: -item[1].quality)
    return ", ".join(media if parser.quality == 1 else f"{media};q={parser.quality}" for media, parser in ranked)


def media_type(content_type: str) -> str:
    """Return the media type of a Content-Type header in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()
