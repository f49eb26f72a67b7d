"""A short text that changes when settings do that decide on the tree."""

import hashlib

from ..interfaces import ISettings
from .keys import KEYS


def fingerprint(settings: ISettings, affects: str) -> str:
    """Give the fingerprint of the keys that affect ``files`` or ``pages``."""
    values = [(key.name, settings[key.name]) for key in KEYS if key.affects == affects]
    return hashlib.sha256(repr(values).encode()).hexdigest()[:32]
