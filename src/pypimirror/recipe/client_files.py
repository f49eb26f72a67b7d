"""Files of the part for others to use: clients' configuration and web servers' sites."""

import os
from collections.abc import Callable, Iterable

from zc.buildout import UserError

from ..errors import ConfigurationError
from . import files

#: The file of each web server's site.
SITES = {"apache": "apache.conf", "nginx": "nginx.conf"}


def write(part: str, config: str, servers: Iterable[str], made: Callable[[str], None]) -> None:
    """Write them beside the part's configuration file.

    config: its path. servers: the web servers that were asked for. made: called with each path that the part then has.
    Raises UserError.
    """
    # Needs what the mirror itself needs, and that is there only when a part is installed.
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
