"""Projects as bytes."""

from __future__ import annotations

import zlib

import pytest

from mirrored import Mirrored
from pypimirror.model import File, Project, Stored
from pypimirror.state import records
from pypimirror.state.database import State
from upstream import Upstream, wheel


def test_a_project_comes_back_as_it_was() -> None:
    file = File("one-1.zip", "http://pypi.example.com/one-1.zip", {"sha256": "a" * 64}, 5, yanked="why", core_metadata=True,
                extra={"new": [1]}, listed=False, stored=Stored("a" * 64, 5, "b" * 64, shown=True))
    project = Project("one", (file,), "One", serial="7", etag='"e"', status={"status": "archived"}, pages=("one/index.html",))
    assert records.decode(records.encode(project)) == project


@pytest.mark.parametrize("record", [b"", b"junk", zlib.compress(b"[]"), zlib.compress(b"{}"), zlib.compress(b"\xff"),
                                    zlib.compress(b'{"name": "one", "files": [{"nonsense": 1}]}')])
def test_what_is_no_record_is_told(record: bytes) -> None:
    with pytest.raises(records.BadRecord, match="verify --repair"):
        records.decode(record)


def test_a_sync_that_meets_one_ends_with_one_line(
        mirrored: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    state = State(str(mirrored.root / ".pypimirror"))
    state.open()
    state._db.execute("UPDATE records SET record = ?", (b"junk",))
    state.close()
    upstream.add("one", wheel("one", "2"))
    capsys.readouterr()
    assert mirrored.run("sync") == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert mirrored.run("verify", "--repair") == 0
    assert mirrored.run("sync") == 0
    assert len(mirrored.files("one")) == 2
