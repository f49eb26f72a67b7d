"""The result of ``audit`` in SARIF 2.1.0 (OASIS), which code hosts and editors show."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ... import __version__
from ...advisory import Advisory
from ...maintenance.audit import Audit, AuditFinding
from .plain import describe_fixes

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: ``level`` and ``security-severity`` (a score) by severity.
_LEVELS = {"low": ("note", "2.0"), "medium": ("warning", "5.5"), "high": ("error", "8.0"), "critical": ("error", "9.5"),
           "": ("warning", "5.5")}


def as_sarif(audit: Audit) -> dict[str, Any]:
    """Return the result as a SARIF log."""
    rules = {each.advisory.id: each.advisory for each in audit.findings}
    places = {identifier: number for number, identifier in enumerate(rules)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "z3c.recipe.pypimirror", "version": __version__,
                                "rules": [_render_rule(advisory) for advisory in rules.values()]}},
            "results": [_render_result(each, places[each.advisory.id]) for each in audit.findings],
        }],
    }


def _render_rule(advisory: Advisory) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": advisory.id,
        "shortDescription": {"text": advisory.summary or advisory.id},
        "properties": {"security-severity": _LEVELS[advisory.severity][1], "tags": ["security", *advisory.aliases]},
    }
    return rule | ({"helpUri": advisory.link} if advisory.link else {})


def _render_result(finding: AuditFinding, rule: int) -> dict[str, Any]:
    places = [finding.source] if finding.source else [f"{finding.project}/{name}" for name in finding.files]
    return {
        "ruleId": finding.advisory.id,
        "ruleIndex": rule,
        "level": "error" if finding.advisory.is_malicious else _LEVELS[finding.advisory.severity][0],
        "message": {"text": f"{finding.project} {finding.version}: {finding.advisory.summary or finding.advisory.id}; "
                            f"{describe_fixes(finding)}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": quote(place)}}} for place in places[:1]],
        **({"suppressions": [{"kind": "external", "justification": finding.waived}]} if finding.waived else {}),
        "partialFingerprints": {"release/v1": f"{finding.project}=={finding.version} {finding.advisory.id}"},
    }
