"""The index format ``checksums``: files for ``sha256sum --check``."""

from collections.abc import Iterable, Iterator

from zope.interface import implementer

from pypimirror.interfaces import IIndexWriter, ISettings
from pypimirror.model import Entry, Project


def plain_name(value: str, folder: str) -> str:
    """The name of a file, without folders."""
    if "/" in value or value.startswith("."):
        raise ValueError("a file name without folders that does not begin with a dot")
    return value


@implementer(IIndexWriter)
class Checksums:
    """Writes a file with the hashes of a project's files; the root has no page."""

    root = None
    most_files = None

    def __init__(self, settings: ISettings):
        self._filename = settings["checksums_filename"]

    def pages(self, project: Project, serial: int) -> Iterator[tuple[str, bytes]]:
        lines = (f"{file.stored.sha256}  {file.filename}\n" for file in project.files if file.stored is not None)
        yield f"{project.name}/{self._filename}", "".join(lines).encode()

    def serial(self, page: bytes) -> int | None:
        return None

    def projects(self, entries: Iterable[Entry], serial: int) -> Iterator[bytes]:
        return iter(())
