"""Reads the trees of older mirrors: their projects, files and hashes. Read-only.

z3c.pypimirror has ``<Project>/<file>``, the MD5 in ``<Project>/.<file>.md5`` (``<file>.md5`` in its first versions), and a page
with ``#md5=`` links in each folder. bandersnatch has ``web/packages/aa/bb/<hash>/<file>``, and pages in
``web/simple/<name>/``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ...errors import ConfigurationError, InvalidPage, StorageError
from ...interfaces import IParser
from ...model import NOTHING
from ...names import BESIDE, HTML_PAGE, JSON_PAGE, PAGES, is_distribution, is_project, normalize, shown
from ...regular_file import open_regular

FOLDERS, PACKAGES = "z3c.pypimirror", "bandersnatch"
#: Media types of pages by file name. bandersnatch writes the HTML page under two names.
_PAGES = {HTML_PAGE: "text/html", JSON_PAGE: PAGES[JSON_PAGE]}
_MD5 = re.compile(rb"\s*([0-9a-fA-F]{32})\b")
#: Characters that z3c.pypimirror allowed and PyPI has renamed since; setuptools replaces a run of them by a dash.
_STRANGE = re.compile(r"[^A-Za-z0-9._-]+")

#: URL and hashes.
_Link = tuple[str, Mapping[str, str]]


class OldTree(NamedTuple):
    """The tree of an older mirror."""

    #: FOLDERS or PACKAGES.
    kind: str
    #: Absolute path of the parent of the projects' folders; for PACKAGES the parent of ``simple`` and ``packages``.
    root: str


class OldProject(NamedTuple):
    """One project of an old tree, in one folder or, under several spellings, in more."""

    #: Normalised (PEP 503).
    name: str
    #: Absolute paths, sorted.
    folders: tuple[str, ...]


class OldFile(NamedTuple):
    """One file of an old tree."""

    filename: str
    #: Absolute.
    path: str
    #: The old mirror's hashes: hex digests by algorithm.
    hashes: Mapping[str, str] = NOTHING
    #: The source of the hashes, for messages.
    witness: str = ""


def detect_tree(directory: str) -> OldTree:
    """Detect the kind of a tree. Raises ConfigurationError if the directory is not a mirror's tree."""
    root = os.path.realpath(directory)
    if not os.path.isdir(root):
        raise ConfigurationError(f"{directory}: not a directory")
    for web in (os.path.join(root, "web"), root):
        if os.path.isdir(os.path.join(web, "simple")) and os.path.isdir(os.path.join(web, "packages")):
            return OldTree(PACKAGES, web)
    for _, folder in _project_folders(root):
        with suppress(StorageError):  # reported later if it is a project's folder
            if any(is_distribution(unquote(name)) for name in _list_names(folder)):
                return OldTree(FOLDERS, root)
    raise ConfigurationError(f"{directory}: not a mirror's tree: neither <project>/<file> nor web/simple and web/packages")


def find_projects(tree: OldTree) -> tuple[list[OldProject], list[str]]:
    """Return the projects of a tree in order of names, and the names of other folders."""
    found: dict[str, list[str]] = {}
    strange = []
    for name, folder in _project_folders(tree.root) if tree.kind == FOLDERS else _find_bandersnatch_projects(tree.root):
        normal = normalize(_STRANGE.sub("-", name))
        if is_project(normal):
            found.setdefault(normal, []).append(folder)
        else:
            strange.append(name)
    return [OldProject(name, tuple(sorted(found[name]))) for name in sorted(found)], strange


def find_files(tree: OldTree, project: OldProject, parsers: Mapping[str, IParser]) -> tuple[list[OldFile], list[str]]:
    """Return the files of a project, and problems of files that can't be adopted."""
    found: list[OldFile] = []
    problems: list[str] = []
    for folder in project.folders:
        listed, errors = _read_pages(folder, project.name, parsers)
        if tree.kind == FOLDERS:
            _collect_files(folder, {name: hashes for name, (_, hashes) in listed.items()}, found, problems)
            continue
        problems += errors
        for name, (url, hashes) in listed.items():
            path = find_package(tree, url)
            if path is None:
                problems.append(f"{name}: listed on the old page, but missing")
            else:
                found.append(OldFile(name, path, hashes, "the old page"))
    return found, problems


