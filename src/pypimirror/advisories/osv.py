"""Reads advisories in the OSV format (Open Source Vulnerability schema, version 1)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..advisory import Advisory, VersionRange
from ..http.web_urls import web_url
from ..metadata.filenames import pep440
from ..names import MALICIOUS, project_name, shown
from ..settings.units import parse_moment
from .cvss import base_score, highest, rating
from .matching import MOST_COMPARISONS, includes, with_true_fixes

#: Ids are parts of URLs and of messages.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ECOSYSTEM = "PyPI"
_LABELS = {"LOW": "low", "MODERATE": "medium", "MEDIUM": "medium", "HIGH": "high", "CRITICAL": "critical"}
_LONGEST_SUMMARY = 200
#: Order of events at one version: one that is fixed and introduced at once is affected, and so is the last affected one.
_EVENTS = ("fixed", "introduced", "last_affected")


class InvalidAdvisory(ValueError):
    """A document is not an advisory in the OSV format."""


class AdvisoryHeader(NamedTuple):
    """The fields of an advisory that are stored in columns."""

    id: str
    #: UTC, ISO 8601 with seconds, so that texts sort by time.
    modified: str
    is_withdrawn: bool
    #: Normalised names of the affected projects of PyPI.
    projects: tuple[str, ...]


def read_document(body: bytes) -> dict[str, Any]:
    """Parse a document. Raises InvalidAdvisory."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidAdvisory("not JSON") from error
    if not isinstance(document, dict):
        raise InvalidAdvisory("not a JSON object")
    return document


def is_identifier(text: str) -> bool:
    """Return whether a text may be the id of an advisory."""
    return _ID.fullmatch(text) is not None


def parse_header(document: Mapping[str, Any]) -> AdvisoryHeader:
    """Return the header of an advisory. Raises InvalidAdvisory."""
    identifier = document.get("id")
    if not (isinstance(identifier, str) and is_identifier(identifier)):
        raise InvalidAdvisory(f"invalid id {shown(repr(identifier))}")
    try:
        # strftime writes years before 1000 with fewer digits, which sort after all others.
        modified = f"{parse_moment(document['modified']).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise InvalidAdvisory("invalid time in modified") from error
    if not isinstance(document.get("affected", []), list | None):
        raise InvalidAdvisory("affected is no list")
    projects = dict.fromkeys(name for name, _ in _affected_packages(document))
    return AdvisoryHeader(identifier, modified, bool(document.get("withdrawn")), tuple(projects))


def parse_advisory(document: Mapping[str, Any], name: str) -> Advisory:
    """Return the advisory as far as it concerns one project. name: normalised."""
    identifier = str(document["id"])
    packages = [package for found, package in _affected_packages(document) if found == name]
    ranges = tuple(dict.fromkeys(found for package in packages for found in _affected_ranges(package)))
    fixed = dict.fromkeys(
        event["fixed"] for package in packages for events in _event_lists(package) for event in events if "fixed" in event)
    versions = dict.fromkeys(version for package in packages for version in _texts_in(package.get("versions")))
    if identifier.startswith(MALICIOUS) and not ranges and not versions:
        ranges = (VersionRange("0"),)
    return with_true_fixes(Advisory(
        identifier, tuple(alias for alias in _texts_in(document.get("aliases")) if _ID.fullmatch(alias)),
        shown(str(document.get("summary") or _first_line(document.get("details"))), _LONGEST_SUMMARY),
        _rate_severity(document, packages),
        ranges, tuple(_versions_outside(versions, ranges)),
        tuple(version for version in fixed if pep440(version) is not None), _find_link(document)))


