"""Lookup of core metadata, for filters that read it."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from ..errors import IntegrityError
from ..http.optional_body import fetch_if_there
from ..http.urls import strip_credentials
from ..interfaces import IMirror
from ..metadata.core_metadata import check_release
from ..metadata.errors import InvalidContent
from ..model import File
from ..names import METADATA

#: Maximum size in bytes; the description is part of it.
_LONGEST = 16 << 20
_REMEMBERED = 256


class CoreMetadataLookup:
    """Reads core metadata from the mirror, or else from upstream's metadata file (PEP 658)."""

    def __init__(self, mirror: IMirror):
        self._mirror = mirror
        # Evaluating and publishing a project both read it.
        self._fetched = lru_cache(_REMEMBERED)(self._fetch)

    def __call__(self, project: str, file: File) -> bytes | None:
        """Return the metadata of a file, or None if it is unavailable. Raises FetchError, IntegrityError, StorageError."""
        if file.stored is not None and file.stored.metadata:
            found = self._mirror.storage.read(f"{project}/{file.filename}{METADATA}")
            if found is not None:
                return found
        if not file.core_metadata or not file.url:
            return None
        sha256 = None if file.core_metadata is True else file.core_metadata.get("sha256")
        found = self._fetched(file.url + METADATA, sha256)
        if found is not None and sha256 is None and not _fits(found, project, file.filename):
            return None
        return found

    def _fetch(self, url: str, sha256: str | None) -> bytes | None:
        body = fetch_if_there(self._mirror.fetcher, self._mirror.attempts, url, _LONGEST)
        if body is None:
            return None
        if sha256 is not None and hashlib.sha256(body).hexdigest() != sha256:
            raise IntegrityError(f"{strip_credentials(url)}: sha256 mismatch with upstream's page")
        return body


def _fits(content: bytes, project: str, filename: str) -> bool:
    """Whether content without a known hash is the metadata of a file, and not a login page, for example."""
    try:
        check_release(content, project, filename)
    except InvalidContent:
        return False
    return True
