"""One run of ``doctor``: reads the files, runs the checks, and returns the result as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .. import __version__
from ..errors import MirrorError
from ..interfaces import IRunContext
from ..names import shown
from ..pins.environments import Environment
from ..pins.included_files import Read
from .case import Case, Subject
from .deployment import Deployment
from .findings import ERROR, NOTE, SEVERITIES, WARNING, Finding, count, error, note
from .solution import Chosen
from .table import check_deployment, check_mirror
from .targets import read_target

#: The version of the format. New fields do not change it; a removed or changed field does.
VERSION = 1


class Examined(NamedTuple):
    """The result for one file."""

    source: str
    #: None if the file can't be read.
    deployment: Deployment | None
    findings: tuple[Finding, ...]
    #: Names, versions and files that would be installed, and that builds would take.
    installs: tuple[dict[str, Any], ...] = ()
    builds: tuple[dict[str, Any], ...] = ()
    #: The result of the proof (``prove.proof``), or None without one.
    proof: dict[str, Any] | None = None


class Examination(NamedTuple):
    """The result of ``doctor``."""

    mirror: str
    environments: tuple[Environment, ...]
    findings: tuple[Finding, ...]
    files: tuple[Examined, ...]

    def all_findings(self) -> tuple[Finding, ...]:
        return (*self.findings, *(finding for one in self.files for finding in one.findings))

    @property
    def is_good(self) -> bool:
        """Whether there is no error."""
        return not count(self.all_findings(), ERROR)


def examine(subject: Subject, mirror: IRunContext, sources: Iterable[str], read: Read,
            environments: tuple[Environment, ...]) -> Examination:
    """Check the mirror and the files. read: returns the content of a path or URL."""
    findings = tuple(check_mirror(subject, mirror))
    sources = dict.fromkeys(sources)
    if not subject.is_here and any(one.check == "server" and one.severity == ERROR for one in findings):
        # Each requirement would fail for the same reason, each after several attempts.
        unread = (note("not examined", "the index can't be read")._replace(check="file"),)
        return Examination(subject.title, environments, findings, tuple(Examined(source, None, unread) for source in sources))
    files = tuple(_examine_file(source, subject, read, environments) for source in sources)
    return Examination(subject.title, environments, findings, files)


def _examine_file(source: str, subject: Subject, read: Read, environments: tuple[Environment, ...]) -> Examined:
    """Check one file; one that can't be read is a finding."""
    try:
        deployment = read_target(source, read, environments)
    except MirrorError as failed:
        message = str(failed).removeprefix(source).lstrip(":, ")  # the subject names it already
        return Examined(source, None, (error(source, shown(message, 500))._replace(check="file"),))
    case = Case(deployment, subject)
    findings = tuple(check_deployment(case))
    try:
        solution = case.solution
    except MirrorError:
        return Examined(deployment.source, deployment, findings)  # the check of requirements reports it
    return Examined(deployment.source, deployment, findings, _files_as_json(solution.chosen),
                    _files_as_json(solution.for_builds))


def _files_as_json(files: Iterable[Chosen]) -> tuple[dict[str, Any], ...]:
    return tuple({"project": one.name, "version": one.version, "file": one.file.filename, "python": one.environment.python,
                  "platform": one.environment.platform, "built": one.is_sdist, "required_by": one.by} for one in files)


def as_json(found: Examination) -> dict[str, Any]:
    """Return the result as ``doctor --json`` prints it."""
    findings = found.all_findings()
    return {
        "version": VERSION,
        "program": f"z3c.recipe.pypimirror {__version__}",
        "mirror": found.mirror,
        "environments": [environment._asdict() for environment in found.environments],
        "result": "good" if found.is_good else "bad",
        **{f"{severity}s": count(findings, severity) for severity in SEVERITIES},
        "findings": [finding._asdict() for finding in found.findings],
        "files": [{
            "source": one.source,
            "tool": one.deployment.tool if one.deployment is not None else None,
            "findings": [finding._asdict() for finding in one.findings],
            "installs": list(one.installs),
            "builds": list(one.builds),
            "proof": one.proof,
        } for one in found.files],
    }


def as_text(found: Examination, quiet: bool = False) -> Iterable[str]:
    """Yield the lines of the report for people. quiet: only errors and warnings."""
    if quiet:
        yield from (f"{finding.severity:<8} {finding.line()}" for finding in found.all_findings() if finding.severity != NOTE)
        return
    yield f"mirror   {found.mirror}"
    yield f"for      {', '.join(f'Python {python} on {platform}' for python, platform in found.environments)}"
    yield from _finding_lines(found.findings)
    for one in found.files:
        yield ""
        yield f"{one.source}{_describe_file(one)}"
        yield from _finding_lines(one.findings)
        if one.proof is not None:
            yield from proof_lines(one.proof)
    findings = found.all_findings()
    errors, warnings = count(findings, ERROR), count(findings, WARNING)
    yield ""
    yield (f"result   {'no error' if found.is_good else f'will not install from this mirror alone: {_plural(errors, ERROR)}'}"
           f", {_plural(warnings, WARNING)}")


def proof_lines(proof: Mapping[str, Any]) -> Iterable[str]:
    """Yield the lines about a proof."""
    tools = ", ".join(f"{name} {version}" for name, version in proof["versions"].items())
    seconds = sum(step["seconds"] for step in proof["commands"])
    how = "installed" if proof["good"] else "not installed"
    yield f"proof    {how} in {seconds:.0f} s{f' by {tools}' if tools else ''}; network closed by a {proof['closed_by']}"
    yield from (f"         {line}" for line in proof["output"])


def _describe_file(one: Examined) -> str:
    if one.deployment is None:
        return ""
    files = len({entry["file"] for entry in one.installs})
    built = len({entry["file"] for entry in one.installs if entry["built"]})
    return f" ({one.deployment.tool}): {_plural(files, 'file')} to install, {built} of them to build"


def _finding_lines(findings: Iterable[Finding]) -> Iterable[str]:
    ordered = sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
    return (f"{finding.severity:<8} {finding.line()}" for finding in ordered)


def _plural(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
