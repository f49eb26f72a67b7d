"""The result of ``audit`` as VEX in CycloneDX 1.6 (ECMA-424): vulnerabilities, and the releases that they affect."""

from __future__ import annotations

import json
import uuid
from typing import Any

from ... import __version__
from ...maintenance.audit import Audit, AuditFinding
from ...sbom.model import purl
from .plain import describe_fixes

#: Namespace of serial numbers: one result has one number.
_NAMESPACE = uuid.UUID("6e2b6a5e-7a51-5d0c-9d33-6a1f4c1c1f0a")


def as_vex(audit: Audit) -> dict[str, Any]:
    """Return the result as a CycloneDX document."""
    releases = dict.fromkeys((each.project, each.version) for each in audit.findings)
    grouped: dict[tuple[str, bool], list[AuditFinding]] = {}
    for each in audit.findings:
        grouped.setdefault((each.advisory.id, bool(each.waived)), []).append(each)
    body = {
        "metadata": {"tools": {"components": [
            {"type": "application", "name": "z3c.recipe.pypimirror", "version": __version__}]}},
        "components": [{"type": "library", "bom-ref": purl(*each), "name": each[0], "version": each[1], "purl": purl(*each)}
                       for each in releases],
        "vulnerabilities": [_render_vulnerability(each) for each in grouped.values()],
    }
    number = uuid.uuid5(_NAMESPACE, json.dumps(body, sort_keys=True))
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{number}", "version": 1, **body}


def _render_analysis(findings: list[AuditFinding]) -> dict[str, Any]:
    waived = list(dict.fromkeys(each.waived for each in findings))
    if all(waived):
        return {"state": "not_affected", "detail": "; ".join(waived)}
    return {"state": "exploitable" if findings[0].advisory.is_malicious else "in_triage"}


def _render_vulnerability(findings: list[AuditFinding]) -> dict[str, Any]:
    advisory = findings[0].advisory
    found: dict[str, Any] = {
        "bom-ref": advisory.id + " waived" * bool(findings[0].waived),
        "id": advisory.id,
        "source": {"name": "OSV"},
        "references": [{"id": alias, "source": {"name": "OSV"}} for alias in advisory.aliases],
        "ratings": [{"severity": advisory.severity or "unknown"}],
        "description": advisory.summary or advisory.id,
        "affects": [{"ref": ref} for ref in dict.fromkeys(purl(each.project, each.version) for each in findings)],
        "recommendation": "; ".join(dict.fromkeys(f"{each.project} {each.version}: {describe_fixes(each)}"
                                                  for each in findings)),
        "analysis": _render_analysis(findings),
    }
    return found | ({"advisories": [{"url": advisory.link}]} if advisory.link else {})
