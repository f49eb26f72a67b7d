"""Findings: what the checks report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: Severities. Only an error makes ``doctor`` end with 1: the installation fails, or takes something from elsewhere.
ERROR, WARNING, NOTE = SEVERITIES = ("error", "warning", "note")


class Finding(NamedTuple):
    """One result of a check."""

    severity: str
    #: The project, file, host or key that it is about.
    subject: str
    #: What is wrong, and why.
    message: str
    #: What to do; empty if there is nothing to do.
    advice: str = ""
    #: File and line, section, or the requirement that leads to it; or an empty text.
    where: str = ""
    #: The name of the check.
    check: str = ""

    def line(self) -> str:
        """Return the finding as one line for people."""
        where = f" ({self.where})" if self.where else ""
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.subject}: {self.message}{where}{advice}"


def error(subject: str, message: str, advice: str = "", where: str = "") -> Finding:
    return Finding(ERROR, subject, message, advice, where)


def warning(subject: str, message: str, advice: str = "", where: str = "") -> Finding:
    return Finding(WARNING, subject, message, advice, where)


def note(subject: str, message: str, advice: str = "", where: str = "") -> Finding:
    return Finding(NOTE, subject, message, advice, where)


def count(findings: Iterable[Finding], severity: str) -> int:
    """Return the number of findings of a severity."""
    return sum(finding.severity == severity for finding in findings)
