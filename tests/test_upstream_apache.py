"""A real Apache as upstream: what it calls encoded, lists of folders, folders that it refuses, bodies that are cut off."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support import servers
from support.mirror import Mirrored
from support.upstream import sdist, wheel

FETCHERS = ["requests", "pycurl"]


@pytest.fixture
def web() -> Iterator[Path]:
    """A folder that Apache's own user may enter."""
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def put(web: Path, name: str, *files: tuple[str, bytes], hashed: bool = True) -> None:
    """Lay down a project with its page."""
    folder = web / name
    folder.mkdir(exist_ok=True)
    links = []
    for filename, body in files:
        (folder / filename).write_bytes(body)
        digest = f"#sha256={hashlib.sha256(body).hexdigest()}" if hashed else ""
        links.append(f'<a href="{filename}{digest}">{filename}</a>\n')
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>")
    names = sorted(path.name for path in web.iterdir() if path.is_dir())
    rows = "".join(f'<a href="{name}/">{name}</a>\n' for name in names)
    (web / "index.html").write_text(f"<!DOCTYPE html><html><body>{rows}</body></html>")


@pytest.fixture(params=FETCHERS)
def mirror(request: pytest.FixtureRequest, mirrored: Mirrored) -> Mirrored:
    if request.param == "pycurl":
        pytest.importorskip("pycurl")
    mirrored.settings["fetcher"] = request.param
    return mirrored


@pytest.mark.parametrize("hashed", [True, False])
def test_what_apache_calls_encoded_comes_as_it_lies_there(mirror: Mirrored, web: Path, tmp_path: Path, hashed: bool) -> None:
    name, body = sdist("one", "1")
    put(web, "one", (name, body), hashed=hashed)
    with servers.bare_apache(web, tmp_path / "log") as address:
        sent = servers.ask(address, f"/one/{name}", Accept_Encoding="gzip")
        assert sent.headers["Content-Encoding"] in ("x-gzip", "gzip")
        mirror.settings["index_url"] = f"{address}/"
        assert mirror.run("sync") == 0
        assert mirror.tree()[f"one/{name}"] == body
        assert mirror.untrue() == []


def test_pages_that_apache_packs_are_read(mirror: Mirrored, web: Path, tmp_path: Path) -> None:
    for number in range(50):
        put(web, f"project-{number}", wheel(f"project-{number}", "1"))
    with servers.bare_apache(web, tmp_path / "log", "SetOutputFilter DEFLATE") as address:
        assert servers.ask(address, "/", Accept_Encoding="gzip").headers["Content-Encoding"] == "gzip"
        mirror.settings["index_url"] = f"{address}/"
        assert mirror.run("sync") == 0
        assert len(mirror.files("project-7")) == 1
        assert mirror.untrue() == []
        before = mirror.tree()
        assert mirror.run("-U") == 0
        assert mirror.tree() == before


@pytest.mark.parametrize("how", ["no page", "no right"])
def test_a_folder_that_apache_refuses_is_an_error_and_no_absence(
        mirror: Mirrored, web: Path, tmp_path: Path, how: str) -> None:
    put(web, "one", wheel("one", "1"))
    put(web, "two", wheel("two", "1"))
    with servers.bare_apache(web, tmp_path / "log") as address:
        mirror.settings["index_url"] = f"{address}/"
        assert mirror.run("sync") == 0
        put(web, "two", wheel("two", "1"), wheel("two", "2"))
        if how == "no page":
            (web / "one/index.html").unlink()
        else:
            (web / "one").chmod(0o700)
        before = mirror.files("one")
        assert servers.ask(address, "/one/").status == 403
        assert mirror.run("-I") == 1
        assert (mirror.files("one"), len(mirror.files("two"))) == (before, 2)
        assert "/one/: status 403" in (mirror.root / ".pypimirror/pypimirror.log").read_text()


def test_folders_that_apache_lists_are_projects_also_by_long_names(mirror: Mirrored, web: Path, tmp_path: Path) -> None:
    long = "collective-a-very-long-name-that-is-cut-off-in-lists"
    for name in ("one", long):
        put(web, name, wheel(name, "1"), sdist(name, "2"))
        (web / name / "index.html").unlink()
    (web / "index.html").unlink()
    with servers.bare_apache(web, tmp_path / "log", "Options +Indexes", "IndexOptions FancyIndexing HTMLTable") as address:
        listed = servers.ask(address, "/").body
        assert b"..&gt;" in listed and b"?C=N;O=D" in listed
        mirror.settings["index_url"] = f"{address}/"
        assert mirror.run("sync") == 0
        assert sorted(path.name for path in mirror.root.iterdir() if path.is_dir() and path.name[0] != ".") == [
            long, "one"]
        assert len(mirror.files("one")) == len(mirror.files(long)) == 2


class Cutting:
    """Passes connections on to a server, and cuts the first ones off in the middle of a large answer."""

    def __init__(self, address: str, after: int, times: int):
        self._target = (urlsplit(address).hostname, urlsplit(address).port)
        self._after, self._left = after, times
        self.asked: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server, contextlib.suppress(OSError):  # type: ignore[arg-type]
            while request := client.recv(1 << 16):
                self.asked.append(request)
                server.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                size = 0
                while block := server.recv(1 << 16):
                    client.sendall(block)
                    size += len(block)
                    if size > self._after and self._left:
                        self._left -= 1
                        return
                return


def test_a_large_file_that_is_cut_off_goes_on_where_it_ended(mirror: Mirrored, web: Path, tmp_path: Path) -> None:
    name, body = "one-1.tar.gz", os.urandom(9 << 20)
    put(web, "one", (name, body))
    with servers.bare_apache(web, tmp_path / "log") as address, contextlib.closing(Cutting(address, 4 << 20, 1)) as cutting:
        mirror.settings |= {"index_url": f"{cutting.address}/", "retries": "2"}
        assert mirror.run("sync") == 0
        assert mirror.tree()[f"one/{name}"] == body
        asked = [request for request in cutting.asked if name.encode() in request]
        assert len(asked) == 2
        assert b"range: bytes=" not in asked[0].lower() and b"range: bytes=" in asked[1].lower()
        assert b"if-range: " in asked[1].lower()
