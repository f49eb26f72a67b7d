"""A glance at an archive gives what the library gives, or nothing; and never fails."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypimirror.metadata import zips
from pypimirror.metadata.errors import InvalidContent

_ENDING = b".dist-info/METADATA"
_MOST = 1 << 20


def archive(names: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as packed:
        for name, content in names.items():
            packed.writestr(name, content)
        packed.comment = comment
    return stream.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("others", [0, 3, 300])
@pytest.mark.parametrize("comment", [b"", b"made by hand"])
def test_a_glance_finds_what_the_library_finds(method: int, others: int, comment: bytes) -> None:
    content = b"Metadata-Version: 2.1\nName: demo\n" * 40
    names = {f"demo/{number}.py": b"pass\n" * number for number in range(others)}
    body = archive({"demo-1.dist-info/METADATA": content, **names, "demo-1.dist-info/RECORD": b"x,y,z\n"}, method, comment)
    assert zips.find_last(body, _ENDING, _MOST) == content


@pytest.mark.parametrize("names", [{}, {"demo.py": b"pass\n"}, {"demo-1.dist-info/METADATA.txt": b"no"}, {"METADATA": b"no"}])
def test_a_glance_gives_nothing_where_there_is_none(names: dict[str, bytes]) -> None:
    assert zips.find_last(archive(names), _ENDING, _MOST) is None


def test_a_glance_gives_nothing_that_is_longer_than_allowed() -> None:
    body = archive({"demo-1.dist-info/METADATA": b"x" * 5000})
    assert zips.find_last(body, _ENDING, 4999) is None
    lying = body.replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != body
    assert len(zips.find_last(lying, _ENDING, 4999) or b"") <= 4999


@given(st.binary(max_size=60), st.integers(0, 200), st.binary(max_size=12))
def test_a_glance_at_anything_else_gives_bytes_or_nothing(head: bytes, place: int, change: bytes) -> None:
    body = archive({"demo-1.dist-info/METADATA": b"Name: demo\n" * 3})
    damaged = head + body[:place] + change + body[place + len(change):]
    for one in (damaged, damaged[:-place or None], head + _ENDING + change + b"PK\5\6" + head):
        found = zips.find_last(one, _ENDING, _MOST)
        assert found is None or isinstance(found, bytes)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_that_ends_before_its_size_in_the_directory_is_damaged(method: int) -> None:
    """The library accepts it, since its checksum fits."""
    body = archive({"demo-1.dist-info/METADATA": b"x" * 5000}, method)
    directory = body.rindex(b"PK\1\2")
    lying = body[:directory] + body[directory:].replace((5000).to_bytes(4, "little"), (6000).to_bytes(4, "little"))
    for archived, size in ((body, 5000), (lying, None)):
        reader = zips.ZipReader(io.BytesIO(archived))
        if size is not None:
            assert len(reader.read(reader.entries[0])) == size
        else:
            with pytest.raises(InvalidContent):
                reader.read(reader.entries[0])
