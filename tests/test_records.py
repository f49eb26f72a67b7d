"""Projects as bytes."""

from __future__ import annotations

import zlib

import pytest

from pypimirror.model import File, Project, Stored
from pypimirror.state import records


def test_a_project_comes_back_as_it_was() -> None:
    file = File("one-1.zip", "http://pypi.example.com/one-1.zip", {"sha256": "a" * 64}, 5, yanked="why", core_metadata=True,
                extra={"new": [1]}, listed=False, stored=Stored("a" * 64, 5, "b" * 64, published=True))
    project = Project("one", (file,), "One", serial="7", etag='"e"', status={"status": "archived"}, pages=("one/index.html",),
                      url="http://pypi.example.com/simple/one/", links=("http://one.example.com/",), damaged=("one-0.zip",))
    assert records.decode(records.encode(project)) == project


@pytest.mark.parametrize("record", [b"", b"junk", zlib.compress(b"[]"), zlib.compress(b"{}"), zlib.compress(b"\xff"),
                                    zlib.compress(b'{"name": "one", "files": [{"nonsense": 1}]}'),
                                    zlib.compress(b'{"name": "one", "files": ["one-1.zip"]}'),
                                    *(zlib.compress(b'{"name": "one", "files": [], "%s": %s}' % (key, value))
                                      for key in (b"pages", b"damaged", b"links") for value in (b"5", b"[5]", b"[[]]")),
                                    zlib.compress(b'{"name": "one", "files": [], "url": 5}')])
def test_what_is_no_record_is_told(record: bytes) -> None:
    with pytest.raises(records.BadRecord, match=r"unreadable record .*; sync rebuilds it"):
        records.decode(record)


def test_a_file_of_which_only_the_name_is_known_comes_back() -> None:
    project = Project("one", (File("one-1.zip", ""),))
    assert records.decode(records.encode(project)) == project


def test_a_record_with_the_names_of_values_is_read() -> None:
    record = zlib.compress(b'{"name": "one", "files": [{"filename": "one-1.zip", "size": 5, "stored": ["ab", 5, null, true]}]}')
    assert records.decode(record) == Project("one", (File("one-1.zip", "", size=5, stored=Stored("ab", 5, published=True)),))


def test_a_remembered_project_is_decoded_once_without_its_record() -> None:
    project = Project("one", (File("one-1.zip", ""),))
    record = records.encode(project)
    records.remember(project, record)
    assert records.decode(record) is project
    decoded = records.decode(record)
    assert decoded == project
    assert decoded is not project


def test_few_and_small_projects_are_remembered() -> None:
    files = (File(f"large-{number}.zip", "", {"sha256": f"{number ** 40:064x}"[:64]}) for number in range(999))
    large = Project("large", tuple(files))
    record = records.encode(large)
    records.remember(large, record)
    assert records.decode(record) is not large
    many = [(one, records.encode(one)) for one in (Project(f"one{number}") for number in range(300))]
    for one, record in many:
        records.remember(one, record)
    assert records.decode(many[0][1]) is not many[0][0]
    assert records.decode(many[-1][1]) is many[-1][0]
    for _, record in many:
        records.decode(record)
