"""Limits pip to one index by its environment. The extension for clients (``client/``) has the same functions."""

import os
from collections.abc import MutableMapping
from pathlib import Path
from urllib.parse import urlsplit

#: Environment variables of pip that select other indexes.
_ELSEWHERE = frozenset({"PIP_INDEX_URL", "PIP_PYPI_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"})


def confine(environ: MutableMapping[str, str], index: str) -> None:
    """Change an environment so that pip uses only the index. index: a URL or a directory."""
    if not urlsplit(index).scheme:
        index = Path(index).expanduser().resolve().as_uri()
    # pip accepts these names in any case and with dashes.
    for name in [name for name in environ if name.upper().replace("-", "_") in _ELSEWHERE]:
        del environ[name]
    environ["PIP_INDEX_URL"] = index
    # Configuration files could add indexes, which no other variable can remove.
    environ["PIP_CONFIG_FILE"] = os.devnull
    environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    if index.startswith("http:"):
        trusted = environ.get("PIP_TRUSTED_HOST", "").split()
        environ["PIP_TRUSTED_HOST"] = " ".join(dict.fromkeys([*trusted, netloc(index)]))


def netloc(url: str) -> str:
    """Return host and port of a URL, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]
