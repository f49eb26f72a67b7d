"""``/pypi/<name>/json`` and ``/pypi/<name>/<version>/json``, rendered from a project's page for each request.

URLs of files start with ``/packages/``, as bandersnatch and other clients of PyPI's older API require.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from urllib.parse import quote

from ..advisory import Advisory
from ..errors import InvalidPage
from ..index.legacy import about_project, about_release
from ..model import File, Project, Stored
from ..names import METADATA
from ..upstream.html_page import HtmlParser
from ..upstream.json_page import JsonParser
from .pages import Page, with_body
from .tree import Tree

#: The folder of a second URL of each file.
PACKAGES = "packages"
_PARSERS = {".v1_json": JsonParser(), ".html": HtmlParser()}
#: The base URL for parsing a page; only file names are used, and nothing is fetched.
_NOWHERE = "http://mirror.invalid/"


def render_page(source: Page, tree: Tree, path: tuple[str, str], address: str, version: str | None = None,
                advisories: tuple[Advisory, ...] | None = None) -> Page | None:
    """Return the page about a project or a release; None if there is no such release.

    source: the project's page of the Simple API. path: its folder, which has the files, and its file name. address: of the
    server, for absolute links. advisories: about the project; None to leave out the field ``vulnerabilities``.
    """
    project = read_project(source, tree, path)
    if project is not None:
        project = project._replace(advisories=advisories or ())
    has_advisories = advisories is not None
    body = None if project is None else _render_body(project, tree, int(source.serial or 0), address, version, has_advisories)
    return None if body is None else with_body(source, body)


def read_project(source: Page, tree: Tree, path: tuple[str, str]) -> Project | None:
    """Return the project on one of the mirror's own pages, or None if the page can't be read.

    Arguments as for ``render_page``.
    """
    name, form = path
    try:
        project, _ = _PARSERS[os.path.splitext(form)[1]].project(source.content(), name, _NOWHERE)
    except InvalidPage:
        return None
    found = (_with_stored(file, tree, name) for file in project.files)
    return project._replace(files=tuple(file for file in found if file.stored))


def _render_body(project: Project, tree: Tree, serial: int, address: str, version: str | None,
                 has_advisories: bool) -> bytes | None:
    def url(file: File) -> str:
        return f"{address}/{PACKAGES}/{project.name}/{quote(file.filename)}"

    if version is None:
        return about_project(project, serial, url, metadata_reader(tree, project.name), has_advisories)
    return about_release(project, version, serial, url, metadata_reader(tree, project.name), has_advisories)


def _with_stored(file: File, tree: Tree, folder: str) -> File:
    """Return a file with ``stored`` filled in from the page, or without it if the mirror does not have the file."""
    sha256 = file.hashes.get("sha256")
    if sha256 is None:
        return file
    metadata = file.core_metadata.get("sha256") if isinstance(file.core_metadata, Mapping) else None
    signature = sha256 if file.gpg_sig else None
    size = file.size
    if size is None:
        try:
            size = tree.stat((folder, file.filename)).st_size
        except FileNotFoundError:
            return file
    return file._replace(stored=Stored(sha256, size, metadata, signature=signature))


def metadata_reader(tree: Tree, folder: str) -> Callable[[File], bytes | None]:
    """Return a function that reads the core metadata of a file in a project's folder."""
    def metadata(file: File) -> bytes | None:
        if file.stored is None or file.stored.metadata is None:
            return None
        try:
            stream, _ = tree.open((folder, file.filename + METADATA))
            with stream:
                return stream.read()
        except FileNotFoundError:
            return None  # removed after the page was read

    return metadata
