"""``/healthz`` and ``/metrics`` for monitoring; these paths hide the redirects to projects of these names."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..names import HTML_PAGE, JSON_PAGE
from ..regular_file import open_regular
from .http_error import Environ, Start

_TEXT = "text/plain; charset=utf-8"
#: Prometheus' text format.
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


class Monitor:
    """A WSGI application of two paths."""

    def __init__(self, root: str, metrics: str):
        """root: the mirror's directory. metrics: the file that ``/metrics`` sends."""
        self._root = root
        self._metrics = metrics

    def knows(self, environ: Environ) -> bool:
        """Return whether the path of a request is one of the two."""
        return environ.get("PATH_INFO") in ("/healthz", "/metrics")

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            status, kind, body = self._metrics_response()
        else:
            status, kind, body = self._health_response()
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
                       ("X-Content-Type-Options", "nosniff")])
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)

    def _metrics_response(self) -> tuple[str, str, bytes]:
        """Return status, type and content of the response to ``/metrics``."""
        try:
            with open_regular(self._metrics) as stream:
                return "200 OK", _METRICS, stream.read()
        except OSError as error:
            return "503 Service Unavailable", _TEXT, f"no metrics yet: {error.strerror}\n".encode()

    def _health_response(self) -> tuple[str, str, bytes]:
        """Return 200 if the root page can be read. An old mirror is healthy: a restart would not renew it."""
        for name in (HTML_PAGE, JSON_PAGE):
            try:
                with open_regular(os.path.join(self._root, name)) as stream:
                    stream.read(1)
                return "200 OK", _TEXT, b"ok\n"
            except OSError:
                continue
        return "503 Service Unavailable", _TEXT, b"the root page can't be read\n"
