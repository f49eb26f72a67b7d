"""Trees as older mirrors left them, laid out as z3c.pypimirror 1.0.16 and bandersnatch 6.8 do it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote

from support.upstream import Upstream, normal

#: What z3c.pypimirror's page of all projects begins with.
ROOT = "<html><head><title>PyPI Mirror</title></head><body><h1>PyPI Mirror</h1>"


def folders(root: Path, holds: dict[str, list[tuple[str, bytes]]], base: str = "http://old.example.com/index/") -> None:
    """Write a tree as z3c.pypimirror does: files under the name that their URL had, an MD5 beside each, pages."""
    for project, files in holds.items():
        folder = root / project
        folder.mkdir(parents=True)
        links = []
        for name, body in ((quote(filename), body) for filename, body in files):
            digest = hashlib.md5(body).hexdigest()
            (folder / name).write_bytes(body)
            (folder / f".{name}.md5").write_text(digest)
            links.append(f'<a href="{base}{project}/{name}#md5={digest}">{name}</a>')
        page = f"<html><head><title>{project} &ndash; PyPI Mirror</title></head><body>{'<br />'.join(links)}</body></html>"
        (folder / "index.html").write_text(page)
    (root / "index.html").write_text(ROOT + "".join(f'<a href="{project}/">{project}</a><br />' for project in holds))
    (root / "full.html").write_text("<html><head><title>PyPI Mirror</title></head><body></body></html>")
    (root / "pypi-poll-access.lock").write_text("1")


def packages(root: Path, holds: dict[str, list[tuple[str, bytes]]], by_letter: bool = False) -> None:
    """Write a tree as bandersnatch does: files under their BLAKE2 hash, pages that link to them."""
    for project, files in holds.items():
        name = normal(project)
        folder = root / "web/simple" / (name[0] if by_letter else "") / name
        folder.mkdir(parents=True)
        links = []
        for filename, body in files:
            path = package(filename, body)
            (root / "web" / path).parent.mkdir(parents=True)
            (root / "web" / path).write_bytes(body)
            up = "../../.." if by_letter else "../.."
            links.append(f'<a href="{up}/{path}#sha256={hashlib.sha256(body).hexdigest()}">{filename}</a><br/>')
        (folder / "index.html").write_text(
            '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0">'
            f"<title>Links for {project}</title></head><body>{''.join(links)}</body></html>")
    (root / "status").write_text("1")


def package(filename: str, body: bytes) -> str:
    """Give the path of a file as PyPI and bandersnatch have it."""
    digest = hashlib.blake2b(body, digest_size=32).hexdigest()
    return f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{filename}"


def offer(upstream: Upstream, holds: dict[str, list[tuple[str, bytes]]], *without: str) -> None:
    """Add all of it to an upstream, certain files and projects left out."""
    for project, files in holds.items():
        if project not in without:
            upstream.add(project, *[(filename, body) for filename, body in files if filename not in without])


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    """Give content and time of change of all files of a tree, by path."""
    found = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}
