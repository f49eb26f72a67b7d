"""The parts of OSV's API that auditors request: ``POST /v1/query``, ``POST /v1/querybatch``, ``GET /v1/vulns/<id>``.

The answers come from the advisories that the last sync has read. https://google.github.io/osv.dev/api/
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from ..advisories.database import AdvisoryDatabase
from ..advisories.matching import AdvisoryMatcher
from ..advisories.osv import parse_advisory
from ..advisory import Advisory
from ..errors import MirrorError
from ..names import project_name
from .http_error import Environ, Start

#: Limits of a request: bytes of its body, and queries of a batch, as OSV has it.
MOST_BYTES, _MOST_QUERIES = 1 << 20, 1000
#: Projects of which a batch keeps the advisories; one with many takes long to read.
_CACHED = 16
_VULNERABILITY = "/v1/vulns/"
_PURL = re.compile(r"pkg:pypi/([^/@?#]+)(?:@([^?#]+))?")
#: gRPC codes of OSV's error messages.
_INVALID, _NOT_FOUND, _UNAVAILABLE = 3, 5, 14
_Documents = list[tuple[dict[str, Any], AdvisoryMatcher]]


class _Failure(Exception):
    """A request that can't be answered."""

    def __init__(self, status: str, code: int, message: str):
        super().__init__(message)
        self.status, self.code = status, code


class OsvApi:
    """A WSGI application for the paths of OSV's API. Used by several threads at once."""

    def __init__(self, folder: str):
        """folder: that of the state, which has the database of advisories."""
        self._folder = folder
        self._lock = threading.Lock()
        self._database: AdvisoryDatabase | None = None
        self._file: tuple[int, int] | None = None
        self._answers: Mapping[str, Callable[[Any], Any]] = {
            "/v1/query": self._answer_query, "/v1/querybatch": self._answer_batch}

    def knows(self, environ: Environ) -> bool:
        """Return whether a request is for the API."""
        path = environ.get("PATH_INFO") or ""
        return (environ["REQUEST_METHOD"] == "POST" and path in self._answers) or path.startswith(_VULNERABILITY)

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            status, value = "200 OK", self._answer_request(environ)
        except _Failure as failure:
            status, value = failure.status, {"code": failure.code, "message": str(failure)}
        except (sqlite3.Error, MirrorError) as error:
            status = "503 Service Unavailable"
            value = {"code": _UNAVAILABLE, "message": f"the advisories can't be read: {error}"}
        body = json.dumps(value, separators=(",", ":")).encode()
        start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-cache"),
                       ("X-Content-Type-Options", "nosniff")])
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)

    def advisories(self, name: str) -> tuple[Advisory, ...]:
        """Return the advisories about a project, aliases joined; none if they can't be read."""
        try:
            with self._lock:
                return self._open_database().of(name)
        except (sqlite3.Error, MirrorError, _Failure):
            return ()

    def _answer_request(self, environ: Environ) -> Any:
        path = environ["PATH_INFO"]
        if path.startswith(_VULNERABILITY):
            return self._answer_vulnerability(unquote(path.removeprefix(_VULNERABILITY)))
        body = environ["wsgi.input"].read(MOST_BYTES + 1)
        try:
            query = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _Failure("400 Bad Request", _INVALID, "the body is not JSON") from error
        if len(body) > MOST_BYTES or not isinstance(query, dict):
            raise _Failure("400 Bad Request", _INVALID, "the body must be a JSON object of at most 1 MB")
        with self._lock:
            return self._answers[path](query)

    def _answer_vulnerability(self, identifier: str) -> dict[str, Any]:
        with self._lock:
            found = self._open_database().document(identifier)
        if found is None:
            raise _Failure("404 Not Found", _NOT_FOUND, "Bug not found.")
        return found

    def _answer_query(self, query: Mapping[str, Any]) -> dict[str, Any]:
        found = list(self._find_affecting(query, self._documents))
        return {"vulns": found} if found else {}

    def _answer_batch(self, body: Mapping[str, Any]) -> dict[str, Any]:
        queries = body.get("queries")
        if not isinstance(queries, list) or len(queries) > _MOST_QUERIES:
            raise _Failure("400 Bad Request", _INVALID, f"queries must be a list of at most {_MOST_QUERIES}")
        documents = lru_cache(_CACHED)(self._documents)
        results = [[{"id": each["id"], "modified": each["modified"]} for each in self._find_affecting(query, documents)]
                   for query in queries]
        return {"results": [{"vulns": found} if found else {} for found in results]}

    def _find_affecting(self, query: Any, documents: Callable[[str], _Documents]) -> Iterator[dict[str, Any]]:
        """Yield the documents that match a query: about a project, or about a version of it."""
        name, version = _parse_query(query)
        for document, matcher in () if name is None else documents(name):
            if version is None or matcher.of_version(version):
                yield document

    def _documents(self, name: str) -> _Documents:
        """Return the documents about a project, each with its matcher."""
        return [(document, AdvisoryMatcher([parse_advisory(document, name)], name))
                for document in self._open_database().documents(name)]

    def _open_database(self) -> AdvisoryDatabase:
        """Return the database, opened again if another file is in its place."""
        database = self._database or AdvisoryDatabase(self._folder)
        try:
            found = os.stat(database.path)
        except FileNotFoundError:
            raise _Failure("503 Service Unavailable", _UNAVAILABLE, "no advisories were read yet") from None
        if self._database is None or (found.st_dev, found.st_ino) != self._file:
            database.close()
            if not database.open_to_read():
                raise _Failure("503 Service Unavailable", _UNAVAILABLE, "no advisories were read yet")
            self._database, self._file = database, (found.st_dev, found.st_ino)
        return database


def _parse_query(query: Any) -> tuple[str | None, str | None]:
    """Return project and version of a query; no project for another ecosystem. Raises _Failure."""
    package = query.get("package") if isinstance(query, dict) else None
    if not isinstance(package, dict):
        raise _Failure("400 Bad Request", _INVALID, "a query must have a package")
    name, version = package.get("name"), query.get("version")
    if isinstance(purl := package.get("purl"), str):
        match = _PURL.fullmatch(purl.partition("?")[0].partition("#")[0])
        if match is None:
            return None, None
        name, version = unquote(match[1]), unquote(match[2]) if match[2] else version
    elif package.get("ecosystem") != "PyPI":
        return None, None
    if not isinstance(name, str) or not isinstance(version, str | None):
        raise _Failure("400 Bad Request", _INVALID, "name and version must be texts")
    return project_name(name), version or None
