"""``export``: writes a bundle for a site without a network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from ..bundles import signature
from ..bundles.directory import BundleDirectory
from ..bundles.export_run import Export, ExportOptions, ExportResult
from ..bundles.journal import Journal
from ..bundles.listing import Listing
from ..errors import ConfigurationError, MirrorError
from ..events import Notice
from ..names import OWN
from ..report.messages import sentence
from ..settings import quantities
from ..settings.units import in_bytes
from .session import checked_mirror, exclusive_access, session

#: The smallest size of a part: labels and headers take some of it.
_SMALLEST = 64 << 10


def run(config: str, arguments: argparse.Namespace) -> int:
    """Write a bundle; return the exit status."""
    if len(arguments.words) != 1:
        raise ConfigurationError("export takes one DIRECTORY, that of the bundle")
    mirror = checked_mirror(config, arguments, fetches=False, selects=False)
    directory = BundleDirectory(arguments.words[0], mirror.settings["mirror_file_path"])
    if arguments.sign:
        signature.check_key(arguments.sign)
    if not mirror.storage.listdir(OWN):
        raise MirrorError(f"{mirror.settings['mirror_file_path']}: no mirror yet; create it with sync")
    with _parse_options(arguments) as options, exclusive_access(mirror, arguments), \
            session(mirror, "export", arguments.quiet, None if arguments.quiet else _print_notice) as at, \
            closing(Journal(mirror.settings["state_path"])) as journal:
        journal.open()
        done = Export(mirror, at.state, journal, directory, at.notify).export(options)
        at.notify_end(0)
        if not arguments.quiet:
            for line in _summary_lines(done, directory.path):
                print(line)
    return 0


@contextmanager
def _parse_options(arguments: argparse.Namespace) -> Iterator[ExportOptions]:
    """Return the options; the listing is closed at the end."""
    try:
        split = quantities.size(arguments.split, "")
    except ValueError as error:
        raise ConfigurationError(f"--split {arguments.split}: must be {error}") from error
    if split < _SMALLEST:
        raise ConfigurationError(f"--split {arguments.split}: must be at least {_SMALLEST >> 10}K")
    options = ExportOptions(arguments.since, arguments.full, None, int(split), arguments.sign, arguments.tree)
    if arguments.against is None:
        yield options
    else:
        with closing(Listing(arguments.against)) as listing:
            yield options._replace(listing=listing)


def _summary_lines(done: ExportResult, folder: str) -> Iterator[str]:
    """Yield what the bundle contains, and how the next one is made."""
    head, end = done.header, done.end
    base = f"changes since {head.base}" if head.base else "everything" if head.kind == "full" else "what the listing lacks"
    where = "in a plain tree" if head.tree else f"in {end.parts} parts"
    yield (f"{folder}: {base}: {end.projects} projects, {end.members} files, {end.removed} removed, "
           f"{in_bytes(done.size)} {where}; {done.written} parts written")
    yield f"mark: {head.end}"


def _print_notice(event: Any) -> None:
    if isinstance(event, Notice):
        print(sentence(event))
