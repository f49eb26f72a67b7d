"""Targets for what decides whether a release is safe: advisories, archives of them, and publishers in provenance."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress

from pypimirror.advisories import archive, osv
from pypimirror.advisories.matching import advisory_fixed_by, includes
from pypimirror.http.web_urls import web_url
from pypimirror.metadata.errors import InvalidContent
from pypimirror.metadata.filenames import pep440
from pypimirror.metadata.provenance import publishers
from pypimirror.names import is_project

#: In memory where the system has such a place.
_FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") else None


def advisory(body: bytes) -> None:
    """Check that an advisory is read or is refused, and that times sort as texts."""
    try:
        document = osv.read_document(body)
        header = osv.parse_header(document)
    except osv.InvalidAdvisory as error:
        assert len(str(error).splitlines()) == 1
        return
    assert osv.is_identifier(header.id) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", header.modified)
    for name in header.projects:
        found = osv.parse_advisory(document, name)
        assert is_project(name) and found.summary.isprintable() and (not found.link or web_url(found.link) == found.link)
        for each in found.ranges:
            includes(each, pep440("1.0"))
        advisory_fixed_by("1.0", (found,))


def advisory_archive(body: bytes) -> None:
    """Check that an archive of advisories is read or is refused, and that no document is longer than it may be."""
    with tempfile.NamedTemporaryFile(dir=_FOLDER) as stream:
        stream.write(body)
        stream.flush()
        with archive.open_source(stream.name) as members:
            for member in members.values():
                with suppress(OSError, ValueError):
                    assert len(member.read()) <= archive.MOST_BYTES


def provenance(body: bytes) -> None:
    with suppress(InvalidContent):
        assert all(text.isprintable() for text in publishers(body))


TARGETS: dict[str, Callable[[bytes], object]] = {
    "advisory": advisory, "advisory-archive": advisory_archive, "provenance": provenance}
