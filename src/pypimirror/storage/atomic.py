"""Atomic writes to the storage: no crash and no power cut leaves a page empty, or visible before the files that it lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..interfaces import IStorage, IUpload


def replace(storage: IStorage, contents: Mapping[str, Iterable[bytes]]) -> None:
    """Replace the contents of several paths; readers see the old or the new content, never a part of it.

    The new contents become visible after they, and all earlier changes to the tree, are on disk: pages after the files that
    they list, the root page after the project pages. If one of them can't be written, none is replaced. Raises StorageError.
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
    """Write one file with an upload; implements ``IStorage.write``."""
    upload = storage.create()
    try:
        for block in blocks:
            upload.write(block)
        upload.commit(path)
    finally:
        upload.abort()
