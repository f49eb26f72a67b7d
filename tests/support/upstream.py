"""A real upstream index on loopback: projects that tests add to, pages made afresh for each request, all requests recorded."""

from __future__ import annotations

import gzip
import hashlib
import html
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from pypimirror.testing.loopback import LoopbackServer, Response, conditional

JSON = "application/vnd.pypi.simple.v1+json"
_TIME = (2020, 2, 2, 0, 0, 0)
#: Time of modification of a file that replaces no other, in seconds since 1970: 2020-02-02.
WRITTEN = 1580601600


def wheel(name: str, version: str, requires: tuple[str, ...] = (), tag: str = "py3-none-any",
          body: str = "", command: str = "") -> tuple[str, bytes]:
    """Build a small valid wheel with one module; give its file name and content.

    command: the name of a program that runs the module's function ``main``, which then has to be in its body.
    """
    stem = name.replace("-", "_").replace(".", "_").lower()
    info = f"{stem}-{version}.dist-info"
    members = {
        f"{stem}/__init__.py": body or f"__version__ = {version!r}\n",
        f"{info}/METADATA": metadata(name, version, requires),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if command:
        members[f"{info}/entry_points.txt"] = f"[console_scripts]\n{command} = {stem}:main\n"
    members[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*members, f"{info}/RECORD"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path, _TIME), text)
    return f"{stem}-{version}-{tag}.whl", out.getvalue()


def sdist(name: str, version: str, stem: str = "") -> tuple[str, bytes]:
    """Build a small sdist that setuptools can build; give its file name and content. stem: the name as the file has it."""
    stem = stem or name.replace("-", "_").replace(".", "_").lower()
    module = name.replace("-", "_").replace(".", "_").lower()
    setup = (f"from setuptools import setup\nsetup(name={name!r}, version={version!r}, py_modules=[{module!r}])\n")
    members = {"setup.py": setup, f"{module}.py": f"__version__ = {version!r}\n", "PKG-INFO": metadata(name, version, ())}
    return packed(f"{stem}-{version}", members)


def packed(base: str, members: dict[str, str]) -> tuple[str, bytes]:
    """Pack an sdist of these texts by path; give its file name and content. base: its name without ``.tar.gz``."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path, text in members.items():
            member = tarfile.TarInfo(f"{base}/{path}")
            member.size = len(text.encode())
            member.mtime = 1_000_000_000  # eggs can't be made of files from before 1980
            archive.addfile(member, io.BytesIO(text.encode()))
    return f"{base}.tar.gz", gzip.compress(raw.getvalue(), mtime=0)


def metadata(name: str, version: str, requires: tuple[str, ...]) -> str:
    """Give core metadata."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {one}" for one in requires)]
    return "\n".join(lines) + "\n"


@dataclass
class Served:
    """One file of the upstream."""

    filename: str
    body: bytes
    #: As in the JSON page; ``hashes`` and ``url`` are filled in.
    facts: dict[str, Any] = field(default_factory=dict)
    metadata: bytes | None = None
    #: What lies beside it, by what its name gets at its end: ``.provenance``, ``.asc``.
    beside: dict[str, bytes] = field(default_factory=dict)
    #: For Last-Modified, in seconds since 1970: later for a file that replaces another one. None for none.
    modified: int | None = WRITTEN


