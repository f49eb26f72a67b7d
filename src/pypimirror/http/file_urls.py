"""``file:`` URLs of upstreams in local directories, and the directories that their links may lead to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

from ..errors import FetchError
from ..names import shown

#: Maximum characters of a path in a message.
_LONGEST = 500


def url_of(path: str) -> str:
    """Return the URL of an absolute path."""
    return f"file://{quote(os.fsencode(path))}"


def path_of(url: str) -> str:
    """Return the absolute path of a ``file:`` URL (RFC 8089). Raises FetchError for a remote or malformed one."""
    parts = urlsplit(url)
    if parts.netloc.lower() not in ("", "localhost"):
        raise FetchError(url, f"a file of the host {parts.netloc}, not of this machine")
    path = unquote(parts.path, errors="surrogateescape")
    if not path.startswith("/") or "\0" in path:
        raise FetchError(url, "not the URL of a file")
    return os.path.normpath(path)


def tree_of(directory: str) -> str:
    """Return the directory that the links of an index in a local directory may lead to.

    An index directory ``simple`` usually has its files in sibling directories, so its parent is returned.
    """
    parent, name = os.path.split(directory)
    return parent if name == "simple" and os.path.dirname(parent) != parent else directory


def inside(path: str, trees: Iterable[str]) -> str:
    """Resolve symbolic links and return the path. Raises FetchError if it is outside of all ``trees``."""
    real = os.path.realpath(path)
    if not any(real.startswith(os.path.join(os.path.realpath(tree), "")) for tree in trees):
        raise FetchError(shown(path, _LONGEST), "outside of the directories that index_url and local_packages name")
    return real
