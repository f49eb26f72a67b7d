"""Hosts that an index links to: files with validators, and answers of every other kind."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

from support.upstream import Upstream

EARLIER, LATER = "Sat, 01 Feb 2020 00:00:00 GMT", "Sun, 02 Feb 2020 00:00:00 GMT"


class Elsewhere(Upstream):
    """A host that is no index. ``sent`` are the paths of bodies that were sent, to their end or not."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []
        self._stopped = threading.Event()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Be gone, as a host that is switched off."""
        if not self._stopped.is_set():
            self._stopped.set()
            super().__exit__()

    def put(self, path: str, body: bytes, headers: dict[str, str] | None = None, validators: str = "etag") -> str:
        """Put something at a path and return its URL. validators: ``etag``, ``date`` or none."""
        known = {"etag": {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}, "date": {"Last-Modified": EARLIER}}.get(validators, {})
        sent = {"Content-Type": "application/octet-stream", **known, **(headers or {})}

        def answer(handler: Any) -> None:
            asked = handler.headers
            same = (asked["If-None-Match"] == sent["ETag"] if "ETag" in sent
                    else "Last-Modified" in sent and asked["If-Modified-Since"] == sent["Last-Modified"])
            if same:
                handler.reply(304, sent, b"")
                return
            handler.reply(200, sent, body)
            self.sent.append(path)

        self.answers[path] = answer
        return self.host + path

    def page(self, path: str, *hrefs: str) -> str:
        """Put a page with links at a path and return its URL."""
        links = "".join(f'<p><a href="{href}">get it</a></p>' for href in hrefs)
        return self.put(path, f"<html><body>{links}</body></html>".encode(), {"Content-Type": "text/html; charset=utf-8"})

    def redirect(self, path: str, target: str) -> str:
        """Let a path lead to another URL; return its own."""
        self.answers[path] = (302, {"Location": target}, b"")
        return self.host + path

    def endless(self, path: str, status: int = 200, **headers: str) -> str:
        """Let a path answer with a body that never ends; return its URL."""

        def answer(handler: Any) -> None:
            handler.send_response(status)
            for key, value in headers.items():
                handler.send_header(key.replace("_", "-"), value)
            handler.end_headers()
            handler.close_connection = True
            try:
                while not self._stopped.is_set():
                    handler.wfile.write(b"<a href=x>more</a>" * 1000)
            except OSError:
                self.sent.append(f"{path} was cut off")

        self.answers[path] = answer
        return self.host + path


def links(upstream: Upstream, display: str, *anchors: str) -> None:
    """Let an index's page of a project be HTML with these anchors, each written as ``rel=download URL`` or as the URL alone."""
    if display not in upstream.displays.values():
        upstream.add(display)
    made = []
    for anchor in anchors:
        rel, _, url = anchor.rpartition(" ")
        made.append(f'<a href="{url}"{" " + rel if rel else ""}>{display}</a><br>')
    name = display.lower().replace(".", "-")
    page = f"<!DOCTYPE html><html><body>{''.join(made)}</body></html>".encode()
    upstream.answers[f"/simple/{name}/"] = (200, {"Content-Type": "text/html"}, page)
