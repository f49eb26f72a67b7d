"""An HTTP server on loopback whose answers tests decide, faults among them."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
from collections.abc import Callable, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

#: Status, headers and body.
Response = tuple[int, dict[str, str], bytes]
_Server = TypeVar("_Server", bound="LoopbackServer")


class LoopbackServer:
    """A context manager that serves while its block runs. Subclasses override ``respond``.

    ``requests`` lists the paths of all requests, ``answers`` overrides the responses to paths.
    """

    def __init__(self) -> None:
        #: The paths of all requests.
        self.requests: list[str] = []
        #: By path, before ``respond``: a response, or a function that gets the handler of the request and answers itself, for
        #: instance wrongly or never.
        self.answers: dict[str, Response | Callable[[Any], object]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_LoopbackHandler,), {"answering": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self: _Server) -> _Server:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        # On Linux this wakes the thread, which otherwise looks every 20 ms only whether it has to end.
        with contextlib.suppress(OSError):
            self._server.socket.shutdown(socket.SHUT_RDWR)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """The URL without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The value of ``index_url``."""
        return f"{self.host}/simple/"

    def respond(self, path: str, headers: Message) -> Response:
        """Return the answer to a request."""
        return 404, {"Content-Type": "text/plain"}, b"not found"


def conditional(kind: str, body: bytes, headers: Message) -> Response:
    """Return a response with an ETag; 304 if the request has that ETag. kind: the media type."""
    sent = {"Content-Type": kind, "ETag": f'"{hashlib.sha256(body).hexdigest()}"'}
    return (304, sent, b"") if headers.get("If-None-Match") == sent["ETag"] else (200, sent, body)


class _LoopbackHandler(BaseHTTPRequestHandler):
    """Answers requests of one connection."""

    answering: LoopbackServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self.answering.requests.append(self.path)
        answer = self.answering.answers.get(self.path)
        if callable(answer):
            answer(self)
        else:
            self.reply(*(answer or self.answering.respond(self.path, self.headers)))

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a whole response. headers: those of the response, ``Content-Length`` if it is to be a wrong one."""
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""
