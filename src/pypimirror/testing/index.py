"""An upstream index on loopback for tests, with distributions that tests create."""

from __future__ import annotations

import gzip
import hashlib
import html
import io
import json
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

from ..names import HTML_PAGE, JSON_PAGE, METADATA, PAGES, normalize

_JSON = PAGES[JSON_PAGE]


def wheel(name: str, version: str, *metadata: str, tag: str = "py3-none-any") -> tuple[str, bytes]:
    """Return the file name and the content of a small wheel. metadata: further lines of its core metadata."""
    stem = normalize(name).replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    members = {
        f"{stem}.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": _metadata(name, version, metadata),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: pypimirror.testing\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    members[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*members, f"{info}/RECORD"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return f"{stem}-{version}-{tag}.whl", out.getvalue()


def sdist(name: str, version: str, *metadata: str) -> tuple[str, bytes]:
    """Return the file name and the content of a small sdist. metadata: further lines of its core metadata."""
    stem = normalize(name).replace("-", "_")
    members = {"PKG-INFO": _metadata(name, version, metadata), f"{stem}.py": f"__version__ = {version!r}\n",
               "setup.py": f"from setuptools import setup\nsetup(name={name!r}, version={version!r}, py_modules=[{stem!r}])\n"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, text in members.items():
            member = tarfile.TarInfo(f"{stem}-{version}/{path}")
            member.size, member.mtime = len(text), 1_000_000_000
            archive.addfile(member, io.BytesIO(text.encode()))
    return f"{stem}-{version}.tar.gz", gzip.compress(out.getvalue(), mtime=0)


def _metadata(name: str, version: str, more: tuple[str, ...]) -> str:
    return "\n".join(("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *more)) + "\n"


class LoopbackIndex:
    """A Simple API index (PEP 503, PEP 691). A context manager; tests change its content while it runs."""

    def __init__(self) -> None:
        #: By name as registered: fields of the files on the project's page, and their contents, by file name.
        self.files: dict[str, dict[str, tuple[dict[str, Any], bytes]]] = {}
        #: The paths of all requests.
        self.requests: list[str] = []
        self._serials: dict[str, int] = {}
        self._serial = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> LoopbackIndex:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The value of ``index_url``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/simple/"

    def add(self, name: str, *files: tuple[str, bytes], **fields: Any) -> None:
        """Add files to a project. fields: fields of PEP 691 for these files, with underscores."""
        found = self.files.setdefault(name, {})
        found |= {filename: ({key.replace("_", "-"): value for key, value in fields.items()}, body) for filename, body in files}
        self._touch(name)

    def remove(self, name: str, *filenames: str) -> None:
        """Remove files of a project, or the project."""
        for filename in filenames:
            del self.files[name][filename]
        if not filenames:
            del self.files[name]
        self._touch(name)

    def _touch(self, name: str) -> None:
        self._serial += 1
        self._serials[name] = self._serial

    def answer(self, path: str, json_wanted: bool) -> tuple[str, bytes] | None:
        """Return media type and body of the answer to a request, or None."""
        parts = [unquote(part) for part in path.partition("?")[0].strip("/").split("/")]
        if parts == ["simple"]:
            return self._list(json_wanted)
        names = {normalize(name): name for name in self.files}
        if len(parts) == 2 and parts[0] == "simple" and parts[1] in names:
            return self._page(names[parts[1]], json_wanted)
        files = self.files.get(names.get(parts[1], ""), {}) if len(parts) == 3 and parts[0] == "files" else {}
        if parts[-1] in files:
            return "application/octet-stream", files[parts[-1]][1]
        metadata = _wheel_metadata(files[of][1]) if (of := parts[-1].removesuffix(METADATA)) in files else None
        return None if metadata is None else ("text/plain", metadata)

    def _list(self, json_wanted: bool) -> tuple[str, bytes]:
        if json_wanted:
            projects = [{"name": name, "_last-serial": self._serials[name]} for name in self.files]
            return _JSON, _dump({"meta": {"api-version": "1.0", "_last-serial": self._serial}, "projects": projects})
        links = "".join(f'<a href="{normalize(name)}/">{html.escape(name)}</a>\n' for name in self.files)
        return "text/html", f"<!DOCTYPE html><html><body>\n{links}</body></html>\n".encode()

    def _page(self, name: str, json_wanted: bool) -> tuple[str, bytes]:
        files = [{"filename": filename, "url": f"/files/{normalize(name)}/{quote(filename)}", "size": len(body),
                  "hashes": _hashes(body), "core-metadata": _hashes(_wheel_metadata(body)), **fields}
                 for filename, (fields, body) in self.files[name].items()]
        if json_wanted:
            meta = {"api-version": "1.1", "_last-serial": self._serials[name]}
            return _JSON, _dump({"meta": meta, "name": name, "files": files, "versions": []})
        links = "".join(f'<a href="{file["url"]}#sha256={file["hashes"]["sha256"]}">{html.escape(file["filename"])}</a>\n'
                        for file in files)
        return PAGES[HTML_PAGE], f"<!DOCTYPE html><html><body>\n{links}</body></html>\n".encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self

        class Handler(BaseHTTPRequestHandler):
            """Answers one request."""

            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                index.requests.append(self.path)
                found = index.answer(self.path, _JSON in self.headers.get("Accept", ""))
                kind, body = found or ("text/plain", b"not found")
                etag = f'"{hashlib.sha256(body).hexdigest()}"'
                status = 404 if found is None else 304 if self.headers.get("If-None-Match") == etag else 200
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("ETag", etag)
                self.send_header("Content-Length", str(len(body) if status != 304 else 0))
                self.end_headers()
                if status != 304:
                    self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler


def _hashes(body: bytes | None) -> Any:
    return {"sha256": hashlib.sha256(body).hexdigest()} if body is not None else False


def _wheel_metadata(body: bytes) -> bytes | None:
    """Return the core metadata of a file if it is a wheel."""
    if not zipfile.is_zipfile(io.BytesIO(body)):
        return None
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return archive.read(names[0]) if names else None


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()
