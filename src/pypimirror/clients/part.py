"""The files of clients and web servers in a buildout's part."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ..errors import ConfigurationError, MirrorError
from ..interfaces import IClient, IWebServer
from ..settings.values import Settings
from ..zcml.error_context import describe
from ..zcml.plugin_keys import respond
from ..zcml.plugins import components, read, with_plugin_keys
from ..zcml.registry import chosen, create_all
from .files import index_url


def render(settings: Settings, servers: Iterable[str]) -> dict[str, str]:
    """Return the files of all clients, if they can reach the mirror, and of some web servers, by file name.

    servers: the names of web servers. Raises ConfigurationError.
    """
    registered = components(settings)
    found: dict[str, str] = {}
    for name in servers:
        server = chosen(registered, (settings,), IWebServer, name, "webserver")
        _add_file(found, f"web server {name!r}", server.filename, render_component(registered, server))
    if settings["base_url"] or "://" not in settings["mirror_file_path"]:
        index = index_url(settings)
        for name, client in create_all(registered, (settings,), IClient).items():
            _add_file(found, f"client {name!r}", client.filename, render_component(registered, client, index))
    return found


def render_component(registered: Any, component: Any, *arguments: str) -> str:
    """Return what a client or web server renders. Raises MirrorError, which names the component, if it fails.

    registered: the registry of the component.
    """
    try:
        text = component.render(*arguments)
        if not isinstance(text, str):
            raise TypeError(f"render returned {text!r}, not a text")
    except (MirrorError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise MirrorError(describe(error, registered)) from error
    return text


def _add_file(found: dict[str, str], what: str, filename: str, text: str) -> None:
    """Add a file to those found. Raises ConfigurationError for an invalid name, or one that another component has."""
    if not isinstance(filename, str) or os.path.basename(filename) != filename or filename in ("", os.curdir, os.pardir):
        raise ConfigurationError(f"{what}: filename = {filename!r}: must be a file name without folders")
    if filename in found:
        raise ConfigurationError(f"{what}: filename = {filename!r}: another client or web server has it")
    found[filename] = text


def answer(config: str, servers: Iterable[str]) -> dict[str, Any]:
    """Return ``files``, the texts by file name, or only ``failed``, a message. config: the path of the configuration file."""
    try:
        return {"files": render(with_plugin_keys(read(config)), servers)}
    except MirrorError as error:
        return {"failed": str(error)}


def main() -> None:
    """Answer one request of a recipe whose part has plugins."""
    respond(answer)
