"""Writes the configuration files of clients and web servers."""

import os
from collections.abc import Callable, Iterable

from zc.buildout import UserError

from ..errors import ConfigurationError
from . import files

#: The file name of each web server's configuration.
SITES = {"apache": "apache.conf", "nginx": "nginx.conf"}


def write(part: str, config: str, servers: Iterable[str], made: Callable[[str], None]) -> None:
    """Write the files to the folder of the part's configuration file.

    config: its path. servers: the web servers. made: called with the path of each file. Raises UserError.
    """
    # These need the dependencies of the mirror, which may be missing before ``install``.
    from ..clients.files import FILENAMES, render
    from ..serve.site_config import site
    from ..settings.reader import read

    folder = os.path.dirname(config)
    try:
        settings = read(config)
        texts = {SITES[server]: site(server, settings) for server in servers}
        if settings["base_url"] or "://" not in settings["mirror_file_path"]:
            texts.update((filename, render(client, settings)) for client, filename in FILENAMES.items())
    except ConfigurationError as error:
        raise UserError(f"[{part}] {error}") from error
    for name, text in texts.items():
        files.write(os.path.join(folder, name), text)
        made(os.path.join(folder, name))
