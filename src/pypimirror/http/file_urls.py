"""Directories of this machine as upstreams: their ``file:`` URLs, and how far these may lead."""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

from ..errors import FetchError
from ..names import shown

#: Characters of a path in a message.
_LONGEST = 500


def url_of(path: str) -> str:
    """Return the URL of an absolute path."""
    return f"file://{quote(os.fsencode(path))}"


def path_of(url: str) -> str:
    """Return the absolute path of a ``file:`` URL (RFC 8089). Raises FetchError for a remote or malformed one."""
    parts = urlsplit(url)
    if parts.netloc.lower() not in ("", "localhost"):
        raise FetchError(url, f"a file of the host {parts.netloc}, which can't be asked for it")
    path = unquote(parts.path, errors="surrogateescape")
    if not path.startswith("/") or "\0" in path:
        raise FetchError(url, "not the URL of a file")
    return os.path.normpath(path)


def tree_of(directory: str) -> str:
    """Return the directory that the links of an index in a directory may lead to.

    Where the index is called ``simple``, files lie beside it as a rule, and a web server would be given what holds both.
    """
    parent, name = os.path.split(directory)
    return parent if name == "simple" and os.path.dirname(parent) != parent else directory


def inside(path: str, trees: Iterable[str]) -> str:
    """Return a path with symbolic links followed. Raises FetchError if it lies in none of the directories then."""
    real = os.path.realpath(path)
    if not any(real.startswith(os.path.join(os.path.realpath(tree), "")) for tree in trees):
        raise FetchError(shown(path, _LONGEST), "outside of the directories that index_url and local_packages name")
    return real
