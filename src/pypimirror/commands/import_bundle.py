"""``import``: brings the mirror to what a bundle contains."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .. import atomic_file
from ..bundles.checks import checked_manifest
from ..bundles.import_run import BundleImportResult, Import
from ..bundles.listing import dump_receipt
from ..errors import ConfigurationError, MirrorError
from ..events import FaultFound, Notice
from ..mirror import Mirror
from ..report.messages import sentence
from ..sync.relearn import enduring
from .session import RunSession, checked_mirror, exclusive_access, session

#: The file of the receipt.
RECEIPT = "receipt.json"


def run(config: str, arguments: argparse.Namespace) -> int:
    """Import a bundle; return 1 if a file or project failed, 4 if removals were held back."""
    if len(arguments.words) != 1:
        raise ConfigurationError("import takes one DIRECTORY, that of the bundle")
    folder = os.path.abspath(arguments.words[0])
    if not os.path.isdir(folder):
        raise ConfigurationError(f"{folder}: no such directory")
    mirror = checked_mirror(config, arguments, fetches=False, selects=False)
    with exclusive_access(mirror, arguments), \
            session(mirror, "import", arguments.quiet, None if arguments.quiet else _print_notice) as at:
        return _import_bundle(mirror, at, folder, arguments)


def _import_bundle(mirror: Mirror, at: RunSession, folder: str, arguments: argparse.Namespace) -> int:
    """Import a bundle; return the exit status."""
    done: list[BundleImportResult] = []
    manifest = checked_manifest(mirror, at.state, folder, arguments.allow_deletions, at.notify)
    at.run.preparation.remember()
    imported = Import(mirror, at.state, at.run, at.notify, arguments.allow_deletions)
    work: Callable[[], None] = lambda: done.append(imported.publish(folder, manifest))  # noqa: E731
    enduring(mirror, at.state, at.notify, work)
    result = done[-1]
    status = 4 if at.run.held else 1 if result.lacking or result.failed or at.run.failures else 0
    at.store_result(status, [*filter(None, (at.run.held,)), *at.run.failures.of_run()])
    receipt = None if at.run.held or result.failed else _write_receipt(mirror, folder, result)
    at.notify_end(status)
    at.print_problems()
    if result.lacking:
        print(f"pypimirror: {len(result.lacking)} files are missing or damaged, such as {result.lacking[0]}; export against "
              f"{receipt} carries them again", file=sys.stderr)
    if not arguments.quiet and receipt is not None:
        print(f"mark: {result.header.end}")
        print(f"receipt: {receipt}")
    return status


def _write_receipt(mirror: Mirror, folder: str, result: BundleImportResult) -> str:
    """Write the receipt into the directory of the bundle, or where that can't be written next to the state; return its path."""
    content = dump_receipt(result.receipt())
    path = os.path.join(folder, RECEIPT)
    with suppress(OSError):  # as on a read-only medium
        atomic_file.replace(path, content)
        return path
    path = os.path.join(mirror.settings["state_path"], RECEIPT)
    try:
        atomic_file.replace(path, content)
    except OSError as error:
        raise MirrorError(f"{path}: {error.strerror}") from error
    return path


def _print_notice(event: Any) -> None:
    if isinstance(event, Notice | FaultFound):
        print(sentence(event))
