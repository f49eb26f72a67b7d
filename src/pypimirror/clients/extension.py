"""A buildout extension: what buildout has built by pip comes from the buildout's own index too.

zc.buildout builds sdists and develop eggs by a pip in a process of its own. It tells that pip of the index only as an extra
one, or not at all, so PyPI is asked first, and so is whatever pip's configuration files and environment name. A buildout that
lists this extension sets that pip's environment so that the index is all it asks, for build requirements as well.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..names import normalize

#: What ``extensions`` calls us.
DISTRIBUTION = "z3c.recipe.pypimirror"
#: What else would make pip look elsewhere.
_ELSEWHERE = frozenset({"PIP_INDEX_URL", "PIP_PYPI_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"})


def load(buildout: Any) -> None:
    """Set the environment for pip; called by zc.buildout with itself before it installs anything but extensions.

    Raises zc.buildout.UserError if the buildout has no index.
    """
    import zc.buildout

    options = buildout["buildout"]
    # zc.buildout calls every extension it can find as soon as one is listed.
    if normalize(DISTRIBUTION) not in map(normalize, options.get("extensions", "").split()):
        return
    index = options.get("index", "").strip()
    if not index:
        raise zc.buildout.UserError(f"{DISTRIBUTION} among the extensions keeps to the index, but there is no index option")
    confine(os.environ, index)


def confine(environ: MutableMapping[str, str], index: str) -> None:
    """Change an environment so that pip asks the index and nothing else. index: a URL or a directory."""
    if not urlsplit(index).scheme:
        index = Path(index).expanduser().resolve().as_uri()
    # pip knows these in any case and with dashes.
    for name in [name for name in environ if name.upper().replace("-", "_") in _ELSEWHERE]:
        del environ[name]
    environ["PIP_INDEX_URL"] = index
    # Configuration files could name further indexes, and no variable takes these away.
    environ["PIP_CONFIG_FILE"] = os.devnull
    environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    if index.startswith("http:"):
        trusted = environ.get("PIP_TRUSTED_HOST", "").split()
        environ["PIP_TRUSTED_HOST"] = " ".join(dict.fromkeys([*trusted, netloc(index)]))


def netloc(url: str) -> str:
    """Give the host of a URL, with its port where it names one."""
    return urlsplit(url).netloc.rpartition("@")[2]