def find_package(tree: OldTree, url: str) -> str | None:
    """Return the path of the file of a URL with ``/packages/`` in bandersnatch's tree, or None if it is missing."""
    _, packages, rest = urlsplit(url).path.partition("/packages/")
    parts = unquote(rest).split("/")
    if tree.kind != PACKAGES or not packages or any(part in ("", ".", "..") or "\0" in part for part in parts):
        return None
    path = os.path.join(tree.root, "packages", *parts)
    return path if os.path.isfile(path) else None


def find_pages(folder: str) -> list[str]:
    """Return the paths of the pages in a folder of a tree."""
    return [path for path in (os.path.join(folder, name) for name in _PAGES) if os.path.isfile(path)]


def find_md5_files(folder: str) -> list[tuple[str, str]]:
    """Return the paths of the ``.md5`` files in a folder, each with the path of its file, which may be missing."""
    found = []
    for name in _list_names(folder):
        about = name.removesuffix(".md5").removeprefix(".")
        if name.endswith(".md5") and is_distribution(unquote(about)):
            found.append((os.path.join(folder, name), os.path.join(folder, about)))
    return found


def _collect_files(folder: str, listed: Mapping[str, Mapping[str, str]], found: list[OldFile], problems: list[str]) -> None:
    """Add the distributions in a folder to ``found``, each with the hashes of its .md5 file or of the old page."""
    names = set(_list_names(folder))
    for name in sorted(names):
        path = os.path.join(folder, name)
        # z3c.pypimirror kept the quoting of the URL.
        filename = unquote(name)
        if name.startswith(".") or name in _PAGES or name.endswith((".md5", *BESIDE)) or not os.path.isfile(path):
            continue
        if not is_distribution(filename):
            problems.append(f"{shown(name)}: not the name of a distribution")
            continue
        sides = (os.path.join(folder, side) for side in (f".{name}.md5", f"{name}.md5") if side in names)
        digest = next((digest for digest in map(_read_md5, sides) if digest), None)
        if digest is not None:
            found.append(OldFile(filename, path, {"md5": digest}, "its .md5 file"))
        else:
            found.append(OldFile(filename, path, listed.get(filename, NOTHING), "the old page"))


def _read_md5(path: str) -> str | None:
    """Return the digest in a .md5 file, or None. Raises StorageError."""
    try:
        with open_regular(path) as stream:
            match = _MD5.match(stream.read(200))
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    return match[1].decode().lower() if match else None


def _read_pages(folder: str, name: str, parsers: Mapping[str, IParser]) -> tuple[dict[str, _Link], list[str]]:
    """Return URL and hashes of the files on a folder's pages, by name, and problems."""
    found: dict[str, _Link] = {}
    problems: list[str] = []
    for path in find_pages(folder):
        try:
            with open_regular(path) as stream:
                body = stream.read()
            # Base URL for relative links to ``packages``; nothing is fetched from it.
            page, errors = parsers[_PAGES[os.path.basename(path)]].project(body, name, f"http://mirror.invalid/simple/{name}/")
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error
        except InvalidPage as error:
            problems.append(f"{path}: {error}")
            continue
        problems += errors
        for file in page.files:
            found.setdefault(file.filename, (file.url, file.hashes))
    return found, problems


def _find_bandersnatch_projects(root: str) -> Iterator[tuple[str, str]]:
    """Yield name and folder of each project of bandersnatch's tree, also with ``hash-index`` (folders by letter)."""
    for name, folder in _project_folders(os.path.join(root, "simple")):
        if find_pages(folder):
            yield name, folder
        if len(name) == 1:
            yield from ((inner, below) for inner, below in _project_folders(folder) if find_pages(below))


def _project_folders(root: str) -> Iterator[tuple[str, str]]:
    """Yield names and paths of possible project folders, without symbolic links to other ones."""
    for name in _list_names(root):
        path = os.path.join(root, name)
        if name.startswith(".") or name == "lost+found" or not os.path.isdir(path):
            continue
        if os.path.islink(path) and os.path.dirname(os.path.realpath(path)) == root:
            continue
        yield name, path


def _list_names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}") from error
