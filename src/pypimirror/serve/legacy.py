"""``/pypi/<name>/json`` and ``/pypi/<name>/<version>/json``, made from a project's page when it is asked for.

Links lead to ``/packages/``, as bandersnatch and other mirrors of PyPI's kind insist on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from ..errors import BadPage
from ..index.legacy import about_project, about_release
from ..model import File, Project, Stored
from ..names import METADATA
from ..source.html_page import HtmlParser
from ..source.json_page import JsonParser
from .pages import Page, remade

#: Where the files are found beside their own place.
PACKAGES = "packages"
_PARSERS = {".v1_json": JsonParser(), ".html": HtmlParser()}
#: Stands for wherever the page is; nothing is ever fetched from there.
_NOWHERE = "http://mirror.invalid/"


def page(source: Page, path: str, address: str, version: str | None = None) -> Page | None:
    """Make the page about a project, or about one release of it; None if there is no such release.

    source, path: the project's page of the Simple API and where it lies, beside the files. address: that of the server.
    """
    name = os.path.basename(os.path.dirname(path))
    try:
        project, _ = _PARSERS[os.path.splitext(path)[1]].project(source.text(), name, _NOWHERE)
    except BadPage:
        return None
    folder = os.path.dirname(path)
    project = project._replace(files=tuple(file for file in (_found(file, folder) for file in project.files) if file.stored))
    body = _body(project, folder, int(source.serial or 0), address, version)
    return None if body is None else remade(source, body)


def _body(project: Project, folder: str, serial: int, address: str, version: str | None) -> bytes | None:
    def url(file: File) -> str:
        return f"{address}/{PACKAGES}/{project.name}/{quote(file.filename)}"

    if version is None:
        return about_project(project, serial, url, _reader(folder))
    return about_release(project, version, serial, url, _reader(folder))


def _found(file: File, folder: str) -> File:
    """Give a file together with what the mirror has of it, as its page tells."""
    sha256 = file.hashes.get("sha256")
    if sha256 is None:
        return file
    metadata = file.core_metadata.get("sha256") if isinstance(file.core_metadata, Mapping) else None
    signature = sha256 if file.gpg_sig else None
    size = file.size
    if size is None:
        try:
            size = os.stat(os.path.join(folder, file.filename), follow_symlinks=False).st_size
        except FileNotFoundError:
            return file
    return file._replace(stored=Stored(sha256, size, metadata, signature=signature))


def _reader(folder: str) -> Callable[[File], bytes | None]:
    def metadata(file: File) -> bytes | None:
        if file.stored is None or file.stored.metadata is None:
            return None
        try:
            with open(os.path.join(folder, file.filename + METADATA), "rb") as stream:
                return stream.read()
        except FileNotFoundError:
            return None  # gone since the page was read

    return metadata


def same_host(base_url: str | None, address: str) -> str:
    """Give the address for absolute links: ``base_url`` for who came that way, else the one that the client came by."""
    if base_url and urlsplit(base_url).netloc.lower() == urlsplit(address).netloc.lower():
        return base_url.removesuffix("/simple")
    return address
