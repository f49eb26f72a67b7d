"""Writes pin files into a directory laid out as zc.buildout's ``extends-cache``.

zc.buildout names files by the MD5 of the URL (``zc/buildout/download.py``, the same in 3.1, 4.1, 5 and 6). It uses a file when
it is offline, and when the download fails.
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
    """Write the documents from URLs, each atomically and only if it differs. Other files stay.

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
    """Return a buildout file without sections with an unsupported condition, which zc.buildout would run as Python.

    The text is rewritten from the parsed file, so that zc.buildout finds no header that this parser does not.
    """
    blocks = ((block, written(block.condition) if block.condition else "") for block in parse(decoded(content, url), url))
    return "".join(text for block, condition in blocks if condition is not None
                   for text in _lines(block, condition)).encode()


def _lines(block: Block, condition: str) -> Iterator[str]:
    yield f"[{block.section}:{condition}]\n" if condition else f"[{block.section}]\n"
    for option in block.options:
        # No space in ``+=``: zc.buildout would not take it for an operator. Continuation lines have to be indented.
        first, *more = option.value.split("\n")
        yield f"{option.name} {option.operator}= {first}".rstrip() + "\n"
        yield from (f"    {line}\n" if line else "\n" for line in more)


def _read(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None
