"""The upstream indexes and local directories of the configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigurationError, FetchError
from ..http.file_urls import path_of, tree_of, url_of
from ..http.hosts import origin
from ..http.urls import strip_credentials
from ..interfaces import ISettings
from ..names import shown
from ..secret import reveal


def index_urls(settings: ISettings) -> dict[str, str]:
    """Return the upstream indexes in order of precedence: the configured URL by the URL without credentials.

    Raises ConfigurationError.
    """
    found: dict[str, str] = {}
    forms: set[str] = set()
    for given in settings["index_url"] or (_default_index_url(),):
        _check_url(given)
        url = url_of(_directory_of(given)) if _is_file(given) else reveal(given).rstrip("/") + "/"
        form = _canonical_form(url)
        if form not in forms:
            forms.add(form)
            found.setdefault(strip_credentials(url), url)
    return found


def _check_url(given: str) -> None:
    """Raise ConfigurationError for a URL with an invalid host or port."""
    try:
        parts = urlsplit(given)
        wrong = "must name a host" if parts.scheme in ("http", "https") and not parts.hostname else ""
        _ = parts.port
    except ValueError as error:
        wrong = f"not a URL: {error}"
    if wrong or not given.isprintable():
        why = wrong or "not a URL: it has unprintable characters"
        raise ConfigurationError(f"index_url = {shown(strip_credentials(given))}: {why}")


def _canonical_form(url: str) -> str:
    """Return a canonical form of a URL, to compare two indexes."""
    try:
        place = origin(url)
    except ValueError:
        return url
    return url if place is None else f"{place} {urlsplit(url).path}"


def distribution_directories(settings: ISettings) -> list[tuple[str, str]]:
    """Return the local directories with distributions as pairs of key and absolute path. Raises ConfigurationError."""
    found = [("index_url", _directory_of(given)) for given in settings["index_url"] or () if _is_file(given)]
    return found + [("local_packages", _directory_of(given)) for given in (settings["local_packages"],) if given]


def readable_trees(settings: ISettings) -> list[str]:
    """Return the directories from which files may be read."""
    return [tree_of(path) if key == "index_url" else path for key, path in distribution_directories(settings)]


def check_directories(settings: ISettings) -> None:
    """Raise ConfigurationError for a directory that does not exist or overlaps with the mirror."""
    place = settings["mirror_file_path"]
    for key, path in distribution_directories(settings):
        if not os.path.isdir(path):
            raise ConfigurationError(f"{key} = {path}: no such directory")
        if "://" not in place and (is_within(place, path) or is_within(path, place)):
            raise ConfigurationError(f"{key} = {path}: must be outside of the mirror and must not contain it")


def has_final_files(settings: ISettings | Mapping[str, Any]) -> bool:
    """Return whether a distribution file is never replaced by another one of the same name.

    True only for a mirror of only PyPI, which does not accept a file name twice.
    """
    if settings["local_packages"] or settings["external_links"]:
        return False
    if not settings["index_url"]:
        return True
    try:
        default = _default_index_url().rstrip("/")
    except ConfigurationError:
        return False
    return all(given.rstrip("/") == default for given in settings["index_url"])


def _is_file(given: str) -> bool:
    return given.startswith(("/", "file:"))


def _directory_of(given: str) -> str:
    try:
        return path_of(given) if given.startswith("file:") else given
    except FetchError as error:
        raise ConfigurationError(f"{error.url}: {error.why}") from error


def is_within(path: str, folder: str) -> bool:
    """Return whether a path is the folder or inside it, after following symbolic links."""
    folder, path = os.path.realpath(folder), os.path.realpath(path)
    return path == folder or path.startswith(os.path.join(folder, ""))


def _default_index_url() -> str:
    """Return the URL of PyPI from zc.buildout, which is imported only if index_url is not set."""
    try:
        from zc.buildout.easy_install import default_index_url
    except ImportError as error:
        raise ConfigurationError(f"index_url is not set, and zc.buildout's default can't be read: {error}") from error
    return str(default_index_url)
