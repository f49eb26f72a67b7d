"""Links of index pages to other hosts (PEP 438): to files, and to home and download pages."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from ..errors import InvalidPage
from ..metadata.filenames import parse
from ..model import File
from ..names import SUFFIXES, is_distribution, project_name, shown
from . import validation

#: Values of ``rel`` for links to follow.
_RELATIONS = frozenset({"homepage", "download"})


def last_part(href: str) -> str:
    """Return the last part of a link's path, which is the file name (PEP 503)."""
    try:
        return unquote(urlsplit(href).path.rpartition("/")[2])
    except ValueError:
        return href


def start(page: str, base: str) -> str:
    """Return the base URL of a page's relative links. page: its URL; base: the value of its ``base`` element."""
    try:
        url = urljoin(page, base)
        # A page from the web must not refer to local files.
        return url if urlsplit(url).scheme in ("http", "https", urlsplit(page).scheme) else page
    except ValueError:
        return page


def belongs(filename: str, project: str) -> bool:
    """Whether a file name is that of a distribution of the project (its normalised name)."""
    return is_distribution(filename) and parse(filename, project).version is not None


def check_project(named: object, project: str, files: Iterable[File], url: str) -> None:
    """Raise InvalidPage if a page is that of another project, such as from a cache that confuses its entries.

    named: the name on the page; a page with files of the project is accepted in any case.
    """
    other = project_name(named) if isinstance(named, str) else None
    if other not in (project, None) and not any(belongs(file.filename, project) for file in files):
        raise InvalidPage(f"{shown(url)}: the page of {shown(str(named))} instead of {project}")


def is_hashed(href: str) -> bool:
    """Whether a link has a hash in its fragment."""
    try:
        return "=" in href and bool(validation.fragment_hashes(href.partition("#")[2]))
    except validation.InvalidEntry:
        return True  # two different ones


def is_marked(rel: str) -> bool:
    """Whether a ``rel`` attribute marks a link to the project's home or download page (PEP 438)."""
    return not _RELATIONS.isdisjoint(rel.lower().replace(",", " ").split())


def is_foreign(url: str, page: str) -> bool:
    """Whether a URL is on another host than the page that links to it."""
    return urlsplit(url).netloc.rpartition("@")[2].lower() != urlsplit(page).netloc.rpartition("@")[2].lower()


def resolved(href: str, base: str) -> str | None:
    """Return the absolute URL of a link, with a hash as its only fragment, or None if it must not be followed.

    Links with ``#egg=`` lead to version control systems (setuptools), not to releases.
    """
    try:
        if urldefrag(href.strip()).fragment.startswith("egg="):
            return None
        url, hashes = validation.file_url(href, base)
    except ValueError:
        return None
    return "#".join((url, *(f"{algorithm}={digest}" for algorithm, digest in hashes.items())))


def is_external(href: str, rel: str, base: str, page: str) -> bool:
    """Whether a link leads out of the index: it has no hash, and has such a ``rel`` or names a file on another host.

    base: the base URL of relative links; page: the page's URL.
    """
    try:
        url, hashes = validation.file_url(href, base)
    except validation.InvalidEntry:
        return is_marked(rel)
    if hashes:
        return False
    return is_marked(rel) or (last_part(url).endswith(SUFFIXES) and is_foreign(url, page))


def own_first(files: list[File]) -> list[File]:
    """Return the files with distinct names; files of the index take precedence over external ones, then the first one."""
    own = [file for file in files if file.external is None]
    taken = {file.filename.lower() for file in own}
    elsewhere: dict[str, File] = {}
    for file in files:
        if file.external is not None and file.filename.lower() not in taken:
            elsewhere.setdefault(file.filename.lower(), file)
    return [*own, *elsewhere.values()]
