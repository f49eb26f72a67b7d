"""An upstream index over HTTP, in HTML (PEP 503) or JSON (PEP 691)."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from urllib.parse import quote, urlsplit

from zope.interface import implementer

from ..errors import FetchError, InvalidPage, ProjectNotFound
from ..http import ssrf
from ..http.page import read
from ..http.retry import RetryPolicy, check
from ..http.urls import host_of, strip_credentials
from ..interfaces import IListReader, IMirror, IParser, IReceiver, ISource, IUpstream
from ..model import Head, Project, ProjectList
from ..names import HTML_PAGE, JSON_PAGE, PAGES
from . import validation, validators

#: Maximum decoded size in bytes; PyPI's largest project page has some 20 million.
LONGEST_PAGE = 64 << 20
#: Maximum decoded size in bytes; PyPI's list of all projects has some 50 million.
LONGEST_LIST = 256 << 20
#: Maximum number of seconds for the list of projects.
_SECONDS = 3600.0
#: Maximum number of hosts of one page's files: each is resolved by DNS.
_MOST_HOSTS = 30
#: Pages of more bytes are parsed one at a time, since parsing takes many times their size.
_LARGE = 4 << 20
#: Number of bytes at both ends of a page for the check whether it is complete.
_EDGE = 4096
_JSON, _HTML = PAGES[JSON_PAGE], PAGES[HTML_PAGE]


class _CutOff(FetchError):
    """A page is incomplete."""

    def __init__(self, url: str):
        super().__init__(strip_credentials(url), "upstream's page is incomplete", transient=True)


@implementer(ISource)
class HttpSource:
    """Prefers JSON, accepts HTML."""

    def __init__(self, upstream: IUpstream, mirror: IMirror):
        self.url = upstream.url.rstrip("/") + "/"
        self._host = urlsplit(self.url).netloc.rpartition("@")[2]
        self._fetcher = mirror.fetcher
        self._parsers: Mapping[str, IParser] = mirror.parsers
        self._accept = _accept(self._parsers)
        self._attempts = RetryPolicy(mirror.settings["retries"])
        self._alone = threading.Lock()

    def listing(self, wanted: Callable[[str], bool], etag: str | None = None, written: str | None = None) -> ProjectList:
        def attempt() -> ProjectList:
            receiver = _List(self.url, self._parsers, wanted, written, etag is not None)
            head = self._fetcher.fetch(self.url, receiver, {"Accept-Encoding": "gzip, deflate", **self._headers(etag)})
            if head.status == 304:
                return ProjectList({}, etag=etag, unchanged=True)
            return receiver.finish()._replace(etag=validators.etag(head))

        try:
            return self._attempts(attempt)
        except _CutOff as error:
            raise InvalidPage(str(error)) from error

    def project(self, name: str, etag: str | None = None, since: float | None = None) -> tuple[Project | None, tuple[str, ...]]:
        url = f"{self.url}{quote(name)}/"
        answers = (404, 410) if etag is None and since is None else (304, 404, 410)

        def attempt() -> tuple[Head, bytes]:
            head, body = read(self._fetcher, url, self._headers(etag, since), LONGEST_PAGE)
            if head.status not in answers:
                check(head, url)
                if not _ends(body[:_EDGE], body[-_EDGE:]):
                    raise _CutOff(url)
            return head, body

        head, body = self._attempts(attempt)
        if head.status == 304:
            return None, ()
        if head.status in (404, 410):
            raise ProjectNotFound(f"{strip_credentials(url)}: status {head.status}", head.status)
        parser = _parser(self._parsers, head, url, body[:_EDGE])
        with self._alone if len(body) > _LARGE else nullcontext():
            project, problems = parser.project(body, name, strip_credentials(head.url))
        project, refused = self._without_private_hosts(project)
        serial = project.serial
        if serial is None:
            serial = validation.serial(head.headers.get("x-pypi-last-serial"))
        return project._replace(etag=validators.etag(head), serial=serial, url=url), validation.bounded([*problems, *refused])

    def _without_private_hosts(self, project: Project) -> tuple[Project, list[str]]:
        """Return a page without files on private hosts if upstream is public (SSRF guard), and problems for those files."""
        refused: dict[str, str] = {}
        elsewhere = dict.fromkeys(host_of(url) for file in project.files if file.external is None
                                  for url in (file.url, file.provenance) if url)
        elsewhere.pop(self._host, None)
        for number, host in enumerate(elsewhere):
            try:
                if number >= _MOST_HOSTS:
                    raise FetchError(host, f"one host more than {_MOST_HOSTS}")
                ssrf.check(self.url, f"http://{host}/")
            except FetchError as error:
                refused[host] = error.why
        if not refused:
            return project, []
        kept, told, unread = [], [], [*project.unread]
        for file in project.files:
            host = host_of(file.url) if file.external is None else ""
            if host in refused:
                told.append(f"{file.filename}: {refused[host]}")
                unread.append(file.filename)
                continue
            if file.provenance and (host := host_of(file.provenance)) in refused:
                told.append(f"{file.filename}: its provenance: {refused[host]}")
                file = file._replace(provenance=None)
            kept.append(file)
        return project._replace(files=tuple(kept), unread=tuple(unread)), told

    def _headers(self, etag: str | None, since: float | None = None) -> dict[str, str]:
        headers = {"Accept": self._accept}
        if etag is not None:
            headers["If-None-Match"] = etag
        elif since is not None:
            from email.utils import formatdate  # most indexes have serials

            headers["If-Modified-Since"] = formatdate(since, usegmt=True)
        return headers


@implementer(IReceiver)
class _List:
    """Receives the list of projects with the parser of its media type."""

    def __init__(self, url: str, parsers: Mapping[str, IParser], wanted: Callable[[str], bool],
                 written: str | None = None, is_conditional: bool = False):
        self._url = url
        self._parsers = parsers
        self._wanted, self._written = wanted, written
        self._is_conditional = is_conditional
        self._reader: IListReader | None = None
        self._head: Head | None = None
        self._size = 0
        self._edges = b"", b""
        self._end = 0.0

    def start(self, head: Head) -> None:
        if head.status == 304 and self._is_conditional:
            return
        check(head, self._url)
        self._head, self._reader = head, None
        self._size, self._edges = 0, (b"", b"")
        self._end = time.monotonic() + _SECONDS

    def write(self, block: bytes) -> None:
        self._size += len(block)
        if time.monotonic() > self._end:
            raise FetchError(strip_credentials(self._url), "the list takes too long to download", transient=True)
        if self._size > LONGEST_LIST:
            raise FetchError(strip_credentials(self._url), f"the list is larger than {LONGEST_LIST} bytes")
        first, last = self._edges
        if self._reader is None and self._head is not None and block:
            self._reader = _parser(self._parsers, self._head, self._url, block[:_EDGE]).listing(self._wanted, self._written)
        self._edges = (first if len(first) == _EDGE else (first + block)[:_EDGE]), (last + block[-_EDGE:])[-_EDGE:]
        if self._reader is not None:
            self._reader.write(block)

    def finish(self) -> ProjectList:
        if self._reader is None:
            raise InvalidPage(f"{strip_credentials(self._url)}: empty response in place of the list of projects")
        if not _ends(*self._edges):
            raise _CutOff(self._url)
        try:
            return self._reader.finish()
        except InvalidPage as error:
            raise InvalidPage(f"{strip_credentials(self._url)}: {error}") from error


def _ends(first: bytes, last: bytes) -> bool:
    """Whether a page seems complete by its first and last bytes: closing tags of HTML, closing brackets of JSON.

    Content-Length may be missing or wrong, and files missing on an incomplete page would be removed from the mirror.
    """
    start, end = first.lstrip()[:1], last.rstrip()[-1:]
    if start in (b"{", b"["):
        return end in (b"}", b"]")
    return b"<html" not in first.lower() or b"</html" in last.lower()


def _parser(parsers: Mapping[str, IParser], head: Head, url: str, start: bytes) -> IParser:
    """Return the parser for a page, by its content type, or by its first bytes if that is unknown or JSON is labelled HTML.

    Web servers label files of unknown types as ``application/octet-stream``, ``text/plain`` or ``text/html``, proxies pages as
    ``text/json`` or ``application/xhtml+xml``. Parsers refuse what is not a page of an index.
    """
    kind = validators.media_type(head)
    form = {b"{": _JSON, b"<": _HTML}.get(start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1])
    if form is not None and form in parsers and (kind not in parsers or (form == _JSON and kind in (_HTML, "text/html"))):
        kind = form
    if kind not in parsers:
        raise InvalidPage(f"{strip_credentials(url)}: not a page of an index: its content type is {kind or 'missing'!r}")
    return parsers[kind]


def _accept(parsers: Mapping[str, IParser]) -> str:
    """Return the Accept header for all parsers, the preferred format first (PEP 691)."""
    ranked = sorted((item for item in parsers.items() if item[1].quality), key=lambda item: -item[1].quality)
    return ", ".join(media if parser.quality == 1 else f"{media};q={parser.quality}" for media, parser in ranked)
