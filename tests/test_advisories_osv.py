"""What an advisory affects: ranges, versions, aliases, severity."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from pypimirror.advisories.cvss import base_score, highest, rating
from pypimirror.advisories.grouping import join_aliases
from pypimirror.advisories.matching import AdvisoryMatcher, advisory_fixed_by
from pypimirror.advisories.osv import InvalidAdvisory, parse_advisory, parse_header, read_document
from pypimirror.advisories.policy import describe, is_severe
from pypimirror.advisory import Advisory, VersionRange
from pypimirror.model import Project
from pypimirror.state import records
from support import osv

VERSIONS = ("0.9", "1.0rc1", "1.0", "1.0.0", "1.0+local", "1.5", "2.0", "2.1", "3.0.dev1", "not-a-version")


def ranged(*events: dict[str, str], kind: str = "ECOSYSTEM", **package: Any) -> dict[str, Any]:
    made = osv.document("PYSEC-1", "demo")
    made["affected"][0] |= {"ranges": [{"type": kind, "events": list(events)}], **package}
    return made


@pytest.mark.parametrize(("document", "affected"), [
    (ranged({"introduced": "0"}, {"fixed": "1.0"}), ["0.9", "1.0rc1"]),
    (ranged({"introduced": "1.0"}, {"last_affected": "2.0"}), ["1.0", "1.0.0", "1.0+local", "1.5", "2.0"]),
    (ranged({"fixed": "2.1"}, {"introduced": "2.0"}, {"fixed": "1.0"}, {"introduced": "0"}), ["0.9", "1.0rc1", "2.0"]),
    (ranged({"introduced": "0"}), list(VERSIONS)),
    (ranged({"introduced": "2.1"}), ["2.1", "3.0.dev1"]),
    (ranged({"introduced": "0"}, kind="GIT"), []),
    (ranged({"introduced": "0"}, {"limit": "*"}), list(VERSIONS)),
    (ranged({"introduced": "0"}, {"limit": "1.0"}), ["0.9", "1.0rc1"]),
    (ranged({"introduced": "what"}, {"fixed": "1.0"}), []),
    (ranged(versions=["1.0", "not-a-version"]), ["1.0", "1.0.0", "not-a-version"]),
    (ranged({"introduced": "2.0"}, versions=["0.9"]), ["0.9", "2.0", "2.1", "3.0.dev1"]),
    (ranged({"introduced": "0"}, {"introduced": "1.0"}, {"fixed": "1.5"}), ["0.9", "1.0rc1", "1.0", "1.0.0", "1.0+local"]),
    (ranged({"introduced": "1.5"}, {"last_affected": "1.5"}), ["1.5"]),
    (ranged({"introduced": "0"}, {"limit": "1.0"}, {"limit": "2.0"}, {"limit": "odd"}),
     ["0.9", "1.0rc1", "1.0", "1.0.0", "1.0+local", "1.5"]),
    (ranged({"introduced": "0"}, {"limit": "1.0"}, {"limit": "*"}), list(VERSIONS)),
    (ranged({"introduced": "2.0"}, {"limit": "2.0"}), []),
    (ranged({"introduced": "1.5"}, {"last_affected": "3.0"}, {"limit": "2.0"}), ["1.5"]),
    (ranged({"introduced": "1.5"}, {"last_affected": "2.0"}, {"limit": "2.0"}), ["1.5"]),
    (osv.document("MAL-1", "demo"), list(VERSIONS)),
    (osv.document("PYSEC-1", "demo"), []),
    (osv.document("PYSEC-1", "other", introduced="0"), []),
], ids=str)
def test_affected_versions(document: dict[str, Any], affected: list[str]) -> None:
    matcher = AdvisoryMatcher([parse_advisory(document, "demo")], "demo")
    assert [version for version in VERSIONS if matcher.of_version(version)] == affected


_NUMBERS = st.sampled_from(["1.0", "1.5", "2.0", "2.1", "3.0"])
_EVENT = st.one_of(*(st.builds(lambda number, kind=kind: {kind: number}, _NUMBERS) for kind in (
    "introduced", "fixed", "last_affected", "limit")), st.just({"introduced": "0"}), st.just({"limit": "*"}))


def affected_by_the_schema(version: Version, events: list[dict[str, str]]) -> bool:
    """Evaluate events as the pseudocode of the OSV schema does; at one version, a fix comes first."""
    limits = [event["limit"] for event in events if "limit" in event]
    if limits and not any(limit == "*" or version < Version(limit) for limit in limits):
        return False
    ordered = sorted((Version("0.dev0" if number == "0" else number), kind)
                     for event in events for kind, number in event.items() if kind != "limit")
    is_affected = False
    for number, kind in ordered:  # the names of kinds are in that order, too
        if kind == "introduced" and version >= number:
            is_affected = True
        elif (kind == "fixed" and version >= number) or (kind == "last_affected" and version > number):
            is_affected = False
    return is_affected


@given(st.lists(_EVENT, max_size=6))
def test_events_are_evaluated_as_the_schema_does(events: list[dict[str, str]]) -> None:
    matcher = AdvisoryMatcher([parse_advisory(ranged(*events), "demo")], "demo")
    for version in ("0.1", "1.0", "1.2", "1.5", "1.9", "2.0", "2.05", "2.1", "2.5", "3.0", "4"):
        assert bool(matcher.of_version(version)) == affected_by_the_schema(Version(version), events)


_VALUES = st.sampled_from([None, True, -1, 10**400, float("nan"), "", "PyPI", "demo", "1.0", "0", "ECOSYSTEM", "CVSS:3.1/AV",
                           "https://x/\ud800 <", [], {}])
_KEYS = st.sampled_from(["package", "ecosystem", "name", "ranges", "type", "events", "fixed", "introduced", "versions",
                         "severity", "score", "url"])
_OBJECTS = st.dictionaries(_KEYS, _VALUES | st.lists(_VALUES, max_size=2), max_size=3)
_JSON = _VALUES | _OBJECTS | st.lists(_VALUES | _OBJECTS, max_size=3)


@given(st.sampled_from(["affected", "aliases", "severity", "references", "summary", "details", "withdrawn",
                        "database_specific"]),
       st.sampled_from(["", "ranges", "versions", "severity", "events", "database_specific", "ecosystem_specific"]), _JSON)
def test_values_of_any_type_are_passed_over(field: str, inner: str, value: Any) -> None:
    """A document is an advisory or invalid: nothing in it makes a run fail."""
    document = osv.document("A-1", "demo", introduced="0")
    if inner == "events":
        document["affected"][0]["ranges"][0]["events"] = value
    elif inner:
        document["affected"][0][inner] = value
    else:
        document[field] = value
    with contextlib.suppress(InvalidAdvisory):
        for name in parse_header(document).projects:
            found = parse_advisory(document, name)
            assert json.dumps(found).isascii() and found.link.isprintable()
            assert records.decode(records.encode(Project("demo", advisories=(found,)))).advisories == (found,)


def test_many_versions_and_ranges_take_little_time() -> None:
    """Comparing each version with each range would take minutes."""
    events = [{kind: f"{number}.{minor}"} for number in range(5000) for kind, minor in (("introduced", 5), ("fixed", 6))]
    found = parse_advisory(ranged(*events, versions=[f"{number}.0" for number in range(100_000)]), "demo")
    assert len(found.versions) == 100_000 and len(found.ranges) == 5000


def test_names_of_projects_are_normalised_and_other_ecosystems_left_out() -> None:
    document = osv.document("PYSEC-1", "Zope.Interface", introduced="0")
    document["affected"].append({"package": {"ecosystem": "npm", "name": "left-pad"}})
    assert parse_header(document).projects == ("zope-interface",)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b'{"id": "a/b", "modified": "2026-01-01T00:00:00Z"}',
                                  b'{"id": "A-1"}', b'{"id": "A-1", "modified": 7}', b'{"id": "A-1", "modified": "later"}',
                                  b'{"id": "A-1", "modified": "2026-01-01T00:00:00Z", "affected": 7}'])
def test_what_is_no_advisory_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidAdvisory):
        parse_header(read_document(body))


@pytest.mark.parametrize("affected", [None, [7], [{"package": 7}], [{"package": {"ecosystem": "PyPI", "name": None}}],
                                      [{"package": {"ecosystem": "PyPI", "name": 7}}],
                                      [{"package": {"ecosystem": "PyPI", "name": "demo"}, "ranges": [7, {"events": [7]}],
                                        "versions": [7], "severity": [7], "database_specific": 7}]])
def test_odd_values_are_passed_over(affected: Any) -> None:
    document = osv.document("A-1", "demo") | {"affected": affected, "aliases": [7, "../x"], "references": [7], "details": 7,
                                              "summary": None}
    parse_header(document)
    assert parse_advisory(document, "demo") == Advisory("A-1", severity="critical")


@pytest.mark.parametrize(("vector", "score"), [
    (osv.CRITICAL, 9.8), (osv.LOW, 1.8), ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
    ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0), ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H/E:P", 9.9),
    ("CVSS:4.0/AV:N", None), ("CVSS:3.1/AV:N", None), ("", None), ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:X/C:H/I:H/A:H", None)])
def test_scores_of_the_specification(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


def test_severity_is_the_databases_or_that_of_the_vector() -> None:
    def severity(**more: Any) -> str:
        return parse_advisory(osv.document("A-1", "demo", introduced="0", **more), "demo").severity

    assert severity() == "critical"
    assert severity(severity=osv.LOW) == "low"
    assert severity(database_specific={"severity": "MODERATE"}) == "medium"
    assert severity(severity="") == "" == severity(severity="CVSS:4.0/AV:N")
    assert [rating(score) for score in (0.0, 0.1, 4.0, 7.0, 9.0)] == ["", "low", "medium", "high", "critical"]
    assert highest([]) == ""


def test_an_unknown_severity_meets_every_bound() -> None:
    assert is_severe(Advisory("A-1"), "critical")
    assert is_severe(Advisory("A-1", severity="high"), "high")
    assert not is_severe(Advisory("A-1", severity="medium"), "high")


def test_aliases_are_joined_and_malicious_releases_are_not() -> None:
    def made(identifier: str, *aliases: str, **more: Any) -> Advisory:
        return parse_advisory(osv.document(identifier, "demo", aliases=list(aliases), **more), "demo")

    one = made("GHSA-1", "CVE-1", introduced="0", fixed="1.0", severity=osv.LOW)
    two = made("PYSEC-1", "CVE-1", "GHSA-1", introduced="1.5", fixed="2.0")
    other = made("PYSEC-2", "CVE-2", introduced="0")
    bad = made("MAL-1", "GHSA-1", versions=["9.0"])
    found = join_aliases([one, other, bad, two])
    assert [each.id for each in found] == ["MAL-1", "PYSEC-1", "PYSEC-2"]
    assert found[1].aliases == ("CVE-1", "GHSA-1") and found[1].severity == "critical" and set(found[1].fixed) == {"1.0", "2.0"}
    assert set(found[1].ranges) == {VersionRange("0", "1.0"), VersionRange("1.5", "2.0")}
    assert found[0].versions == ("9.0",) and not found[0].ranges
    assert join_aliases([two, bad, one, other]) == found


def test_what_is_affected_is_no_fix() -> None:
    """By another range of the advisory, by its versions, or by another database."""
    ranges = [{"introduced": "0"}, {"fixed": "1.0"}], [{"introduced": "0.9"}, {"fixed": "1.5"}], [{"introduced": "1.9"}, {
        "fixed": "2.0"}]
    document = ranged(versions=["2.0.0"])
    document["affected"][0]["ranges"] = [{"type": "ECOSYSTEM", "events": events} for events in ranges]
    found = parse_advisory(document, "demo")
    assert found.fixed == ("1.5",)
    other = parse_advisory(osv.document("PYSEC-9", "demo", introduced="1.2", fixed="1.6", aliases=["PYSEC-1"]), "demo")
    (one,) = join_aliases([found, other])
    assert one.fixed == ("1.6",)
    assert advisory_fixed_by("1.5", [one]) is None and advisory_fixed_by("1.6.0", [one]) == one


def test_advisories_that_a_third_one_connects_are_one() -> None:
    made = [Advisory("GHSA-1", ("CVE-1",)), Advisory("GHSA-2", ("CVE-2",)), Advisory("XYZ-1", ("CVE-1", "CVE-2"))]
    assert [each.id for each in join_aliases(made)] == ["GHSA-1"]


def test_fixes() -> None:
    fixes = [Advisory("A-1", fixed=("2.0",)), Advisory("A-2", fixed=("1.5", "3"))]
    assert [getattr(advisory_fixed_by(version, fixes), "id", None) for version in ("2.0.0", "3.0", "2.0.1", None, "odd")] == [
        "A-1", "A-2", None, None, None]


def test_descriptions_have_severity_and_fixes() -> None:
    assert describe([Advisory("A-1", severity="high", fixed=("1.0", "2.0")), Advisory("A-2")]) == (
        "A-1 (high, fixed in 1.0 or 2.0), A-2")
    assert describe(Advisory(f"A-{number}") for number in range(5)) == "A-0, A-1, A-2 and 2 more"


def test_advisories_are_part_of_records() -> None:
    made = parse_advisory(osv.document("A-1", "demo", introduced="0", fixed="1", versions=["5"], aliases=["CVE-1"],
                                       references=[{"type": "WEB", "url": "https://example.com/1"}]), "demo")
    project = Project("demo", advisories=(made,))
    assert records.decode(records.encode(project)) == project
    assert b"advisories" not in records.zlib.decompress(records.encode(Project("demo")))


@pytest.mark.parametrize("value", [[7], [["A-1", 7]], [["A-1", [7]]], [[]], [["A-1", [], "", "", [["0", 7]]]], 7])
def test_odd_advisories_in_records_are_refused(value: Any) -> None:
    body = records.zlib.compress(records.json.dumps({"name": "demo", "files": [], "advisories": value}).encode())
    with pytest.raises(records.BadRecord):
        records.decode(body)
