"""An upstream index on loopback for tests, with distributions that tests create."""

from __future__ import annotations

import gzip
import hashlib
import html
import io
import json
import tarfile
import zipfile
from email.message import Message
from typing import Any
from urllib.parse import quote, unquote

from ..names import HTML_PAGE, JSON_PAGE, METADATA, PAGES, normalize
from .loopback import LoopbackServer, Response, conditional

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


class LoopbackIndex(LoopbackServer):
    """A Simple API index (PEP 503, PEP 691). Tests change its content while it runs, and ``answers`` lets requests fail."""

    def __init__(self) -> None:
        super().__init__()
        #: By name as registered: fields of the files on the project's page, and their contents, by file name.
        self.files: dict[str, dict[str, tuple[dict[str, Any], bytes]]] = {}
        self._serials: dict[str, int] = {}
        self._serial = 0

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

    def respond(self, path: str, headers: Message) -> Response:
        """Return the answer to a request; JSON to those that accept it."""
        found = self._found(path, _JSON in headers.get("Accept", ""))
        return super().respond(path, headers) if found is None else conditional(*found, headers)

    def _found(self, path: str, json_wanted: bool) -> tuple[str, bytes] | None:
        """Return media type and body of what is there at a path."""
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
