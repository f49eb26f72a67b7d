"""Follows ``extends`` from a buildout file through all files that it builds on, in zc.buildout's order."""

import os
import posixpath
import re
from collections.abc import Callable
from typing import NamedTuple

from ..errors import FetchError, MirrorError
from ..names import shown
from .conditions import Undecided, holds
from .environments import Environment
from .sections import Block, Sections, merged, parse, sections
from .values import BadPins, public

#: Reads a path or URL; raises FetchError.
Read = Callable[[str], bytes]

#: More than this is a mistake, or an attack: files that extend the same files over and over.
MOST_FILES = 100
#: Of one file, bytes.
MOST_BYTES = 4 << 20

_SCHEME = re.compile(r"([a-zA-Z0-9+.-]+)://")


class Document(NamedTuple):
    """One file of a chain as it was read."""

    source: str
    content: bytes
    blocks: tuple[Block, ...]


class Chain:
    """A buildout file and what it extends, each file read once."""

    def __init__(self, root: str, read: Read):
        """root: path or URL. read: see Read."""
        self.root = root
        self._read = read
        #: By path or URL, in the form in which zc.buildout would ask for it.
        self.documents: dict[str, Document] = {}
        #: Lines about what was left out; a dict for its order.
        self.notes: dict[str, None] = {}
        #: Whether a condition was met that can't be decided.
        self.undecided = False

    def order(self, environment: Environment, otherwise: bool = False) -> list[tuple[Document, Sections]]:
        """Give the files with their sections, what is built on first. One that several files extend comes several times.

        otherwise: what a condition counts as that can't be decided. Raises FetchError, BadPins.
        """
        found: list[tuple[Document, Sections]] = []
        self._follow(self.root, (), environment, otherwise, found)
        return found

    def sections(self, environment: Environment, otherwise: bool = False) -> Sections:
        """Give what the chain comes to."""
        result: Sections = {}
        for _, found in self.order(environment, otherwise):
            result = merged(result, found)
        return result

    def _follow(self, source: str, above: tuple[str, ...], environment: Environment, otherwise: bool,
                found: list[tuple[Document, Sections]]) -> None:
        if _plain(source) in above:
            raise BadPins(f"{public(self.root)}: {public(source)} extends itself")
        if len(found) + len(above) >= MOST_FILES:
            raise BadPins(f"{public(self.root)}: its chain of extends has more than {MOST_FILES} files")
        document = self._document(source, above)
        own = sections(document.blocks, lambda block: self._holds(block, document, environment, otherwise))
        buildout = own.get("buildout", {})
        above = (*above, _plain(source))
        for name in buildout.pop("extends", "").split():
            self._follow(located(name, source), above, environment, otherwise, found)
        for name in buildout.pop("optional-extends", "").split():
            # zc.buildout takes paths only here.
            if _SCHEME.match(name) or _SCHEME.match(source) or not os.path.exists(located(name, source)):
                self.notes[f"{public(source)}: optional-extends {public(name)} is not there and left out"] = None
                continue
            self._follow(located(name, source), above, environment, otherwise, found)
        if "extends +" in buildout:
            self.notes[f"{public(source)}: 'extends +=' is not followed, nor does zc.buildout follow it"] = None
        found.append((document, own))

    def _document(self, source: str, above: tuple[str, ...]) -> Document:
        if source not in self.documents:
            try:
                content = self._read(source)
            except MirrorError as error:
                if not above:
                    raise
                raise BadPins(f"{public(self.root)}: extends what can't be had: {shown(str(error), 500)}") from error
            self.documents[source] = Document(source, content, parse(decoded(content, source), source))
        return self.documents[source]

    def _holds(self, block: Block, document: Document, environment: Environment, otherwise: bool) -> bool:
        try:
            return holds(block.condition, environment)
        except Undecided as error:
            self.undecided = True
            self.notes[f"{public(document.source)}, line {block.line}: the condition {shown(block.condition)!r} can't be"
                       f" decided ({error}); the section is counted both ways"] = None
            return otherwise


def located(name: str, including: str) -> str:
    """Give path or URL of a file that another one extends, spelled as zc.buildout spells it. Raises BadPins."""
    remote = _SCHEME.match(including)
    if scheme := _SCHEME.match(name):
        if scheme[1].lower() not in ("http", "https", "file"):
            raise BadPins(f"{public(including)}: extends {public(name)}: only http, https and file are followed")
        target = name
    elif os.path.isabs(name) or not remote:
        target = os.path.join(os.path.dirname(including), name)
    else:
        target = f"{including[:including.rfind('/')]}/{name}"
    # What comes from elsewhere must not make us read, and publish, files of this host or of its network.
    if remote and remote[1].lower() != "file" and not re.match(r"https?://", target, re.IGNORECASE):
        raise BadPins(f"{public(including)}: extends {shown(name)}: a file from the network can't extend a local one")
    check_host(including, target)
    return target


def check_host(including: str, target: str) -> None:
    """Raise BadPins for a URL that a pin file from a public host may not name."""
    if _SCHEME.match(including) and _SCHEME.match(target):
        from ..http import ssrf  # most pin files name no URL

        try:
            ssrf.check(including, target)
        except FetchError as error:
            raise BadPins(f"{public(including)}: names {public(target)}: {error.why}") from error


def _plain(source: str) -> str:
    """Give the form of a path or URL that tells whether two are one file."""
    scheme, separator, path = source.rpartition("://")
    return f"{scheme}{separator}{posixpath.normpath(path)}"


def decoded(content: bytes, source: str) -> str:
    """Give the text of a pin file. Raises BadPins for what is none, such as a login page."""
    if len(content) > MOST_BYTES:
        raise BadPins(f"{public(source)}: too large for a pin file: more than {MOST_BYTES >> 20} MB")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise BadPins(f"{public(source)}: a web page (HTML) instead of a pin file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadPins(f"{public(source)}, line {line}: not UTF-8 text") from error
    if "\0" in text:
        raise BadPins(f"{public(source)}: not text")
    return text
