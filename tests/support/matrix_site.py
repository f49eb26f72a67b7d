"""A mirror behind one of the servers of the matrix."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pypimirror.clients.files import index_url
from support import object_store, servers, wheelhouse
from support.mirror import Mirrored
from support.upstream import Upstream


class Site(NamedTuple):
    """A served mirror."""

    mirrored: Mirrored
    #: The URL of the index.
    index: str
    #: Ends the server.
    close: Callable[[], None]


@contextlib.contextmanager
def served(server: str, folder: Path, fill: Callable[[Upstream], None], **settings: Any) -> Iterator[Site]:
    """Fill a mirror and serve it. fill: adds projects to its upstream. settings: others than the defaults, of both."""
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(Upstream())
        fill(upstream)
        # A place that the web servers' own users may enter.
        public = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pypimirror-")))
        public.chmod(0o755)
        running = stack.enter_context(contextlib.ExitStack())
        mirrored: Mirrored
        if server == "bucket":
            (folder / "store").mkdir()
            store = stack.enter_context(object_store.started(folder / "store"))
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            for name, value in store.environ.items():
                patch.setenv(name, value)
            mirrored = object_store.MirroredInBucket(public / "mirror", upstream.url, store)
            address = running.enter_context(front(store, mirrored, folder))
            mirrored.settings |= {"base_url": address, **settings}
            assert mirrored.run("sync") == 0
        else:
            # Clients use /simple/, which a bare server has as a folder.
            mirrored = Mirrored(public / ("simple" if server == "bare" else "mirror"), upstream.url)
            mirrored.settings |= settings
            assert mirrored.run("sync") == 0
            start = servers.bare_python(public, folder / "log") if server == "bare" else \
                getattr(servers, server)(mirrored.root, folder / "log", **settings)
            address = running.enter_context(start)
            mirrored.settings["base_url"] = address
        place = str(mirrored.settings["mirror_file_path"])
        yield Site(mirrored, index_url({"mirror_file_path": place, "base_url": address}), running.close)


@contextlib.contextmanager
def front(store: object_store.Store, mirrored: object_store.MirroredInBucket, folder: Path) -> Iterator[str]:
    """Run the nginx of docs/object-stores.rst before a bucket that anybody may read."""
    docs, place = wheelhouse.CHECKOUT / "docs", f"{mirrored.bucket}/{object_store.PREFIX}"
    policy = (docs / "bucket-policy.json").read_text().replace("pypi-example/pypi", place)
    store.client.put_bucket_policy(Bucket=mirrored.bucket, Policy=policy)
    address = f"http://127.0.0.1:{servers.free_port()}"
    text = (docs / "bucket-nginx.conf").read_text().replace("http://s3.example.com:9000", store.endpoint)
    text = text.replace("pypi-example/pypi", place).replace("127.0.0.1:8080", address.removeprefix("http://"))
    (folder / "nginx").mkdir()
    with servers.nginx_with(text, address, folder / "nginx" / "log"):
        yield address