def _affected_packages(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the affected packages of PyPI, each with the normalised name."""
    for package in _objects_in(document.get("affected")):
        named = package.get("package")
        if not isinstance(named, dict) or str(named.get("ecosystem")).partition(":")[0] != _ECOSYSTEM:
            continue
        written = named.get("name")
        name = project_name(written) if isinstance(written, str) else None
        if name is not None:
            yield name, package


def _event_lists(package: Mapping[str, Any]) -> Iterator[list[Mapping[str, str]]]:
    """Yield the events of each range of versions."""
    for each in _objects_in(package.get("ranges")):
        if each.get("type") != "GIT":
            yield [event for event in _objects_in(each.get("events"))
                   if all(isinstance(value, str) for value in event.values())]


def _affected_ranges(package: Mapping[str, Any]) -> Iterator[VersionRange]:
    """Yield the affected ranges of versions: the schema's evaluation of events, done in advance."""
    for events in _event_lists(package):
        limit = _find_limit(events)
        for found in _ranges_without_limit(events):
            if limit is None:
                yield found
            elif found.introduced == "0" or _parse_version(found.introduced) < _parse_version(limit):
                is_later = not found.end or _parse_version(found.end) >= _parse_version(limit)
                yield VersionRange(found.introduced, limit) if is_later else found


def _ranges_without_limit(events: Iterable[Mapping[str, str]]) -> Iterator[VersionRange]:
    """Yield the ranges of events without regard to limits."""
    start: str | None = None
    for _, _, _, kind, version in sorted(_events_with_keys(events), key=lambda event: event[:3]):
        if kind == "introduced":
            start = version if start is None else start
        elif start is not None:
            yield VersionRange(start, version, kind == "last_affected")
            start = None
    if start is not None:
        yield VersionRange(start)


def _find_limit(events: Iterable[Mapping[str, str]]) -> str | None:
    """Return the version from which on no version is affected; None without a limit. Of several limits, the last one counts."""
    limits = [event["limit"] for event in events if "limit" in event]
    known = [limit for limit in limits if pep440(limit) is not None]
    return None if "*" in limits else max(known, key=_parse_version, default=None)


def _parse_version(text: str) -> Any:
    """Return a version that is known to be valid."""
    return pep440(text)


def _events_with_keys(events: Iterable[Mapping[str, str]]) -> Iterator[tuple[bool, Any, int, str, str]]:
    """Yield the events with sort keys; those with versions that PEP 440 does not have are left out."""
    for event in events:
        for kind, version in event.items():
            if kind not in _EVENTS:
                continue
            parsed = pep440(version)
            if version == "0" or parsed is not None:
                yield version != "0", parsed, _EVENTS.index(kind), kind, version


def _versions_outside(versions: Collection[str], ranges: Collection[VersionRange]) -> Iterable[str]:
    """Return the versions outside of all ranges; all versions if that would take long."""
    if len(versions) * len(ranges) > MOST_COMPARISONS:
        return versions
    return (version for version in versions if not _is_covered(version, ranges))


def _is_covered(version: str, ranges: Iterable[VersionRange]) -> bool:
    parsed = pep440(version)
    return parsed is not None and any(includes(each, parsed) for each in ranges)


def _rate_severity(document: Mapping[str, Any], packages: Iterable[Mapping[str, Any]]) -> str:
    """Return the rating that the database assigns, or else that of the CVSS vectors; an empty text without any."""
    places = [document, *packages]
    labels = [_LABELS.get(str(specific.get("severity")).upper(), "") for place in places
              for key in ("database_specific", "ecosystem_specific") if isinstance(specific := place.get(key), dict)]
    if label := highest(labels):
        return label
    scores = [base_score(str(each.get("score"))) for place in places for each in _objects_in(place.get("severity"))]
    return highest(rating(score) for score in scores if score is not None)


def _find_link(document: Mapping[str, Any]) -> str:
    """Return the URL of a page about the advisory; an empty text if it has none."""
    found = sorted(_objects_in(document.get("references")), key=lambda each: each.get("type") != "ADVISORY")
    return next((url for each in found if (url := web_url(str(each.get("url"))))), "")


def _first_line(text: Any) -> str:
    return text.strip().split("\n", 1)[0].lstrip("# ") if isinstance(text, str) else ""


def _objects_in(values: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects in a list; nothing for any other value."""
    return (value for value in values if isinstance(value, dict)) if isinstance(values, list) else iter(())


def _texts_in(values: Any) -> Iterator[str]:
    return (value for value in values if isinstance(value, str)) if isinstance(values, list) else iter(())
