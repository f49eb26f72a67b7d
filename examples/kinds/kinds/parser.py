"""A parser of pages in CSV: a list of names, and project pages with file name, URL and sha256.

The source for HTTP requests the media types of all parsers, with their ``quality``.
"""

import csv
from urllib.parse import urljoin

from zope.interface import implementer

from pypimirror.errors import InvalidPage
from pypimirror.interfaces import IListReader, IParser
from pypimirror.model import File, ListedProject, Project, ProjectList
from pypimirror.names import is_distribution, normalize


@implementer(IListReader)
class CsvList:
    """Collects the list."""

    def __init__(self, wanted):
        self._wanted, self._body = wanted, b""

    def write(self, block):
        self._body += block

    def finish(self):
        names = {normalize(name): ListedProject(name) for name in self._body.decode().split()}
        return ProjectList({name: listed for name, listed in names.items() if self._wanted(name)}, total=len(names))


@implementer(IParser)
class CsvParser:
    """Reads ``text/csv``."""

    quality = 0.1

    def listing(self, wanted, written=None):
        return CsvList(wanted)

    def project(self, body, name, url):
        files, problems = [], []
        try:
            for filename, link, sha256 in csv.reader(body.decode().splitlines()):
                if is_distribution(filename):  # names of files come from elsewhere: check each
                    files.append(File(filename, urljoin(url, link), {"sha256": sha256}))
                else:
                    problems.append(f"{filename!r}: not the name of a distribution")
        except ValueError as error:
            raise InvalidPage(f"{url}: {error}") from error
        return Project(name, tuple(files)), tuple(problems)
