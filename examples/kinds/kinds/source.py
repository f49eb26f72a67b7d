"""A kind of upstream: a text file with the URL of one distribution file on each line.

``index_url = urls:///srv/upstream.txt``
"""

from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from zope.interface import implementer

from pypimirror.errors import FetchError, ProjectNotFound
from pypimirror.interfaces import ISource
from pypimirror.model import File, ListedProject, Project, ProjectList
from pypimirror.names import normalize


@implementer(ISource)
class UrlsSource:
    """Reads the file for each request. The mirror fetches the distribution files by their URLs."""

    def __init__(self, upstream, mirror):
        self._path = Path(urlsplit(upstream.url).path.rstrip("/"))

    def listing(self, wanted, etag=None, written=None):
        names = dict.fromkeys(normalize(file.filename.partition("-")[0]) for file in self._files())
        return ProjectList({name: ListedProject(name) for name in names if wanted(name)}, total=len(names))

    def project(self, name, etag=None, since=None):
        files = tuple(file for file in self._files() if normalize(file.filename.partition("-")[0]) == name)
        if not files:
            raise ProjectNotFound(f"{self._path} has no file of {name}")
        return Project(name, files), ()

    def _files(self):
        try:
            lines = self._path.read_text(encoding="utf-8").split()
        except OSError as error:
            raise FetchError(str(self._path), error.strerror) from error
        for line in lines:
            url, fragment = urldefrag(line)
            hashes = {"sha256": fragment.removeprefix("sha256=")} if fragment.startswith("sha256=") else {}
            yield File(url.rpartition("/")[2], url, hashes)
