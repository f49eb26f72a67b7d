"""The proof of one file: installs it, and reports what was requested elsewhere."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping

from ...errors import MirrorError
from ...names import shown
from ..case import Subject
from ..deployment import Deployment
from ..examination import Examined
from ..findings import Finding, error, warning
from .installers import install
from .recording_proxy import RecordingProxy
from .workshop import Workshop

#: Requests in the report.
_MOST = 20


def prove(one: Examined, subject: Subject, index: str, python: str | None, notify: Callable[[str], None]) -> Examined:
    """Install what a file names; return the result with the proof.

    index: the URL of the mirror, with credentials if it needs any. notify: called with each command before it runs.
    """
    if one.deployment is None:
        return one
    with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
        path = os.path.join(folder, "proxy")
        with RecordingProxy(subject.address, path) as proxy:
            workshop = Workshop(os.path.join(folder, "work"), index, subject.settings["ca_bundle"], proxy, path, notify)
            failure, versions = _try_install(workshop, one.deployment, python or sys.executable, one)
            refused = dict(proxy.refused.most_common(_MOST))
    findings = tuple(finding._replace(check="proof") for finding in _proof_findings(one, failure, refused))
    last = workshop.steps[-1] if workshop.steps else None
    return one._replace(findings=(*one.findings, *findings), proof={
        "good": not failure,
        "closed_by": workshop.closed_by,
        "versions": versions,
        "commands": [{"command": " ".join(step.command), "status": step.status, "seconds": round(step.seconds, 3)}
                     for step in workshop.steps],
        "refused": [{"request": request, "times": times} for request, times in refused.items()],
        "output": last.tail() if failure and last is not None else [],
    })


def _try_install(workshop: Workshop, deployment: Deployment, python: str, one: Examined) -> tuple[str, dict[str, str]]:
    """Install; return the failure, or an empty text, and the versions of the tools."""
    files = ((entry["project"], entry["version"]) for entry in one.installs)
    try:
        return "", install(workshop, deployment, python, files)
    except MirrorError as failed:
        return str(failed), {}
    except OSError as failed:
        return f"{failed.filename or workshop.folder}: {failed.strerror or failed}", {}


def _proof_findings(one: Examined, failure: str, refused: Mapping[str, int]) -> list[Finding]:
    found = [error(one.source, f"the installation failed: {failure}", "see the output")] if failure else []
    make = error if failure else warning
    for request, times in refused.items():
        found.append(make(shown(request, 300), f"requested {times} times, and refused: not the mirror"))
    return found

