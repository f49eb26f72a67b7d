"""Upstreams of every kind, each a real one on loopback or on disk, whose distributions tests put in place."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
import venv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest

from pypimirror.metadata.filenames import parse
from support import folder_lock, servers, wheelhouse
from support.flat_directories import put
from support.mirror import Mirrored
from support.upstream import Upstream, normal

#: Distributions by project's name.
Files = Mapping[str, list[tuple[str, bytes]]]


class Index(NamedTuple):
    """One upstream."""

    #: As ``index_url`` has it.
    url: str
    #: Makes these the distributions that it has, and no others.
    hold: Callable[[Files], None]
    version: str = ""


@contextlib.contextmanager
def heap(folder: Path) -> Iterator[Index]:
    """A directory of files."""
    yield Index(str(folder / "heap"), lambda files: _lay(folder / "heap", files))


@contextlib.contextmanager
def our_directory(folder: Path) -> Iterator[Index]:
    """The tree of a mirror of ours."""
    with Upstream() as upstream:
        first = Mirrored(folder / "first" / "mirror", upstream.url)

        def hold(files: Files) -> None:
            for name in list(upstream.projects):
                upstream.remove(name)
            for name, distributions in files.items():
                upstream.add(name, *distributions)
            assert first.run("sync", "--allow-deletions") == 0

        first.root.parent.mkdir(parents=True)
        yield Index(str(first.root), hold)


@contextlib.contextmanager
def our_server(folder: Path) -> Iterator[Index]:
    """A mirror of ours behind ``serve``."""
    with our_directory(folder) as inner:
        inner.hold({})
        with servers.serve(Path(inner.url), folder / "serve.log") as address:
            yield inner._replace(url=f"{address}/simple/")


@contextlib.contextmanager
def our_tree_served_by_python(folder: Path) -> Iterator[Index]:
    """The tree of a mirror of ours behind ``python -m http.server``."""
    with our_directory(folder) as inner:
        inner.hold({})
        with servers.bare_python(Path(inner.url), folder / "python.log") as address:
            yield inner._replace(url=f"{address}/")


@contextlib.contextmanager
def bandersnatch_directory(folder: Path) -> Iterator[Index]:
    """A tree as bandersnatch lays it out."""
    yield Index(str(folder / "web" / "simple"), lambda files: _lay_like_bandersnatch(folder / "web", files))


@contextlib.contextmanager
def bandersnatch_served_by_python(folder: Path) -> Iterator[Index]:
    """The same behind ``python -m http.server``."""
    web = folder / "web"
    web.mkdir()
    with servers.bare_python(web, folder / "python.log") as address:
        yield Index(f"{address}/simple/", lambda files: _lay_like_bandersnatch(web, files))


@contextlib.contextmanager
def bandersnatch_served_by_apache(folder: Path) -> Iterator[Index]:
    """The same behind Apache, which calls all that ends in ``.gz`` encoded, as Debian configures it."""
    with _public(folder) as web, servers.bare_apache(web, folder / "apache.log") as address:
        yield Index(f"{address}/simple/", lambda files: _lay_like_bandersnatch(web, files))


@contextlib.contextmanager
def folders_listed_by_apache(folder: Path) -> Iterator[Index]:
    """A folder of distributions for each project, without pages: Apache lists them."""
    with _public(folder) as web, servers.bare_apache(web, folder / "apache.log", "Options +Indexes") as address:
        yield Index(f"{address}/", lambda files: _lay_in_folders(web, files))


@contextlib.contextmanager
def folders_listed_by_python(folder: Path) -> Iterator[Index]:
    """The same listed by ``python -m http.server``."""
    web = folder / "web"
    web.mkdir()
    with servers.bare_python(web, folder / "python.log") as address:
        yield Index(f"{address}/", lambda files: _lay_in_folders(web, files))


@contextlib.contextmanager
def _public(folder: Path) -> Iterator[Path]:
    """Give a folder that Apache's own user may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def pypiserver(folder: Path, *guard: object) -> Iterator[Index]:
    """A pypiserver of a directory. guard: options that say who may do what; anybody anything without."""
    bin_ = environment("pypiserver") / "bin"
    held, port, log = folder / "held", servers.free_port(), folder / "pypiserver.log"
    held.mkdir()
    command = [bin_ / "pypi-server", "run", "-i", "127.0.0.1", "-p", port, "--disable-fallback"]
    with servers.running(*command, *(guard or ("-a", ".", "-P", ".")), held, log=log) as process:
        address = servers.wait_for(process, port, log)
        yield Index(f"{address}/simple/", lambda files: _lay(held, files), _version("pypiserver", "pypiserver"))


def guarded_pypiserver(folder: Path, password: str) -> contextlib.AbstractContextManager[Index]:
    """A pypiserver that wants a password of the user ``site`` for everything."""
    digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
    (folder / "htpasswd").write_text(f"site:{{SHA}}{digest}\n")
    return pypiserver(folder, "-a", "list,download,update", "-P", folder / "htpasswd")


