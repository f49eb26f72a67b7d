"""What goes wrong on the way: answers for ``Upstream.answers`` that fail the way networks, servers and proxies do.

Each is made with the upstream and gives a function of the handler. ``first`` lets a fault pass after some times.
"""

from __future__ import annotations

import contextlib
import email.utils
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from pypimirror.http import pace
from support.upstream import Upstream

Answer = Callable[[Any], None]


def first(times: int, fault: Answer, upstream: Upstream) -> Answer:
    """Fail so many times, then answer as if nothing had been."""
    left = threading.Semaphore(times)

    def answer(handler: Any) -> None:
        if left.acquire(blocking=False):
            fault(handler)
        else:
            handler.reply(*upstream.respond(handler.path, handler.headers))

    return answer


def status(code: int, **headers: str) -> Answer:
    """Answer with a status. headers: with underscores for dashes."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.reply(code, sent, b"not now")


def in_seconds(seconds: float) -> str:
    """Give a date as Retry-After may have it."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def refused(handler: Any) -> None:
    """Hang up without an answer."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def reset(handler: Any) -> None:
    """Reset the connection (RST) before an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def garbage(handler: Any) -> None:
    """Answer with something that is no HTTP."""
    handler.close_connection = True
    handler.wfile.write(b"\x16\x03\x01 hello\r\n\r\n")


class Broken:
    """Sends the right head and another body: ``part`` makes it of the right one, ``length`` is a function of both."""

    def __init__(self, upstream: Upstream, part: Callable[[bytes], bytes], length: Callable[[bytes, bytes], int | None],
                 then_reset: bool = False):
        self._upstream, self._part, self._length, self._reset = upstream, part, length, then_reset

    def __call__(self, handler: Any) -> None:
        code, headers, body = self._upstream.respond(handler.path, handler.headers)
        sent = self._part(body)
        length = self._length(body, sent)
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.close_connection = True
        handler.end_headers()
        handler.wfile.write(sent)
        handler.wfile.flush()
        if self._reset:
            reset(handler)


def half(body: bytes) -> bytes:
    return body[:len(body) // 2]


def truncated(upstream: Upstream) -> Answer:
    """End in the middle of a body whose length was told."""
    return Broken(upstream, half, lambda body, sent: len(body))


def reset_inside(upstream: Upstream) -> Answer:
    """Reset the connection in the middle of a body."""
    return Broken(upstream, half, lambda body, sent: len(body), then_reset=True)


def truncated_untold(upstream: Upstream) -> Answer:
    """End in the middle of a body whose length nobody told."""
    return Broken(upstream, half, lambda body, sent: None)


def too_short(upstream: Upstream) -> Answer:
    """Tell a length that is shorter than the body, and send all of it."""
    return Broken(upstream, lambda body: body, lambda body, sent: len(body) // 2)


def too_long(upstream: Upstream) -> Answer:
    """Tell a length that is longer than the body."""
    return Broken(upstream, lambda body: body, lambda body, sent: len(body) + 100)


def minutes_pass(monkeypatch: Any, once: Callable[[], bool]) -> None:
    """Have minutes pass at once for the watch over slow transfers. once: when; transfers that begin later are in good time.

    So that no test waits for real seconds, in which a busy machine may do nothing.
    """
    monkeypatch.setattr(pace, "time", SimpleNamespace(
        monotonic=lambda: 1_000.0 if once() else 0.0, sleep=lambda seconds: time.sleep(0.01)))


class Slow:
    """Sends a body byte by byte, with pauses, until the other side hangs up or the test ends it.

    The last byte comes after a minute: before that it is not ``complete``, however busy the machine is.
    """

    def __init__(self, upstream: Upstream, pause: float, head: bool = False):
        self._upstream, self._pause, self._head = upstream, pause, head
        self.over = threading.Event()
        self.sent = 0
        self.complete = False

    def __call__(self, handler: Any) -> None:
        code, headers, body = self._upstream.respond(handler.path, handler.headers)
        lines = "".join(f"{name}: {value}\r\n" for name, value in {"Content-Length": len(body), **headers}.items())
        head, handler.close_connection = f"HTTP/1.1 {code} OK\r\n{lines}".encode(), True
        if self._head:
            # A header that never ends, a byte at a time.
            head, body = head + b"X-Slow: ", b"x" * 10_000
        else:
            head += b"\r\n"
        with contextlib.suppress(OSError):
            handler.connection.sendall(head)
            for number in range(len(body)):
                if self.over.wait(self._pause if number + 1 < len(body) else 60):
                    return
                handler.connection.sendall(body[number:number + 1])
                self.sent += 1
            self.complete = True


class Ranges:
    """Serves one body with ranges, and cuts each answer off after so many bytes; remembers what was asked for."""

    def __init__(self, body: bytes, cut: int, headers: dict[str, str], honest: bool = True):
        self.body, self._cut, self._headers, self._honest = body, cut, headers, honest
        self.asked: list[tuple[str | None, str | None]] = []

    def __call__(self, handler: Any) -> None:
        wanted, condition = handler.headers.get("Range"), handler.headers.get("If-Range")
        self.asked.append((wanted, condition))
        start = 0
        if wanted and condition in (self._headers.get("ETag"), self._headers.get("Last-Modified")):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        handler.close_connection = True
        handler.send_response(206 if start else 200)
        if start:
            told = start if self._honest else start - 1
            handler.send_header("Content-Range", f"bytes {told}-{len(self.body) - 1}/{len(self.body)}")
        for name, value in self._headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(self.body) - start))
        handler.end_headers()
        handler.wfile.write(self.body[start:start + self._cut])
