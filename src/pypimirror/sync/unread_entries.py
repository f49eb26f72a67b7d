"""Keeps mirrored files whose entries on upstream's page can't be read: upstream has not removed them."""

from __future__ import annotations

from ..model import Project


def with_known_files(known: Project | None, page: Project) -> Project:
    """Return the page with the recorded facts of mirrored files whose entries it has, and which are left out as invalid.

    known: the record, if it is of the same upstream.
    """
    if known is None or not page.unread:
        return page
    names = set(page.unread) - {file.filename for file in page.files}
    kept = (file for file in known.files if file.filename in names and file.listed and file.stored is not None)
    return page._replace(files=tuple(sorted((*page.files, *kept), key=lambda file: file.filename)))
