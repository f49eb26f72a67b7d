"""An index writer: ``index_formats = html json names``."""

from zope.interface import implementer

from pypimirror.interfaces import IIndexWriter


@implementer(IIndexWriter)
class Names:
    """Writes ``files.txt`` for each project, and ``names.txt`` with all projects."""

    root = "names.txt"
    most_files = None

    def __init__(self, settings):
        pass

    def pages(self, project, serial):
        yield f"{project.name}/files.txt", "".join(f"{file.filename}\n" for file in project.files).encode()

    def serial(self, page):
        return None

    def projects(self, entries, serial):
        for entry in entries:
            yield f"{entry.name}\n".encode()
