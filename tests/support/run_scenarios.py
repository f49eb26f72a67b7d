"""Runs of three kinds against an upstream that changes, with what each comes to: for tests that disturb such runs."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

NAMES = [f"Some.Project{number:02}" for number in range(30)]
#: What upstream is made of; a state of the world is a copy of it.
_HOLDS = ("projects", "displays", "serial", "project_serials", "statuses")
_SERIAL = re.compile(rb'(?<=<!--SERIAL )\d+|(?<="_last-serial":)\d+')


class Busy(Upstream):
    """An upstream that takes its time, so that a run has instants to be disturbed at."""

    def respond(self, path: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.002)
        return super().respond(path, headers)

    def __init__(self) -> None:
        super().__init__()
        self._server.handle_error = lambda request, address: None  # runs that are killed hang up

    def quiet(self) -> None:
        """Wait until all that was asked for has been noted: what a run that was killed has sent comes after its end."""
        while any(thread.name.endswith("(process_request_thread)") for thread in threading.enumerate()):
            time.sleep(0.001)

    def world(self) -> dict[str, Any]:
        """Give all it holds."""
        return {name: copy.deepcopy(getattr(self, name)) for name in _HOLDS}

    def become(self, world: dict[str, Any]) -> None:
        """Hold what it held when ``world`` was called."""
        self.__dict__.update(copy.deepcopy(world))


class Kind(NamedTuple):
    """One kind of run: what upstream holds, the mirror that it begins with, and what comes of it undisturbed."""

    world: dict[str, Any]
    before: Path | None
    after: dict[str, bytes]
    own: set[str]
    requests: int
    #: Seconds from the first request to the end.
    duration: float


def populate(upstream: Upstream) -> None:
    for name in NAMES:
        body = "# long\n" * (20000 if name.endswith("7") else 1)
        upstream.add(name, wheel(name, "1.0", body=body), sdist(name, "1.0", name), wheel(name, "2.0"))


def update(upstream: Upstream) -> None:
    """New files and projects, yanked ones, and files of other content under the names of old ones."""
    for name in NAMES[:12]:
        upstream.add(name, wheel(name, "3.0"), sdist(name, "3.0", name))
    for name in NAMES[8:14]:
        upstream.add(name, wheel(name, "1.0", body="other = 1\n"), yanked="broken")
    for name in NAMES[13:16]:
        upstream.remove(name, sdist(name, "1.0", name)[0])
    for name in ("New.One", "two", "three"):
        upstream.add(name, wheel(name, "1.0"), sdist(name, "1.0", name))


def removal(upstream: Upstream) -> None:
    """Projects and files go, two projects are quarantined, one comes back with other files."""
    for name in NAMES[:10]:
        upstream.remove(name)
    for name in NAMES[10:20]:
        upstream.remove(name, wheel(name, "2.0")[0])
    for name in NAMES[20:22]:
        upstream.statuses[name.lower().replace(".", "-")] = {"status": "quarantined"}
        upstream.touch(name)
    upstream.add(NAMES[0], sdist(NAMES[0], "9.0"))


def undisturbed(busy: Busy, folder: Callable[[str], Path]) -> dict[str, Kind]:
    """Make a run of each kind, one after another. folder: gives a new folder by a name."""
    found = {}
    before = None
    for name, change in (("initial", populate), ("update", update), ("removal", removal)):
        change(busy)
        mirrored = made(folder(name), busy, before)
        busy.asked()
        process = started(mirrored)
        first = since_first_request(process, busy)
        assert process.wait() == 0
        duration = time.monotonic() - first
        assert not mirrored.untrue()
        found[name] = Kind(busy.world(), before, leveled(mirrored), own(mirrored), len(busy.asked()), duration)
        before = mirrored.root
    return found


def made(folder: Path, upstream: Upstream, before: Path | None) -> Mirrored:
    mirrored = Mirrored(folder / "mirror", upstream.url)
    mirrored.settings |= {"workers": 4, "min_free": 0}
    if before is not None:
        shutil.copytree(before, mirrored.root)
    return mirrored


def started(mirrored: Mirrored) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "pypimirror", mirrored.write(), "-U", "--allow-deletions"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def since_first_request(process: subprocess.Popen[bytes], upstream: Upstream) -> float:
    while not upstream.requests and process.poll() is None:
        time.sleep(0.001)
    return time.monotonic()


def leveled(mirrored: Mirrored) -> dict[str, bytes]:
    """Give the tree, our serials apart."""
    tree = mirrored.tree()
    return {path: _SERIAL.sub(b"0", body) if path.endswith(("html", "json")) else body for path, body in tree.items()}


def own(mirrored: Mirrored) -> set[str]:
    """Give what there is of ours but the log: a temporary file would be among it."""
    folder = mirrored.root / ".pypimirror"
    return {re.sub(r"\d{4}-\d\d-\d\d", "DAY", str(path.relative_to(folder))) for path in folder.rglob("*")
            if path.name != "pypimirror.log"}


def in_place(mirrored: Mirrored, upstream: Upstream) -> set[str]:
    """Give the paths under which upstream offers what lies in its place here already."""
    found = set()
    for name, project in upstream.projects.items():
        for served in project.values():
            for ending, body in (("", served.body), (".metadata", served.metadata)):
                path = mirrored.root / name / (served.filename + ending)
                if body is not None and path.is_file() and path.read_bytes() == body:
                    found.add(f"/files/{name}/{served.filename}{ending}")
    return found


def gone_on(mirrored: Mirrored, upstream: Upstream, kind: Kind, torn: bool = False) -> None:
    """Show that the next run ends where the one that was cut off would have, downloads nothing twice and leaves no litter.

    torn: whether there may have been files that were not whole; these wait in the trash then, beside what belongs there.
    """
    here = in_place(mirrored, upstream)
    upstream.asked()
    assert mirrored.run("-U", "--allow-deletions") == 0
    asked = upstream.asked()
    assert mirrored.untrue() == []
    assert leveled(mirrored) == kind.after
    assert own(mirrored) >= kind.own
    over = sorted(own(mirrored) - kind.own)
    assert [path for path in over if not (torn and path.startswith("trash"))] == []
    assert here.isdisjoint(asked)
    assert len([path for path in asked if path.startswith("/files/")]) == len({p for p in asked if p.startswith("/files/")})
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]
