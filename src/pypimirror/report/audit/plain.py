"""The result of ``audit`` as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...maintenance.audit import Audit, AuditFinding, Fix

#: The version of the JSON; new fields do not change it.
VERSION = 1


def table_lines(audit: Audit) -> Iterator[str]:
    """Yield the lines of the table, aligned in columns, and one with the totals."""
    rows = [_table_row(each) for each in audit.findings]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        yield "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3])).rstrip()
    releases = {(each.project, each.version) for each in audit.findings}
    yield f"{audit.releases} releases checked, {len(releases)} with {len(audit.findings)} advisories"


def describe_fixes(finding: AuditFinding) -> str:
    """Return a text about the fixes of a vulnerability."""
    if finding.waived:
        return finding.waived
    if finding.advisory.is_malicious:
        return "malicious: remove it"
    return "fixed in " + ", ".join(map(_describe_fix, finding.fixes)) if finding.fixes else "no fix is known"


def as_json(audit: Audit) -> dict[str, Any]:
    """Return the result as ``audit --format json`` prints it."""
    return {
        "audit_version": VERSION,
        "releases": audit.releases,
        "findings": [{
            "source": each.source or None,
            "project": each.project,
            "version": each.version,
            "files": list(each.files),
            "id": each.advisory.id,
            "aliases": list(each.advisory.aliases),
            "malicious": each.advisory.is_malicious,
            "severity": each.advisory.severity or None,
            "summary": each.advisory.summary,
            "link": each.advisory.link or None,
            "waived": each.waived or None,
            "fixes": [{"version": fix.version, "status": fix.status, "reason": fix.reason or None} for fix in each.fixes],
        } for each in audit.findings],
        "problems": list(audit.problems),
    }


def _table_row(finding: AuditFinding) -> tuple[str, str, str, str]:
    return (f"{finding.project} {finding.version}", finding.advisory.id, finding.advisory.severity or "unknown",
            describe_fixes(finding) + (f"  ({finding.source})" if finding.source else ""))


def _describe_fix(fix: Fix) -> str:
    return f"{fix.version} ({fix.status}{': ' * bool(fix.reason)}{fix.reason})"
