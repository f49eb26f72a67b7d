"""Links of an index that lead elsewhere (PEP 438): to files on other hosts, and to home and download pages."""

from __future__ import annotations

from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from ..metadata.filenames import parse
from ..model import File
from ..names import SUFFIXES, is_distribution
from . import validation

#: Values of ``rel`` that mark links for people and their tools to follow.
_RELATIONS = frozenset({"homepage", "download"})


def last_part(href: str) -> str:
    """Give the last part of a link's path, which is the file's name (PEP 503)."""
    try:
        return unquote(urlsplit(href).path.rpartition("/")[2])
    except ValueError:
        return href


def start(page: str, base: str) -> str:
    """Give the URL that relative links of a page start from; page: its URL; base: what its ``base`` element says."""
    try:
        url = urljoin(page, base)
        # A page from the web leads to no place on this machine.
        return url if urlsplit(url).scheme in ("http", "https", urlsplit(page).scheme) else page
    except ValueError:
        return page


def belongs(filename: str, project: str) -> bool:
    """Whether a file name is that of a distribution of the project (its normalised name)."""
    return is_distribution(filename) and parse(filename, project).version is not None


def is_marked(rel: str) -> bool:
    """Whether a ``rel`` attribute says that the link leads to the project's home or download page (PEP 438)."""
    return not _RELATIONS.isdisjoint(rel.lower().replace(",", " ").split())


def is_foreign(url: str, page: str) -> bool:
    """Whether a URL is on another host than the page that links to it."""
    return urlsplit(url).netloc.rpartition("@")[2].lower() != urlsplit(page).netloc.rpartition("@")[2].lower()


def resolved(href: str, base: str) -> str | None:
    """Give the absolute URL of a link, a hash its only fragment, or None for one that is not to be followed.

    Links to a version control system carry ``#egg=`` (setuptools); what is behind them is no release.
    """
    try:
        if urldefrag(href.strip()).fragment.startswith("egg="):
            return None
        url, hashes = validation.file_url(href, base)
    except ValueError:
        return None
    return "#".join((url, *(f"{algorithm}={digest}" for algorithm, digest in hashes.items())))


def is_external(href: str, rel: str, base: str, page: str) -> bool:
    """Whether a link of an index's page leads out of the index: it has no hash, and it is marked so or names a file elsewhere.

    base: what relative links start from; page: the page's URL.
    """
    try:
        url, hashes = validation.file_url(href, base)
    except validation.InvalidEntry:
        return is_marked(rel)
    if hashes:
        return False
    return is_marked(rel) or (last_part(url).endswith(SUFFIXES) and is_foreign(url, page))


def own_first(files: list[File]) -> list[File]:
    """Give the files, each name once: what the index itself has counts before what lies elsewhere, and else the first one."""
    own = [file for file in files if file.external is None]
    taken = {file.filename.lower() for file in own}
    elsewhere: dict[str, File] = {}
    for file in files:
        if file.external is not None and file.filename.lower() not in taken:
            elsewhere.setdefault(file.filename.lower(), file)
    return [*own, *elsewhere.values()]