@contextlib.contextmanager
def devpi(folder: Path) -> Iterator[Index]:
    """A devpi-server with one index without bases."""
    bin_ = environment("devpi") / "bin"
    place, port, log = folder / "devpi", servers.free_port(), folder / "devpi.log"
    subprocess.run([bin_ / "devpi-init", "--serverdir", place, "--no-root-pypi", "--root-passwd", "secret"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with servers.running(bin_ / "devpi-server", "--serverdir", place, "--host", "127.0.0.1", "--port", port,
                         log=log) as process:
        api = _Devpi(servers.wait_for(process, port, log))
        api.login("root", "secret")
        api.ask("PUT", "/root/dev", {"type": "stage", "bases": [], "volatile": True})
        yield Index(f"{api.address}/root/dev/+simple/", api.hold, _version("devpi", "devpi-server"))


class _Devpi:
    """As much of devpi's own interface as it takes to fill an index."""

    def __init__(self, address: str):
        self.address = address
        self._headers = {"Accept": "application/json"}
        self._held: dict[str, tuple[str, str]] = {}

    def login(self, user: str, password: str) -> None:
        token = self.ask("POST", "/+login", {"user": user, "password": password})["result"]["password"]
        self._headers["X-Devpi-Auth"] = base64.b64encode(f"{user}:{token}".encode()).decode()

    def hold(self, files: Files) -> None:
        wanted = {filename for distributions in files.values() for filename, _ in distributions}
        for filename in self._held.keys() - wanted:
            project, version = self._held.pop(filename)
            self.ask("DELETE", f"/root/dev/{project}/{quote(version)}")
        for name in {project for project, _ in self._held.values()} ^ {normal(name) for name in files}:
            if name not in {normal(name) for name in files}:
                self.ask("DELETE", f"/root/dev/{name}")
        for name, distributions in files.items():
            for filename, body in distributions:
                if filename not in self._held:
                    version = parse(filename, normal(name)).version or ""
                    self._upload(name, version, filename, body)
                    self._held[filename] = (normal(name), version)

    def ask(self, method: str, path: str, value: Any = None) -> Any:
        return json.loads(self._send(method, path, json.dumps(value).encode(), "application/json") or b"{}")

    def _upload(self, name: str, version: str, filename: str, body: bytes) -> None:
        is_wheel = filename.endswith(".whl")
        fields = {":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1", "name": name,
                  "version": version, "filetype": "bdist_wheel" if is_wheel else "sdist", "requires_python": ">=3.8",
                  "pyversion": "py3" if is_wheel else "source"}
        mark = uuid.uuid4().hex
        parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
                 for key, value in fields.items()]
        head = f'--{mark}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n\r\n'.encode()
        self._send("POST", "/root/dev/", b"".join([*parts, head, body, f"\r\n--{mark}--\r\n".encode()]),
                   f"multipart/form-data; boundary={mark}")

    def _send(self, method: str, path: str, body: bytes, kind: str) -> bytes:
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=servers.PATIENCE)
        try:
            connection.request(method, path, body, {**self._headers, "Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 400, f"{method} {path}: {answer.status} {text.decode(errors='replace')}"
            return text
        finally:
            connection.close()


def environment(index: str) -> Path:
    """Give the environment that an index server is installed in; skips the test where it is not asked for."""
    if index not in wheelhouse.CHOSEN_INDEXES:
        pytest.skip(f"PYPIMIRROR_INDEXES does not name {index}")
    pins = [f"{name}=={version}" for name, version in wheelhouse.INDEXES[index].items()]
    name = f"{index}-python{sys.version_info[0]}.{sys.version_info[1]}"
    folder = wheelhouse.CHECKOUT / "var" / "tests" / name
    stamp = folder / "installed.json"
    with folder_lock.alone(folder):
        if not stamp.is_file() or json.loads(stamp.read_text(encoding="utf-8")) != pins:
            venv.create(folder, clear=True, symlinks=True, with_pip=True)
            environ = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull}
            subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check",
                            "--no-index", "--no-deps", "--find-links", wheelhouse.FOLDER, *pins], env=environ, check=True)
            stamp.write_text(json.dumps(pins), encoding="utf-8")
    return folder


def _version(index: str, name: str) -> str:
    return f"{name} {wheelhouse.INDEXES[index][name]}"


def _lay(folder: Path, files: Files) -> None:
    """Make these the files of a folder."""
    if folder.exists():
        wanted = {filename for distributions in files.values() for filename, _ in distributions}
        for path in folder.iterdir():
            if path.name not in wanted:
                path.unlink()
    for distributions in files.values():
        put(folder, *((name, body) for name, body in distributions if not (folder / name).exists()))


def _lay_in_folders(web: Path, files: Files) -> None:
    for path in web.iterdir():
        if path.name not in map(normal, files):
            shutil.rmtree(path)
    for name, distributions in files.items():
        _lay(web / normal(name), {name: distributions})


def _lay_like_bandersnatch(web: Path, files: Files) -> None:
    """Make this the tree: pages in ``simple``, files by digest in ``packages``."""
    shutil.rmtree(web / "simple", ignore_errors=True)
    for name, distributions in files.items():
        links, entries = [], []
        for filename, body in distributions:
            sha256 = hashlib.sha256(body).hexdigest()
            digest = hashlib.blake2b(body, digest_size=32).hexdigest()
            folder = f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}"
            put(web / folder, (filename, body))
            href = f"../../{folder}/{quote(filename)}"
            links.append(f'    <a href="{href}#sha256={sha256}" data-requires-python="&gt;=3.8">{filename}</a><br/>\n')
            entries.append({"filename": filename, "url": href, "hashes": {"sha256": sha256}, "size": len(body),
                            "requires-python": ">=3.8", "upload-time": "2024-01-01T00:00:00.000000Z", "yanked": False})
        page = f"<!DOCTYPE html>\n<html>\n  <body>\n{''.join(links)}  </body>\n</html>\n<!--SERIAL 5-->"
        as_json = {"meta": {"api-version": "1.1", "_last-serial": "5"}, "name": name, "files": entries, "versions": []}
        put(web / "simple" / normal(name), ("index.html", page.encode()), ("index.v1_json", json.dumps(as_json).encode()))
    rows = "".join(f'    <a href="{normal(name)}/">{name}</a><br/>\n' for name in sorted(files))
    put(web / "simple", ("index.html", f"<!DOCTYPE html>\n<html>\n  <body>\n{rows}  </body>\n</html>".encode()))
