"""A buildout extension that makes pip use only the buildout's index.

zc.buildout builds sdists and develop eggs with pip in a subprocess. It passes the index to pip only as an extra index, or not
at all, so pip also uses PyPI and the indexes of its configuration files and environment. The extension sets the environment
of pip so that it uses only the buildout's index, also for build requirements.
"""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__version__ = "1.0.0"

#: The name in the buildout option ``extensions``.
DISTRIBUTION = "pypimirror-client"
#: Environment variables of pip that select other indexes.
_ELSEWHERE = frozenset({"PIP_INDEX_URL", "PIP_PYPI_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"})


def load(buildout: Any) -> None:
    """Set the environment for pip. zc.buildout calls it before it installs anything except extensions.

    Raises zc.buildout.UserError if the buildout has no index.
    """
    import zc.buildout

    options = buildout["buildout"]
    # zc.buildout calls every installed extension if any is listed.
    if DISTRIBUTION not in map(_normalize, options.get("extensions", "").split()):
        return
    index = options.get("index", "").strip()
    if not index:
        raise zc.buildout.UserError(f"{DISTRIBUTION} among the extensions needs the option index")
    confine(os.environ, index)


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


def _normalize(name: str) -> str:
    """Return the normalised name of a project (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
