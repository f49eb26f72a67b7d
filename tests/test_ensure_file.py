"""One file and what the mirror has of it, as a table: how it gets there, what is requested for it, and what is there then."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from pypimirror.mirror import Mirror
from pypimirror.model import File, Stored
from pypimirror.sync.ensure_file import WAITING, ensure_file
from pypimirror.zcml.plugins import read
from support.mirror import Mirrored
from support.upstream import Upstream, sdist

NAME, BODY = sdist("one", "1.0")
PATH, URL = f"one/{NAME}", f"/files/one/{NAME}"
OTHER = b"x" * len(BODY)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


GOOD, BAD = Stored(sha256(BODY), len(BODY), published=True), Stored(sha256(OTHER), len(OTHER), published=True)


class Case(NamedTuple):
    """What is there before, and what comes of it."""

    how: str
    #: At the file's path, and in the trash.
    here: bytes | None = None
    trashed: bytes | None = None
    stored: Stored | None = None
    answer: Any = None
    offline: bool = False
    is_requested: bool = False
    #: At the file's path afterwards.
    then: bytes | None = BODY


CASES = {
    "nothing": Case("fetched", is_requested=True),
    "the file and its record": Case("kept", here=BODY, stored=GOOD),
    "the file without a record": Case("found", here=BODY),
    "other content without a record": Case("fetched", here=OTHER, is_requested=True),
    "part of the file and its record": Case("fetched", here=BODY[:9], stored=GOOD, is_requested=True),
    "a record alone": Case("fetched", stored=GOOD, is_requested=True),
    "the file in the trash": Case("restored", trashed=BODY),
    "other content in the trash": Case("fetched", trashed=OTHER, is_requested=True),
    # Pages may link to it until the next sweep.
    "a published file that upstream replaced": Case("waits", here=OTHER, stored=BAD, is_requested=True, then=OTHER),
    "offline, nothing": Case("not found", offline=True, then=None),
    "offline, the file": Case("found", here=BODY, offline=True),
    "offline, in the trash": Case("restored", trashed=BODY, offline=True),
    "404": Case("not found", answer=(404, {}, b""), is_requested=True, then=None),
    "410": Case("not found", answer=(410, {}, b""), is_requested=True, then=None),
    "500": Case("failed", answer=(500, {}, b""), is_requested=True, then=None),
    "another body of the same size": Case("invalid", answer=(200, {}, OTHER), is_requested=True, then=None),
    "half a body": Case("failed", answer=(200, {}, BODY[:99]), is_requested=True, then=None),
}


@pytest.fixture
def mirror(mirrored: Mirrored) -> Iterator[Mirror]:
    made = Mirror(read(mirrored.write(), {}))
    made.storage.prepare()
    yield made
    made.close()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_file_gets_to_its_place(mirror: Mirror, mirrored: Mirrored, upstream: Upstream, case: Case) -> None:
    upstream.add("one", (NAME, BODY))
    if case.answer is not None:
        upstream.answers[URL] = case.answer
    place = mirrored.root / PATH
    place.parent.mkdir(parents=True)
    if case.trashed is not None:
        place.write_bytes(case.trashed)
        mirror.trash.put("one", NAME)
    if case.here is not None:
        place.write_bytes(case.here)
    file = File(NAME, f"{upstream.host}{URL}", {"sha256": sha256(BODY)}, len(BODY), "2020-01-01T00:00:00Z", stored=case.stored)

    result = ensure_file(mirror, "one", file, case.offline)

    assert result.how == case.how, result
    assert (result.error is None) == (case.answer is None)
    assert bool(upstream.asked()) == case.is_requested
    assert (place.read_bytes() if place.exists() else None) == case.then
    if case.then == BODY:
        assert result.file.stored is not None
        assert (result.file.stored.sha256, result.file.stored.size) == (sha256(BODY), len(BODY))
    elif case.how == "waits":
        assert [path.read_bytes() for path in mirrored.root.glob(f"{WAITING}*")] == [BODY]
    else:
        assert result.file.stored is None
        assert list((mirrored.root / ".pypimirror/tmp").iterdir()) == []
