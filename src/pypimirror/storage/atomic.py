"""Puts whole files into the storage; pages so that neither a crash nor a power cut leaves one empty or ahead of its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..interfaces import IStorage, IUpload


def replace(storage: IStorage, contents: Mapping[str, Iterable[bytes]]) -> None:
    """Replace the contents of these paths, each seen old or new and whole.

    They come to be seen only when they, and all that was put, moved and removed before, would outlive a power cut: pages that
    tell of files, the list that tells of pages. Nothing is replaced if one of them can't be written. Raises StorageError.
    """
    uploads: dict[str, IUpload] = {}
    try:
        for path, blocks in contents.items():
            uploads[path] = upload = storage.create()
            for block in blocks:
                upload.write(block)
            upload.stage()
        if uploads:
            storage.flush()
        for path, upload in uploads.items():
            upload.commit(path)
    finally:
        for upload in uploads.values():
            upload.abort()


def write(storage: IStorage, path: str, blocks: Iterable[bytes]) -> None:
    """Write a file by way of an upload (IStorage.write)."""
    upload = storage.create()
    try:
        for block in blocks:
            upload.write(block)
        upload.commit(path)
    finally:
        upload.abort()
