"""``sbom``: a software bill of materials of the mirror, of its pins or of pin files, or their licences, without a request."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing

from .. import atomic_file
from ..errors import ConfigurationError, MirrorError
from ..mirror import Mirror
from ..pins.environments import configured_environments
from ..pins.model import merged_sets
from ..pins.offline import read_offline
from ..report.safe_stream import print_blocks, print_json, results_alone
from ..report.sbom import FORMATS
from ..report.sbom.document import BillOfMaterials, source_date
from ..report.sbom.licenses import as_json, table_lines
from ..sbom.contents import Collector, SbomScope
from ..sbom.embedded import Extraction
from ..sbom.model import Component
from ..secret import redact
from ..state.database import State
from ..sync.pinning import last_pins
from ..zcml.plugins import read
from .session import overrides_of

_DEFAULT = "cyclonedx"
#: Releases in one message.
_MOST_NAMED = 10


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print or write the document; return 1 if a release or a pin file could not be read as a whole."""
    _check_options(arguments)
    settings = read(config, overrides_of(arguments))
    if arguments.advisories and not settings["advisories"]:
        raise ConfigurationError("sbom --advisories: advisories is not set; name the sources of OSV data there")
    mirror = Mirror(settings)
    extraction = None if arguments.extract is None else Extraction(os.path.abspath(arguments.extract))
    with closing(mirror), closing(State(settings["state_path"])) as state:
        if not state.open_to_read():
            state.open_copy()
        collector = Collector(mirror, state, SbomScope(
            arguments.advisories, not arguments.licenses and (extraction is not None or mirror.storage.cheap_listing),
            extraction))
        problems: list[str] = []
        components = _collect_components(collector, mirror, state, arguments, problems)
        if arguments.licenses:
            _print_licenses(components, collector, arguments, problems)
        else:
            name = _document_name(arguments, settings)
            _write_document(BillOfMaterials(name, components, collector.graph.edges, collector.problems.append, source_date()),
                            arguments)
    return _print_problems(collector, [*problems, *collector.problems], arguments.quiet)


def _check_options(arguments: argparse.Namespace) -> None:
    """Raise ConfigurationError for options that exclude each other."""
    if arguments.format not in (None, *FORMATS):
        raise ConfigurationError(f"--format {arguments.format}: must be one of {', '.join(FORMATS)}")
    if arguments.pinned and arguments.words:
        raise ConfigurationError("sbom: --pinned is about the mirror's pins; leave it out with files")
    if arguments.json and not arguments.licenses and arguments.format is not None:
        raise ConfigurationError("sbom: --json is for --licenses; both formats are JSON")
    if arguments.licenses and (arguments.format or arguments.extract or arguments.output or arguments.advisories):
        raise ConfigurationError("sbom --licenses takes no --format, --output, --extract or --advisories")


def _collect_components(collector: Collector, mirror: Mirror, state: State, arguments: argparse.Namespace,
                        problems: list[str]) -> Iterator[Component]:
    """Yield the components: those of pin files, or all that are published. problems: gets those of pin files."""
    if arguments.pinned:
        return collector.collect_pinned(_sort_versions(last_pins(state)))
    if not arguments.words:
        return collector.collect_published()
    where = configured_environments(mirror.settings)
    read_pins = [read_offline(os.path.abspath(name), where) for name in arguments.words]
    for pins in read_pins:
        problems += pins.problems
    return collector.collect_pinned(_sort_versions(merged_sets(item for pins in read_pins for item in pins.versions.items())))


def _sort_versions(versions: Mapping[str, Iterable[str]]) -> dict[str, Sequence[str]]:
    return {name: sorted(versions[name]) for name in sorted(versions)}


def _document_name(arguments: argparse.Namespace, settings: Mapping[str, object]) -> str:
    """Return the name of the document: without folders of this machine, so that it is the same everywhere."""
    if arguments.words:
        return ", ".join(os.path.basename(name) for name in arguments.words)
    subject = str(settings["base_url"] or "mirror")
    return f"pins of {subject}" if arguments.pinned else subject


def _write_document(document: BillOfMaterials, arguments: argparse.Namespace) -> None:
    """Print the document, or write it to the file of ``--output``. Raises MirrorError."""
    blocks = FORMATS[arguments.format or _DEFAULT](document)
    if arguments.output is None:
        with results_alone():
            print_blocks(blocks)
        return
    path = os.path.abspath(arguments.output)
    try:
        atomic_file.replace(path, (redact(block).encode() for block in blocks))
    except OSError as error:
        raise MirrorError(f"--output {arguments.output}: can't be written: {error.strerror or error}") from error


def _print_licenses(components: Iterable[Component], collector: Collector, arguments: argparse.Namespace,
                    problems: Sequence[str]) -> None:
    if arguments.json:
        found = list(components)
        with results_alone():
            print_json(as_json(found, [*problems, *collector.problems]))
    elif arguments.quiet:
        for _ in components:
            pass
    else:
        for line in table_lines(components):
            print(line)


def _print_problems(collector: Collector, problems: Sequence[str], quiet: bool) -> int:
    """Print the problems, and the number of releases that the mirror does not have; return the exit status."""
    if collector.missing and not quiet:
        names = ", ".join(collector.missing[:_MOST_NAMED]) + " ..." * (len(collector.missing) > _MOST_NAMED)
        print(f"pypimirror: {len(collector.missing)} pinned releases are not in the mirror, and have neither files nor a "
              f"licence: {names}", file=sys.stderr)
    for problem in problems:
        print(f"pypimirror: {problem}", file=sys.stderr)
    return 1 if problems else 0
