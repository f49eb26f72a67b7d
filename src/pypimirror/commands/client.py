"""``client``: a client's configuration for this mirror."""

from __future__ import annotations

import argparse
import sys

from ..clients.files import Uv, index_url
from ..errors import ConfigurationError
from ..interfaces import IClient
from ..regular_file import open_regular
from ..settings.values import Settings
from ..zcml.plugins import read
from .component import select_component, show

#: Bytes of a lock file; one of 1,000 packages has about 2 MB.
_MAX_BYTES = 32 << 20


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the configuration for a client; with ``--lock``, a lock file of uv for the mirror.

    Returns 1 if the lock file has packages that the mirror does not have.
    """
    client, settings = select_component(read(config), "client", arguments.words, IClient)
    if arguments.lock is None:
        return show(settings, client, index_url(settings))
    if not isinstance(client, Uv):
        raise ConfigurationError(f"--lock is of client uv, not of client {arguments.words[0]}")
    return _print_lock(settings, arguments.lock)


def _print_lock(settings: Settings, path: str) -> int:
    """Print a lock file of uv for the mirror; return 1 if the mirror has no file of one of its packages."""
    from ..clients.uv_lock import rewrite_uv_lock  # with the storage, these take a while to import
    from ..mirror import Mirror

    storage = Mirror(settings).storage
    rewritten = rewrite_uv_lock(_read_lock(path), path, index_url(settings),
                                lambda name, filename: storage.size(f"{name}/{filename}") is not None)
    print(rewritten.text, end="")
    if rewritten.missing:
        print(f"pypimirror: {path}: the mirror has no file of {', '.join(rewritten.missing)}; "
              "name the lock file in requirements and run sync", file=sys.stderr)
    return 1 if rewritten.missing else 0


def _read_lock(path: str) -> str:
    """Return the text of a lock file. Raises ConfigurationError."""
    try:
        with open_regular(path) as stream:
            content = stream.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ConfigurationError(f"{path}: larger than {_MAX_BYTES >> 20} MB")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: can't be read: {error.strerror or error}") from error
