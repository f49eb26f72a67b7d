"""Joins advisories about one vulnerability that several databases publish: each names the others as aliases."""

from __future__ import annotations

from collections.abc import Iterable

from ..advisory import Advisory
from ..names import MALICIOUS
from .cvss import highest
from .matching import with_true_fixes

#: Prefixes of ids in order of preference for the id of the joined advisory.
_PREFERRED = (MALICIOUS, "PYSEC-", "GHSA-", "CVE-")


def join_aliases(advisories: Iterable[Advisory]) -> tuple[Advisory, ...]:
    """Return the advisories about one project with those joined that are aliases, in order of ids.

    A malicious release is never joined with a vulnerability: what is affected differs.
    """
    groups: list[tuple[set[str], list[Advisory]]] = []
    for each in sorted(advisories, key=_sort_key):
        names = {each.id, *each.aliases}
        same = [group for group in groups if names & group[0] and group[1][0].is_malicious == each.is_malicious]
        groups = [group for group in groups if group not in same]
        groups.append((names.union(*(group[0] for group in same)), [*(one for group in same for one in group[1]), each]))
    return tuple(sorted((_join_group(names, sorted(members, key=_sort_key)) for names, members in groups), key=_sort_key))


def _join_group(names: set[str], members: list[Advisory]) -> Advisory:
    """Return one advisory for several with aliases: id of the first one, facts of all."""
    first = members[0]
    if len(members) == 1:
        return first
    return with_true_fixes(first._replace(
        aliases=tuple(sorted(names - {first.id})),
        summary=next((each.summary for each in members if each.summary), ""),
        severity=highest(each.severity for each in members),
        ranges=tuple(dict.fromkeys(one for each in members for one in each.ranges)),
        versions=tuple(dict.fromkeys(one for each in members for one in each.versions)),
        fixed=tuple(dict.fromkeys(one for each in members for one in each.fixed)),
        link=next((each.link for each in members if each.link), "")))


def _sort_key(advisory: Advisory) -> tuple[int, str]:
    rank = next((rank for rank, prefix in enumerate(_PREFERRED) if advisory.id.startswith(prefix)), len(_PREFERRED))
    return rank, advisory.id
