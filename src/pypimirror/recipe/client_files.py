"""Writes the configuration files of clients and web servers."""

import os
from collections.abc import Callable, Iterable

from zc.buildout import UserError

from .. import written_file
from ..errors import MirrorError
from .plugins import Plugins

#: Names of other files of the part.
_TAKEN = frozenset({"pypimirror.cfg", "versions.cfg", "additional.zcml", "cron-entry", "logrotate"})
_UNITS = (".service", ".timer")


def write(part: str, config: str, servers: Iterable[str], plugins: Plugins | None, made: Callable[[str], None]) -> None:
    """Write the files to the folder of the part's configuration file.

    config: its path. servers: the names of the web servers. plugins: those of the part, or None without any. made: called with
    the path of each file. Raises UserError.
    """
    folder = os.path.dirname(config)
    texts = _render_without_plugins(part, config, servers) if plugins is None else plugins.render_files(config, servers)
    for name, text in texts.items():
        if name in _TAKEN or name.endswith(_UNITS):
            raise UserError(f"[{part}] filename = {name!r} of a client or web server: the part has another file with this name")
        written_file.write(os.path.join(folder, name), text)
        made(os.path.join(folder, name))


def _render_without_plugins(part: str, config: str, servers: Iterable[str]) -> dict[str, str]:
    """Render the files in this process, which can't import plugins. Raises UserError."""
    # These need the dependencies of the mirror, which may be missing before ``install``.
    from ..clients.part import render
    from ..settings.reader import read

    try:
        return render(read(config), servers)
    except MirrorError as error:
        raise UserError(f"[{part}] {error}") from error
