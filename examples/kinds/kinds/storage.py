"""A storage: a directory, with a log of all new files."""

from pypimirror.storage.filesystem import FileSystem
from pypimirror.storage.wrapper import StorageWrapper


class Logged(StorageWrapper):
    """Replaces the product's storage for paths, whose name is ``file``."""

    def __init__(self, settings):
        super().__init__(FileSystem(settings))
        self._log = f"{settings['mirror_file_path']}.log"

    def committed(self, path):
        with open(self._log, "a", encoding="utf-8") as stream:
            stream.write(f"{path}\n")
