"""What is asked of upstream: conditions and forms."""

from collections.abc import Mapping

from ..interfaces import IParser


def accept(parsers: Mapping[str, IParser]) -> str:
    """Give the Accept header for the forms that can be read, the one that says most first (PEP 691)."""
    ranked = sorted((item for item in parsers.items() if item[1].quality), key=lambda item: -item[1].quality)
    return ", ".join(media if parser.quality == 1 else f"{media};q={parser.quality}" for media, parser in ranked)


def media_type(content_type: str) -> str:
    """Give the media type of a Content-Type header, without parameters and in lower case."""
    return content_type.partition(";")[0].strip().lower()
