"""``who``: the hosts that fetched a release, from access logs."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..metadata.filenames import parse
from ..report.safe_stream import print_json
from ..serve.downloads import LoggedDownload, read_downloads
from ..settings.decisions import DENY, Decision, parse_decision
from ..settings.units import format_moment
from ..zcml.plugins import read
from .session import overrides_of

_COLUMNS = ("host", "user", "files", "requests", "first", "last")


def run(config: str, arguments: argparse.Namespace) -> int:
    """Print the hosts that fetched files of a release, each with the first and the last request."""
    wanted = _parse_releases(arguments)
    below = urlsplit(read(config, overrides_of(arguments))["base_url"] or "").path.rstrip("/")
    found = list(_host_rows(each for name in arguments.access_log for each in read_downloads(name, below)
                            if _is_download_of(each, wanted)))
    if arguments.json:
        print_json(found)
        return 0
    if found:
        _print_table(found)
    elif not arguments.quiet:
        print(f"no host has fetched {arguments.words[0]}")
    return 0


def _parse_releases(arguments: argparse.Namespace) -> Decision:
    """Return the releases that are asked about, as a decision about them."""
    if len(arguments.words) != 1:
        raise ConfigurationError("who takes one project, with or without versions, such as demo==1.0")
    if not arguments.access_log:
        raise ConfigurationError("who: --access-log is missing, a log of the web server")
    try:
        return parse_decision(DENY, {"release": arguments.words[0], "why": "-"})
    except ValueError as error:
        raise ConfigurationError(f"who: {error}") from None


def _print_table(found: Iterable[Mapping[str, Any]]) -> None:
    rows = [_COLUMNS, *(tuple(" ".join(value) if isinstance(value, list) else str(value or "-") for value in each.values())
                        for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _is_download_of(download: LoggedDownload, wanted: Decision) -> bool:
    return download.project == wanted.project and wanted.matches(parse(download.filename, download.project).version)


def _host_rows(found: Iterable[LoggedDownload]) -> Iterator[dict[str, Any]]:
    """Yield the values of each row, the host with the first request first."""
    hosts: dict[tuple[str, str], list[LoggedDownload]] = {}
    for each in found:
        hosts.setdefault((each.host, each.user), []).append(each)
    for (host, user), of_host in sorted(hosts.items(), key=lambda item: min(each.when for each in item[1])):
        times = [each.when for each in of_host]
        yield {"host": host, "user": user or None, "files": sorted({each.filename for each in of_host}),
               "requests": len(of_host), "first": format_moment(min(times)), "last": format_moment(max(times))}
