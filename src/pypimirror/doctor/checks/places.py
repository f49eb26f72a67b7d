"""Checks of URLs and hosts: whether the deployment looks anywhere else than in the mirror."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from ...http.urls import strip_credentials
from ...names import shown
from .. import deployment as kinds
from ..case import Case
from ..findings import ERROR, WARNING, Finding, error, note, warning

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
#: Message, advice and severity by kind of place; ``{index}`` is the URL of the mirror.
_ELSEWHERE = {
    kinds.INDEX: ("the index is not the mirror", "set it to {index}", ERROR),
    kinds.EXTRA_INDEX: ("an extra index, which is not the mirror", "remove it", ERROR),
    kinds.LOCKED: ("the lock file names files and indexes of this host, and its tool requests them there",
                   "lock it with the mirror as index; for uv: client uv --lock", ERROR),
    kinds.EXTENDS: ("the buildout extends a file of this host",
                    "name it in versions of the mirror, and extend from {index}pins/", ERROR),
    kinds.DIRECT: ("a requirement names a URL in place of a release", "put a release into local_packages of the mirror", ERROR),
    kinds.DOWNLOAD: ("fetched from this host while it installs", "serve the file from a host that can be reached", ERROR),
    kinds.FIND_LINKS: ("find-links names a host that is not the mirror", "remove it, or use a directory", WARNING),
    kinds.DEPENDENCY_LINK: ("a dependency link names a host that is not the mirror",
                            "set use-dependency-links = false", WARNING),
}


def check_places(case: Case) -> Iterator[Finding]:
    """Indexes, find-links, dependency links, extended files and the URLs in lock files."""
    for place in case.deployment.places:
        if not _URL.match(place.url) or place.url.startswith("file:"):
            yield from _check_directory(case, place)
        elif not case.subject.is_mirror(place.url):
            message, advice, severity = _ELSEWHERE[place.kind]
            known = case.subject.address or "the URL of the mirror"
            yield Finding(severity, strip_credentials(place.url), message, advice.format(index=known), place.where)
    if not any(place.kind == kinds.INDEX for place in case.deployment.places):
        client = {kinds.PIP: "client pip", kinds.UV: "client uv", kinds.BUILDOUT: "client buildout"}[case.deployment.tool]
        yield note("index", "the file sets no index; the configuration of the client decides",
                   f"install the configuration that {client} prints")


def _check_directory(case: Case, place: kinds.Place) -> Iterator[Finding]:
    """A place that is a directory exists, and as an index it is the mirror."""
    if case.subject.is_mirror(place.url):
        return
    path = unquote(urlsplit(place.url).path) if place.url.startswith("file:") else place.url
    if place.kind in (kinds.FIND_LINKS, kinds.INDEX, kinds.EXTRA_INDEX) and os.path.isabs(path) and not os.path.isdir(path):
        yield error(shown(path), f"{place.kind}: no such directory", "create it, or remove the option", place.where)
    elif place.kind in (kinds.INDEX, kinds.EXTRA_INDEX):
        yield warning(shown(path), f"{place.kind}: a directory that is not the mirror", "", place.where)


def check_allowed_hosts(case: Case) -> Iterator[Finding]:
    """zc.buildout's ``allow-hosts`` admits the mirror."""
    patterns, address = case.deployment.allow_hosts, case.subject.address
    if patterns is None or not address:
        return
    host = urlsplit(address).netloc.rpartition("@")[2]
    if not any(fnmatch.fnmatch(host, pattern) for pattern in patterns):
        yield error("allow-hosts", f"does not admit {host}, the mirror", f"add {host}")


def check_blocking_options(case: Case) -> Iterator[Finding]:
    """Options that keep an installer from using the mirror."""
    options = case.deployment.options
    if "no-index" in options:
        yield error("--no-index", "the file forbids every index, the mirror too", "remove it")
    if options.get("offline", "").lower() in ("true", "on", "yes", "1"):
        yield error("offline", "zc.buildout requests nothing, and installs only what it has", "set offline = false")
    if options.get("install-from-cache", "").lower() in ("true", "on", "yes", "1"):
        yield note("install-from-cache", "zc.buildout installs only from its download cache")
