"""Hash of the settings that affect the tree."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from ..interfaces import ISettings
from .keys import KEYS


def fingerprint(settings: ISettings, affects: str, *more: Mapping[str, Collection[str]]) -> str:
    """Return the hash of the keys and plugins that affect ``files`` or ``pages``, and of the additional mappings."""
    values: list[Any] = [(key.name, settings[key.name]) for key in KEYS if key.affects == affects]
    values.extend(settings.plugged(affects))
    for mapping in more:
        values.extend((name, sorted(items)) for name, items in sorted(mapping.items()))
    return hashlib.sha256(repr(values).encode()).hexdigest()[:32]
