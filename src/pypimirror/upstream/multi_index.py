"""Several upstream indexes as one: a project is taken from the first index that has it, and from no other one.

This prevents dependency confusion: a public package can't replace a private one. An unreachable index is an error, not a
missing project.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from zope.interface import implementer

from ..errors import ProjectNotFound
from ..interfaces import ISource
from ..model import ListedProject, Project, ProjectList


@lru_cache
def short(url: str) -> str:
    """Return a short hash of an upstream URL."""
    return hashlib.sha256(url.encode()).hexdigest()[:8]


def serial_at(serial: int | str | None, upstream: str) -> str | None:
    """Return the serial qualified by its upstream, so that serials of different upstreams are never equal."""
    return None if serial is None else f"{serial}@{short(upstream)}"


def is_given_over(upstreams: Sequence[str], before: str, now: str) -> bool:
    """Whether a project would move to an upstream of lower precedence.

    upstreams: those of the configuration, in order. False if one of the two is no longer among them.
    """
    return before in upstreams and now in upstreams and upstreams.index(before) < upstreams.index(now)


@implementer(ISource)
class MultiIndex:
    """Sources in order of precedence. ETags are qualified by the upstream; they are sent to that upstream only."""

    def __init__(self, sources: Mapping[str, ISource]):
        """sources: by URL without credentials, in order of precedence."""
        self._sources = sources

    def listing(self, wanted: Callable[[str], bool], etag: str | None = None, written: str | None = None) -> ProjectList:
        known = self._known_etags(etag)
        listings = {url: source.listing(wanted, known.get(url), written) for url, source in self._sources.items()}
        if all(listing.unchanged for listing in listings.values()):
            return ProjectList({}, etag=etag, unchanged=True, problems=_problems(listings))
        for url, listing in listings.items():
            if listing.unchanged:
                listings[url] = self._sources[url].listing(wanted, None, written)
        *_, (last, whole) = listings.items()
        projects, elsewhere = _join(listings)
        tags = {url: listing.etag for url, listing in listings.items()}
        return ProjectList(
            projects,
            sum(listing.total for listing in listings.values()),
            json.dumps(tags) if all(tag is not None for tag in tags.values()) else None,
            serials=bool(projects) and all(listing.serials or not listing.projects for listing in listings.values()),
            upstream=last,
            elsewhere=elsewhere,
            problems=_problems(listings),
            serial=whole.serial,
            unproven=frozenset(name for url, listing in listings.items() for name in listing.unproven
                               if elsewhere.get(name, last) == url),
        )

    def project(self, name: str, etag: str | None = None, since: float | None = None) -> tuple[Project | None, tuple[str, ...]]:
        whose, _, own = (etag or "").partition(" ")
        for url, source in self._sources.items():
            known = whose == short(url) or (etag is None and len(self._sources) == 1)
            try:
                page, problems = source.project(name, own or None if known else None, since if known else None)
            except ProjectNotFound as error:
                absent = error
                continue
            if page is None:
                return None, problems
            return page._replace(upstream=url, etag=f"{short(url)} {page.etag or ''}"), problems
        raise absent if len(self._sources) == 1 else ProjectNotFound(
            f"{name}: not found at {', '.join(self._sources)}", absent.status_code)

    def _known_etags(self, etag: str | None) -> Mapping[str, str | None]:
        """Return the ETags of the lists by URL; empty if the upstreams or their order have changed."""
        tags = json.loads(etag) if etag is not None else {}
        return tags if list(tags) == list(self._sources) else {}


def _join(listings: Mapping[str, ProjectList]) -> tuple[Mapping[str, ListedProject], dict[str, str]]:
    """Return the projects of all lists, and the URLs of those that an index before the last one has: usually few."""
    *others, (_, whole) = listings.items()
    if not others:
        return whole.projects, {}
    joined, elsewhere = _projects_by_name(whole), {}
    for url, listing in reversed(others):
        joined.update(_projects_by_name(listing))
        elsewhere.update(dict.fromkeys(listing.projects, url))
    return joined, elsewhere


def _projects_by_name(listing: ProjectList) -> dict[str, ListedProject]:
    """Return the projects of a list; without registered names if it has normalised names only."""
    projects = dict(listing.projects)
    if any(listed.display != name for name, listed in projects.items()):
        return projects
    return {name: ListedProject("", listed.serial) for name, listed in projects.items()}


def _problems(listings: Mapping[str, ProjectList]) -> tuple[str, ...]:
    return tuple(problem for listing in listings.values() for problem in listing.problems)
