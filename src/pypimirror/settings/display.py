"""Formats settings for output."""

from collections.abc import Mapping
from typing import Any

from ..secret import printable
from .text_file import TextFile


def shown_value(value: Any) -> str:
    """Return a value in the syntax of the configuration file, without secrets."""
    if value is None:
        return ""
    if isinstance(value, TextFile):
        return shown_value(value.path)
    if isinstance(value, tuple):
        return " ".join(shown_value(item) for item in value)
    if isinstance(value, Mapping):
        return " ".join(f"{key}={shown_value(item)}" for key, item in value.items())
    return printable(str(value))
