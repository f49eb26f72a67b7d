"""Ensures sidecar files: core metadata (PEP 658), provenance (PEP 740) and signatures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from io import BytesIO

from ..errors import FetchError
from ..http.download import download
from ..http.retry import RetryPolicy
from ..interfaces import IRunContext
from ..model import File, Stored
from ..names import METADATA, PROVENANCE, SIGNATURE
from .folder_snapshot import FolderSnapshot

#: Bytes; the size limit of metadata files.
MOST_METADATA = 16 << 20
#: Bytes; provenance and signatures are far smaller.
_MOST_BESIDE = 16 << 20


def core_metadata(mirror: IRunContext, project: str, file: File, stored: Stored, path: str, offline: bool,
                  attempts: RetryPolicy, body: bytes | None, ground: FolderSnapshot) -> str | None:
    """Ensure the metadata file (PEP 658) and return its sha256; None if upstream does not have it after all.

    body: the content of the file if it was downloaded by this call and is small.
    """
    if not file.core_metadata:
        return None
    hashes = {} if file.core_metadata is True else file.core_metadata
    target = path + METADATA
    if (kept := _kept(mirror, stored, target, hashes, ground)) is not None:
        return kept
    if mirror.trash.take(project, file.filename + METADATA, hashes):
        return hashes["sha256"]
    if (extracted := _extracted(mirror, path, hashes, body)) is not None:
        return extracted
    if offline or not file.url:
        return mirror.storage.digest(target)
    try:
        sha256 = download(mirror.fetcher, mirror.storage, attempts, file.url + METADATA, target, hashes,
                          limit=MOST_METADATA).sha256
        return sha256 if "sha256" in hashes or _fits(mirror, project, file.filename, target) else None
    except FetchError as error:
        if error.code in (404, 410):
            return None  # the file itself is good; clients read the metadata out of it
        raise


def _kept(mirror: IRunContext, stored: Stored, target: str, hashes: Mapping[str, str], ground: FolderSnapshot) -> str | None:
    """Return the sha256 of the metadata file in the mirror if it is the one that upstream offers."""
    sha256 = stored.metadata or hashes.get("sha256")
    if sha256 is None or ground.size(mirror.storage, target) is None:
        return None
    is_known = stored.metadata == hashes.get("sha256", stored.metadata)
    return sha256 if is_known or mirror.storage.digest(target) == sha256 else None


def _extracted(mirror: IRunContext, path: str, hashes: Mapping[str, str], body: bytes | None) -> str | None:
    """Write the metadata file from the content of a wheel, and return its sha256; None if it has to be downloaded."""
    if "sha256" not in hashes:
        return _unhashed(mirror, path, body)
    written = _write_from_storage(mirror, path, hashes) if body is None else _write_from_body(mirror, path, hashes, body)
    return hashes["sha256"] if written else None


def _write_from_body(mirror: IRunContext, path: str, hashes: Mapping[str, str], wheel: bytes) -> bool:
    """Write the METADATA of a wheel as its metadata file; return whether its hash is the one on upstream's page.

    This saves one request for each wheel: PEP 658 requires the metadata file to be the wheel's METADATA.
    """
    if "sha256" not in hashes or not path.endswith(".whl"):
        return False
    from ..metadata import zips  # some runs fetch no wheel

    return _put(mirror, path, hashes, zips.find_last(wheel, b".dist-info/METADATA", MOST_METADATA))


def _write_from_storage(mirror: IRunContext, path: str, hashes: Mapping[str, str]) -> bool:
    """Write the METADATA of a wheel in the storage, as ``_write_from_body`` does."""
    if "sha256" not in hashes or not path.endswith(".whl") or not mirror.storage.cheap_listing:
        return False
    from ..metadata.archives import wheel_metadata  # few runs need it
    from ..metadata.errors import InvalidContent

    try:
        with mirror.storage.open(path) as stream:
            return _put(mirror, path, hashes, wheel_metadata(stream))
    except InvalidContent:
        return False  # the wheel is as upstream has it


def _unhashed(mirror: IRunContext, path: str, body: bytes | None) -> str | None:
    """Write the METADATA of a wheel as its metadata file if upstream gives no hash, and return its sha256.

    A download without a hash could be anything, such as a login page.
    """
    if not path.endswith(".whl") or (body is None and not mirror.storage.cheap_listing):
        return None
    from ..metadata.archives import wheel_metadata
    from ..metadata.errors import InvalidContent

    try:
        with mirror.storage.open(path) if body is None else BytesIO(body) as stream:
            found = wheel_metadata(stream)
    except InvalidContent:
        return None
    mirror.storage.write(path + METADATA, (found,))
    return hashlib.sha256(found).hexdigest()


def _fits(mirror: IRunContext, project: str, filename: str, target: str) -> bool:
    """Whether a metadata file that was downloaded without a hash belongs to the release; another one is removed."""
    from ..metadata.core_metadata import check_release
    from ..metadata.errors import InvalidContent

    try:
        check_release(mirror.storage.read(target) or b"", project, filename)
    except InvalidContent:
        mirror.storage.remove(target)
        return False
    return True


def _put(mirror: IRunContext, path: str, hashes: Mapping[str, str], found: bytes | None) -> bool:
    if found is None or hashlib.sha256(found).hexdigest() != hashes["sha256"]:
        return False
    mirror.storage.write(path + METADATA, (found,))
    return True


def urls_beside(file: File) -> dict[str, str]:
    """Return the URLs of sidecar files without a hash, by suffix; an empty text for an unknown URL."""
    urls = {} if file.provenance is None else {PROVENANCE: file.provenance}
    return urls | ({SIGNATURE: file.url and file.url + SIGNATURE} if file.gpg_sig else {})


def companion(mirror: IRunContext, url: str | None, target: str, known: str | None, here: bool, offline: bool,
              attempts: RetryPolicy) -> str | None:
    """Ensure one sidecar file; return its sha256, None if upstream does not have it.

    known: its sha256 in the record. here: whether the sidecar file in the storage can belong to the present file.
    """
    if url is None:
        return None
    if here and mirror.storage.size(target) is not None:
        return known or mirror.storage.digest(target)
    if offline or not url:
        return None
    try:
        return download(mirror.fetcher, mirror.storage, attempts, url, target, {}, limit=_MOST_BESIDE).sha256
    except FetchError as error:
        if error.code in (404, 410):
            return None
        raise
