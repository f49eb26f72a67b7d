"""Writes pin files into a directory laid out as zc.buildout's ``extends-cache``.

zc.buildout looks for a file named by the MD5 of the URL, spelled as it composes it (``zc/buildout/download.py``, the same in
3.1, 4.1, 5 and 6). It takes that file when it is offline, and when the URL can't be had.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .. import atomic_file
from ..errors import StorageError
from .conditions import written
from .extends_chain import decoded
from .sections import Block, parse


def write_extends_cache(directory: str, documents: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write what was read from URLs, each file whole and only if it differs; what else lies there stays.

    documents: content by URL as in ``PinFile.documents``; paths are left out.
    Returns the names of the files written. Raises StorageError.
    """
    written: list[str] = []
    try:
        os.makedirs(directory, exist_ok=True)
        for url, content in documents.items():
            if not re.match(r"https?://", url, re.IGNORECASE):
                continue
            content = rewritten(content, url)
            name = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
            if _read(os.path.join(directory, name)) != content:
                atomic_file.replace(os.path.join(directory, name), content, 0o644)  # other users' buildouts read it
                written.append(name)
    except OSError as error:
        raise StorageError(f"extends_cache: {directory}: {error.strerror or error}") from error
    return tuple(written)


def rewritten(content: bytes, url: str) -> bytes:
    """Return a file as zc.buildout reads it, without sections whose condition is not understood: it would run these as Python.

    Written anew from what was read, so that no other reader finds a header where this one saw none.
    """
    blocks = ((block, written(block.condition) if block.condition else "") for block in parse(decoded(content, url), url))
    return "".join(text for block, condition in blocks if condition is not None
                   for text in _lines(block, condition)).encode()


def _lines(block: Block, condition: str) -> Iterator[str]:
    yield f"[{block.section}:{condition}]\n" if condition else f"[{block.section}]\n"
    for option in block.options:
        name = f"{option.name} {option.operator}".rstrip()
        # A line of its own, and so every one that follows, stays part of the value only if it is indented.
        first, *more = option.value.split("\n")
        yield f"{name} = {first}".rstrip() + "\n"
        yield from (f"    {line}\n" if line else "\n" for line in more)


def _read(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None
