"""The files of a bundle that an import has checked and not published yet: ``.pypimirror/incoming/<bundle>/``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from ..errors import MirrorError
from ..http.download import Admit
from ..interfaces import IStorage
from ..names import OWN
from .model import RECORDS, BundleMember

FOLDER = f"{OWN}/incoming"


class Incoming:
    """The files of one bundle. Paths are those of the bundle."""

    def __init__(self, storage: IStorage, bundle: str):
        self._storage = storage
        self._folder = f"{FOLDER}/{bundle}"

    def path(self, path: str) -> str:
        """Return where a file is kept, as a path in the storage."""
        return f"{self._folder}/{'records/' + path.removeprefix(RECORDS) if path.startswith(RECORDS) else 'files/' + path}"

    def has(self, path: str) -> bool:
        """Return whether a file is here."""
        return self._storage.size(self.path(path)) is not None

    def has_files(self, name: str) -> bool:
        """Return whether a file of a project is here."""
        return bool(self._storage.listdir(f"{self._folder}/files/{name}"))

    def holds(self, member: BundleMember) -> bool:
        """Return whether a file is here with the right content."""
        path = self.path(member.path)
        return self._storage.size(path) == member.size and self._storage.digest(path) == member.sha256

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, or None."""
        return self._storage.read(self.path(path))

    def record(self, name: str) -> bytes:
        """Return the record of a project. Raises MirrorError if it is missing."""
        content = self.read(f"{RECORDS}{name}")
        if content is None:
            raise MirrorError(f"{name}: its record is missing in {self._folder}; import the bundle again")
        return content

    def put(self, member: BundleMember, read: Callable[[int], bytes], block: int, admit: Admit) -> bool:
        """Keep a file; return whether its content is the one in the manifest. Raises InsufficientSpace.

        read: returns the next bytes of it, at most so many; admit: reserves disk space.
        """
        upload = self._storage.create()
        digest, left = hashlib.sha256(), member.size
        try:
            admit(upload, member.size)
            while left and (content := read(min(left, block))):
                digest.update(content)
                upload.write(content)
                left -= len(content)
            if left or digest.hexdigest() != member.sha256:
                return False
            upload.commit(self.path(member.path))
        finally:
            upload.abort()
        return True

    def place(self, path: str) -> None:
        """Move a file to its path in the mirror."""
        self._storage.move(self.path(path), path)

    def clear(self) -> None:
        """Remove all files of this bundle."""
        _remove_tree(self._storage, self._folder)

    def clear_others(self) -> None:
        """Remove the files of all other bundles, whose imports were interrupted."""
        for name in self._storage.listdir(FOLDER):
            if f"{FOLDER}/{name.rstrip('/')}" != self._folder:
                _remove_tree(self._storage, f"{FOLDER}/{name.rstrip('/')}")


def _remove_tree(storage: IStorage, folder: str) -> None:
    for name in storage.listdir(folder):
        if name.endswith("/"):
            _remove_tree(storage, f"{folder}/{name[:-1]}")
        else:
            storage.remove(f"{folder}/{name}")
