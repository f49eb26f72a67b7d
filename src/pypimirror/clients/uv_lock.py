"""Rewrites uv.lock, so that uv installs the same files from the mirror alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ..errors import ConfigurationError
from ..metadata.bounded_toml import loads
from ..names import is_distribution, is_project, normalize, shown

#: Begins each package in the order that uv writes.
_PACKAGE = re.compile(r"^(?=\[\[package\]\]$)", re.MULTILINE)
_NAME = re.compile(r'^name = "([^"\\]+)"$', re.MULTILINE)
_FROM_INDEX = re.compile(r"^source = \{ registry = ", re.MULTILINE)
_REGISTRY = re.compile(r'(\{ registry = )"(?:[^"\\]|\\.)*"')
#: One file per line, as uv writes them. Files of an index that is a directory have paths instead of URLs.
_FILE = re.compile(r'^(sdist = |    )\{ (?:url|path) = "((?:[^"\\]|\\.)*)"(.*)\n', re.MULTILINE)


class RewrittenLock(NamedTuple):
    """A lock file for the mirror."""

    text: str
    #: ``name==version`` of packages of which the mirror has no file.
    missing: tuple[str, ...]


def rewrite_uv_lock(text: str, where: str, index: str, has: Callable[[str, str], bool]) -> RewrittenLock:
    """Replace the index and the URLs of the files; leave out files that the mirror does not have.

    uv compares the index with the configured one as text: with ``--locked`` both need the same spelling.

    Args:
        where: path of the lock file, for messages.
        index: URL of the mirror with a trailing slash, as in the file of ``client uv``.
        has: returns whether the mirror has a file. Takes the normalised name of the project and the name of the file.

    Raises ConfigurationError for another file.
    """
    try:
        data = loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{where}: {shown(str(error))}") from error
    packages = data.get("package")
    head, *blocks = _PACKAGE.split(text)
    if not isinstance(data.get("version"), int) or not isinstance(packages, list) or len(packages) != len(blocks):
        raise ConfigurationError(f"{where}: not a uv.lock as uv writes it")
    missing: list[str] = []
    for number, block in enumerate(blocks):
        found = _NAME.search(block)
        if _FROM_INDEX.search(block) and found and is_project(normalize(found[1])):
            blocks[number] = _rewrite_package(block, normalize(found[1]), index, has)
            if _FILE.search(block) and not _FILE.search(blocks[number]):
                missing.append(f"{normalize(found[1])}=={packages[number].get('version')}")
    registry = json.dumps(index)
    return RewrittenLock(_REGISTRY.sub(lambda match: match[1] + registry, head + "".join(blocks)), tuple(missing))


def _rewrite_package(block: str, name: str, index: str, has: Callable[[str, str], bool]) -> str:
    """Return the block of a package with the URLs of the mirror, without the files that it does not have."""

    def replaced(match: re.Match[str]) -> str:
        filename = unquote(urlsplit(match[2]).path.replace("\\\\", "/").rpartition("/")[2])
        if not is_distribution(filename) or not has(name, filename):
            return ""
        return f"{match[1]}{{ url = {json.dumps(f'{index}{name}/{quote(filename)}')}{match[3]}\n"

    return _FILE.sub(replaced, block)
