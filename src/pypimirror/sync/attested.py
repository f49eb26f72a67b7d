"""Verifies the attestations of files as they come into the mirror."""

from __future__ import annotations

from ..errors import IntegrityError
from ..interfaces import IRunContext
from ..metadata.errors import InvalidContent
from ..model import File, Stored
from ..names import PROVENANCE


class InvalidAttestation(IntegrityError):
    """An attestation of a file is not valid."""


def verify_attestations(mirror: IRunContext, project: str, before: Stored | None, file: File, stored: Stored) -> None:
    """Verify the attestations of a file, unless the mirror had both before. before: the mirror's copy at the last run.

    Raises InvalidAttestation, ConfigurationError.
    """
    if mirror.attestations is None or stored.provenance is None:
        return
    if before is not None and (before.sha256, before.provenance) == (stored.sha256, stored.provenance):
        return
    reason = attestation_fault(mirror, project, file.filename, stored)
    if reason is not None:
        raise InvalidAttestation(f"{project}/{file.filename}: {reason}")


def attestation_fault(mirror: IRunContext, project: str, filename: str, stored: Stored) -> str | None:
    """Return why the attestations of a file in the mirror are not valid; None if they are, or can't be verified."""
    if mirror.attestations is None or stored.provenance is None:
        return None
    body = mirror.storage.read(f"{project}/{filename}{PROVENANCE}")
    try:
        mirror.attestations.verify(filename, stored.sha256, body or b"")
    except InvalidContent as error:
        return str(error)
    return None
