"""Settings as people read them."""

from collections.abc import Mapping
from typing import Any

from ..fetch.address import without_password


def shown_value(value: Any) -> str:
    """Give a value as a configuration file would say it, credentials left out."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(shown_value(item) for item in value)
    if isinstance(value, Mapping):
        return " ".join(f"{key}={item}" for key, item in value.items())
    return without_password(str(value))
