"""What serve opens: folders and files of the tree alone, whatever somebody does to them in the middle of a request."""

from __future__ import annotations

import io
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pypimirror.serve.app import App
from support import published_tree

WHEEL = published_tree.wheel("Demo", "1.0")
SECRET = b"not for clients"
PATHS = (f"/demo/{WHEEL.filename}", f"/demo/{WHEEL.filename}.metadata", "/demo/", "/demo/index.html", "/simple/demo/",
         f"/packages/demo/{WHEEL.filename}", "/demo")
#: System calls that come to a path.
CALLS = ("open", "stat", "lstat", "scandir", "listdir", "access", "readlink")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    published_tree.publish(tmp_path / "mirror", {"Demo": [WHEEL]})
    outside = tmp_path / "outside"
    shutil.copytree(tmp_path / "mirror/demo", outside)
    for path in outside.iterdir():
        path.write_bytes(SECRET)
    return tmp_path / "mirror"


def asked(app: App, path: str) -> tuple[str, bytes]:
    """Return status and body."""
    told: list[str] = []
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "mirror", "SERVER_PORT": "80",
                               "wsgi.url_scheme": "http", "wsgi.file_wrapper": lambda stream, _: iter([stream.read()])}
    body = app(environ, lambda status, headers: told.append(status))
    return told[0], b"".join(body)


def swap(root: Path) -> None:
    """Put a symbolic link that leads outside in place of the project's folder."""
    os.rename(root / "demo", root / ".real")
    os.symlink(root.parent / "outside", root / "demo")


def swap_back(root: Path) -> None:
    os.unlink(root / "demo")
    os.rename(root / ".real", root / "demo")


@pytest.mark.parametrize("path", PATHS)
def test_a_folder_exchanged_for_a_link_before_any_system_call_is_not_followed(
        root: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    for moment in range(40):
        counted = 0

        def wrapped(call: Callable[..., Any], moment: int = moment) -> Callable[..., Any]:
            def at_moment(*arguments: Any, **options: Any) -> Any:
                nonlocal counted
                counted += 1
                if counted == moment + 1:
                    swap(root)
                return call(*arguments, **options)
            return at_moment

        app = App(str(root))
        with monkeypatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, wrapped(getattr(os, name)))
            status, body = asked(app, path)
        assert SECRET not in body
        assert status[:3] in ("200", "301", "404", "503")
        seen.add(status[:3])
        if counted <= moment:  # every moment there is has been tried
            break
        swap_back(root)
    else:
        raise AssertionError("a request makes fewer calls than this")
    assert "404" in seen and moment > 0


def test_a_file_exchanged_for_a_link_is_not_followed(root: Path) -> None:
    app = App(str(root))
    assert asked(app, PATHS[0])[1] == WHEEL.content
    os.unlink(root / "demo" / WHEEL.filename)
    os.symlink(root.parent / "outside" / WHEEL.filename, root / "demo" / WHEEL.filename)
    assert asked(app, PATHS[0])[0][:3] == "404"


def test_a_loop_of_exchanges_shows_nothing_of_the_outside(root: Path) -> None:
    app, over = App(str(root)), threading.Event()

    def exchange() -> None:
        while not over.is_set():
            swap(root)
            swap_back(root)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        found = [asked(app, path) for _ in range(300) for path in PATHS[:5]]
    finally:
        over.set()
        thread.join()
    assert not [body for _, body in found if SECRET in body]
    assert {status[:3] for status, _ in found} <= {"200", "404", "503"}


def test_no_handle_is_left_open(root: Path) -> None:
    app = App(str(root))
    for path in (*PATHS, "/nothing/", "/nothing/x.whl", "/demo/nothing.whl", f"/demo/{WHEEL.filename}/x"):
        asked(app, path)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else pytest.skip("needs /proc")
    for path in ("/demo/", "/nothing/", "/nothing/x.whl", "/demo/nothing.whl", f"/demo/{WHEEL.filename}/x", "/demo"):
        asked(app, path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_stream_of_a_file_is_closed_by_the_server(root: Path) -> None:
    app = App(str(root))
    streams: list[io.BufferedReader] = []
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": PATHS[0], "SERVER_NAME": "mirror", "SERVER_PORT": "80",
                               "wsgi.file_wrapper": lambda stream, _: streams.append(stream) or [stream.read()]}
    assert b"".join(app(environ, lambda status, headers: None)) == WHEEL.content
    streams[0].close()
