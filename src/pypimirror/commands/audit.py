"""``audit``: known vulnerabilities of the mirror, or of pin files, without a request."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing

from ..advisories.cvss import RATINGS
from ..advisories.policy import is_severe
from ..errors import ConfigurationError, MirrorError
from ..maintenance.audit import Audit, Auditor
from ..mirror import Mirror
from ..report.audit import FORMATS
from ..report.audit.plain import table_lines
from ..report.safe_stream import print_json
from ..state.database import State
from ..sync.pinning import Pinning
from ..zcml.plugins import read
from .session import overrides_of

_TABLE = "table"


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the advisories about releases; return 1 if one is at least of the severity of ``--severity``."""
    severity, form = _parse_options(arguments)
    settings = read(config, overrides_of(arguments))
    if not settings["advisories"]:
        raise ConfigurationError("audit: advisories is not set; name the sources of OSV data there")
    mirror = Mirror(settings)
    with closing(mirror), closing(State(settings["state_path"])) as state:
        found = _run_audit(mirror, state, arguments.words)
    if form != _TABLE:
        print_json(FORMATS[form](found))
    elif not arguments.quiet:
        for line in table_lines(found):
            print(line)
    for problem in found.problems:
        print(f"pypimirror: {problem}", file=sys.stderr)
    is_bad = any(not each.waived and (each.advisory.is_malicious or is_severe(each.advisory, severity))
                 for each in found.findings)
    return 1 if is_bad or found.problems else 0


def _parse_options(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the severity and the format."""
    severity = arguments.severity or RATINGS[0]
    form = arguments.format or ("json" if arguments.json else _TABLE)
    for option, value, known in (("--severity", severity, RATINGS), ("--format", form, (_TABLE, *FORMATS))):
        if value not in known:
            raise ConfigurationError(f"{option} {value}: must be one of {', '.join(known)}")
    return severity, form


def _run_audit(mirror: Mirror, state: State, files: list[str]) -> Audit:
    """Check the pins of these files, or without any all published releases. Raises MirrorError without advisories."""
    if not state.open_to_read():
        state.open_copy()
    if not mirror.advisories.were_read:
        raise MirrorError("audit: no advisories were read yet; sync reads them, import brings them")
    Pinning(mirror, state, lambda event: None, dry=True).remember()
    auditor = Auditor(mirror, state)
    return auditor.check_pin_files([os.path.abspath(name) for name in files]) if files else auditor.check_published()
