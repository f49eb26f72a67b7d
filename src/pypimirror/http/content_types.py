"""Content types and caching headers of the files of the tree, for the built-in server and object stores."""

from __future__ import annotations

import os

from ..names import BESIDE, SUFFIXES, VARIANTS

#: The JSON form of the Simple API (PEP 691).
JSON = "application/vnd.pypi.simple.v1+json"
#: Attestations at the path of PyPI's Integrity API (PEP 740).
INTEGRITY = "application/vnd.pypi.integrity.v1+json"
PLAIN = "text/plain; charset=utf-8"
#: Caches may keep a page as long as those of PyPI, in seconds: a quarantined project must disappear soon.
PAGE_CACHE = "public, max-age=600"
#: For mirrors of an index that may replace a file under its name: caches revalidate pages and files before each use. Pages,
#: too: a page in pip's cache would have the hash of the old file.
REVALIDATED = "public, max-age=0, must-revalidate"
#: For mirrors of an index whose files never change under their names.
FINAL_FILE_CACHE = "public, max-age=31536000, immutable"
#: Lets web pages of any origin read an answer.
CROSS_ORIGIN = ("Access-Control-Allow-Origin", "*")
#: By the ending of the name. All others, distributions above all, are plain bytes that nothing on the way may unpack.
_TYPES = {".html": "text/html; charset=utf-8", ".v1_json": JSON, ".json": "application/json",
          ".provenance": "application/json", ".css": "text/css; charset=utf-8",
          ".js": "text/javascript; charset=utf-8", ".cfg": PLAIN, ".txt": PLAIN, ".toml": PLAIN}


def content_type(name: str) -> str:
    """Return the content type of a file of the tree."""
    kind = _TYPES.get(os.path.splitext(name)[1])
    # PyPI's older JSON has the path pypi/<name>/json, without a suffix.
    return kind or (_TYPES[".json"] if name.endswith("/json") else "application/octet-stream")


def page_cache(final: bool) -> str:
    """Return the ``Cache-Control`` of pages. final: whether upstream never replaces a distribution file."""
    return PAGE_CACHE if final else REVALIDATED


def file_cache(final: bool) -> str:
    """Return the ``Cache-Control`` of distribution files. final: as for pages."""
    return FINAL_FILE_CACHE if final else REVALIDATED


def cache_control(name: str, final: bool) -> str:
    """Return the ``Cache-Control`` of a file of the tree. final: whether upstream never replaces a distribution file."""
    # The description of a release's variants changes when wheels are added to the release (draft of PEP 825).
    is_file = name.endswith((*SUFFIXES, *BESIDE)) and not name.endswith(VARIANTS)
    return file_cache(final) if is_file else page_cache(final)