class Upstream(LoopbackServer):
    """The index. ``serials``, ``etags`` and ``json`` say what it is able to do; ``answers`` overrides what a path gives."""

    def __init__(self) -> None:
        super().__init__()
        self.projects: dict[str, dict[str, Served]] = {}
        self.displays: dict[str, str] = {}
        self.serial = 1000
        self.project_serials: dict[str, int] = {}
        self.statuses: dict[str, dict[str, str]] = {}
        #: Further keys of project pages and of their ``meta``, by project.
        self.extras: dict[str, dict[str, Any]] = {}
        self.metas: dict[str, dict[str, Any]] = {}
        self.serials: bool | type = True
        self.etags = True
        self.json = True

    # --- what it holds

    def add(self, display: str, *files: tuple[str, bytes], **facts: Any) -> None:
        """Add files to a project, which is made if it is not there. facts: of each file, with underscores for dashes."""
        name = normal(display)
        self.displays[name] = display
        project = self.projects.setdefault(name, {})
        for filename, body in files:
            served = Served(filename, body, {key.replace("_", "-"): value for key, value in facts.items()})
            if filename.endswith(".whl"):
                with zipfile.ZipFile(io.BytesIO(body)) as archive:
                    # Not that of what it carries along.
                    (info,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA") and n.count("/") == 1)
                    served.metadata = archive.read(info)
            if filename in project and project[filename].body != body:
                served.modified = (project[filename].modified or WRITTEN) + 60
            project[filename] = served
        self.touch(name)

    def remove(self, display: str, *filenames: str) -> None:
        """Remove files of a project, or the whole project."""
        name = normal(display)
        if not filenames:
            del self.projects[name], self.project_serials[name]
            self.serial += 1
            return
        for filename in filenames:
            del self.projects[name][filename]
        self.touch(name)

    def touch(self, display: str) -> None:
        """Give a project a new serial."""
        self.serial += 1
        self.project_serials[normal(display)] = self.serial

    def asked(self) -> list[str]:
        """Return the paths that were asked for since the last call."""
        found, self.requests[:] = list(self.requests), []
        return found

    # --- what it says

    def list_page(self, as_json: bool) -> bytes:
        names = sorted(self.projects)
        if not as_json:
            links = "".join(f'<a href="{name}/">{html.escape(self.displays[name])}</a>\n' for name in names)
            return f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        projects = [{"name": self.displays[name], **self._serial(self.project_serials[name])} for name in names]
        return json.dumps({"meta": {"api-version": "1.4", **self._serial(self.serial)}, "projects": projects}).encode()

    def project_page(self, name: str, as_json: bool) -> bytes:
        files = [self._entry(name, served) for served in self.projects[name].values()]
        if as_json:
            meta = {"api-version": "1.4", **self._serial(self.project_serials[name]), **self.metas.get(name, {})}
            page: dict[str, Any] = {"meta": meta, "name": name, "files": files, **self.extras.get(name, {})}
            if name in self.statuses:
                page["project-status"] = self.statuses[name]
            return json.dumps(page).encode()
        links = []
        for entry in files:
            attributes = ""
            if entry.get("requires-python"):
                attributes += f' data-requires-python="{html.escape(entry["requires-python"])}"'
            if entry.get("yanked", False) is not False:
                reason = entry["yanked"] if isinstance(entry["yanked"], str) else ""
                attributes += f' data-yanked="{html.escape(reason)}"'
            if entry["core-metadata"]:
                attributes += f' data-core-metadata="sha256={entry["core-metadata"]["sha256"]}"'
            if entry.get("provenance"):
                attributes += f' data-provenance="{entry["provenance"]}"'
            links.append(f'<a href="{entry["url"]}#sha256={entry["hashes"]["sha256"]}"{attributes}>{entry["filename"]}</a>\n')
        metas = "".join(f'<meta name="pypi:project-{"status" if key == "status" else "status-reason"}" '
                        f'content="{html.escape(value)}">' for key, value in self.statuses.get(name, {}).items())
        return f"<!DOCTYPE html><html><head>{metas}</head><body>{''.join(links)}</body></html>".encode()

    def _serial(self, serial: int) -> dict[str, Any]:
        if not self.serials:
            return {}
        return {"_last-serial": str(serial) if self.serials is str else serial}

    def _entry(self, name: str, served: Served) -> dict[str, Any]:
        known = {"sha256": hashlib.sha256(served.metadata).hexdigest()} if served.metadata is not None else False
        url = f"{self.host}/files/{name}/{served.filename}"
        told = {".provenance": ("provenance", f"{url}.provenance"), ".asc": ("gpg-sig", True)}
        beside = dict(fact for suffix, fact in told.items() if suffix in served.beside)
        return {
            "filename": served.filename, "url": url,
            "hashes": {"sha256": hashlib.sha256(served.body).hexdigest()}, "size": len(served.body),
            "core-metadata": known, "yanked": False, **beside, **served.facts}

    def respond(self, path: str, headers: Any) -> Response:
        """Give status, headers and body for a path."""
        parts = path.strip("/").split("/")
        as_json = self.json and JSON in headers.get("Accept", "")
        if parts == ["simple"]:
            return self._page(self.list_page(as_json), as_json, headers)
        if parts[0] == "simple" and len(parts) == 2 and parts[1] in self.projects:
            return self._page(self.project_page(parts[1], as_json), as_json, headers)
        if parts[0] == "files" and parts[1] in self.projects:
            suffix = next((end for end in (".metadata", ".provenance", ".asc") if parts[2].endswith(end)), "")
            served = self.projects[parts[1]].get(parts[2].removesuffix(suffix))
            if served is not None:
                body = {"": served.body, ".metadata": served.metadata, **served.beside}.get(suffix)
                if body is not None:
                    sent = {} if served.modified is None else {"Last-Modified": formatdate(served.modified, usegmt=True)}
                    return 200, {"Content-Type": "application/octet-stream", **sent}, body
        return 404, {}, b"no such thing"

    def _page(self, body: bytes, as_json: bool, headers: Any) -> Response:
        kind = JSON if as_json else "text/html; charset=utf-8"
        return conditional(kind, body, headers) if self.etags else (200, {"Content-Type": kind}, body)


def normal(display: str) -> str:
    """Give the normalised name (PEP 503)."""
    import re

    return re.sub(r"[-_.]+", "-", display).lower()
