"""Follows ``extends`` from a buildout file through all extended files, in zc.buildout's order."""

import os
import posixpath
import re
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import FetchError
from ..names import shown
from .conditions import Undecided, Varies, holds
from .environments import Environment
from .included_files import IncludedFiles, Read
from .model import InvalidPins, redact
from .sections import Block, Section, Sections, merge, parse, sections

#: Visits to files in one environment, and options read by them: limits for files that extend the same files over and over.
MAX_VISITS = 20_000
MAX_OPTIONS = 4_000_000
#: Bytes of one file.
MAX_BYTES = 4 << 20

_SCHEME = re.compile(r"([a-zA-Z0-9+.-]+)://")


class Document(NamedTuple):
    """One file of a chain."""

    source: str
    content: bytes
    blocks: tuple[Block, ...]


class Variant(NamedTuple):
    """A chain in one environment."""

    #: The files with their sections, extended files first. A file that several files extend is listed several times.
    files: tuple[tuple[Document, Sections], ...]
    #: Values of conditions; None if unknown.
    decisions: Mapping[str, bool | None]
    #: Blocks whose condition is unknown.
    undecided: tuple[Block, ...]


class Chain:
    """A buildout file and the files that it extends, each read once."""

    def __init__(self, root: str, read: Read):
        """root: path or URL. read: see Read."""
        self.root = root
        self._files = IncludedFiles(root, read, "extends")
        #: By path or URL, spelled as zc.buildout spells it.
        self.documents: dict[str, Document] = {}
        #: By real path or normal URL.
        self._known: dict[str, Document] = {}
        #: Messages about parts that are left out; a dict keeps the order.
        self.notes: dict[str, None] = {}
        self._variants: dict[bool, list[Variant]] = {False: [], True: []}
        self._sections: dict[int, Sections] = {}

    def variant(self, environment: Environment, otherwise: bool = False) -> Variant:
        """Return the chain in an environment: the same object for all environments with the same values of all conditions.

        otherwise: the value of conditions that are unknown. Raises FetchError, InvalidPins.
        """
        for known in self._variants[otherwise]:
            if all(decision(condition, environment) is value for condition, value in known.decisions.items()):
                return known
        found = self._follow(environment, otherwise)
        self._variants[otherwise].append(found)
        return found

    def sections(self, environment: Environment, otherwise: bool = False) -> Sections:
        """Return the merged sections of the chain: the same object for the same variant. Callers must not change it."""
        variant = self.variant(environment, otherwise)
        if id(variant) not in self._sections:
            result: Sections = {}
            for _, found in variant.files:
                merge(result, found)
            self._sections[id(variant)] = result
        return self._sections[id(variant)]

    def _follow(self, environment: Environment, otherwise: bool) -> Variant:
        """Traverse the chain without recursion, so that only the number of files limits its depth."""
        found: list[tuple[Document, Sections]] = []
        decisions: dict[str, bool | None] = {}
        undecided: dict[Block, None] = {}
        above: dict[str, None] = {}
        own: dict[str, tuple[str, Sections, list[str]]] = {}
        visits = options = 0
        #: Stack of files to visit, and of files whose sections come after those of the files that they extend.
        steps: list[tuple[str] | tuple[str, Document, Sections]] = [(self.root,)]
        while steps:
            step = steps.pop()
            if len(step) == 3:
                del above[step[0]]
                found.append(step[1:])
                continue
            source, visits = step[0], visits + 1
            identity = identified(source)
            if identity in above:
                raise InvalidPins(f"{redact(self.root)}: {redact(source)} extends itself")
            document = self._load_document(source, identity, not above)
            options += sum(len(block.options) for block in document.blocks)
            if visits > MAX_VISITS or options > MAX_OPTIONS:
                raise InvalidPins(f"{redact(self.root)}: its files extend the same files over and over")

            def decide(block: Block, document: Document = document) -> bool:
                decided = decisions[block.condition] = decision(block.condition, environment)
                if decided is None:
                    undecided[block] = None
                    self._note(block, document, environment)
                    return otherwise
                return decided

            if identity not in own or own[identity][0] != source:
                found_here = sections(document.blocks, decide)
                own[identity] = source, found_here, self._take_extends(source, found_here.get("buildout", {}))
            above[identity] = None
            steps.append((identity, document, own[identity][1]))
            steps.extend((name,) for name in reversed(own[identity][2]))
        return Variant(tuple(found), decisions, tuple(undecided))

    def _take_extends(self, source: str, buildout: Section) -> list[str]:
        """Return the files that a file extends, and remove the options with their names from its section."""
        names = [located(name, source) for name in buildout.pop("extends", "").split()]
        for name in buildout.pop("optional-extends", "").split():
            # zc.buildout supports only paths here.
            if _SCHEME.match(name) or _SCHEME.match(source) or not os.path.exists(located(name, source)):
                self.notes[f"{redact(source)}: optional-extends {redact(name)} does not exist and is left out"] = None
            else:
                names.append(located(name, source))
        if "extends +" in buildout:
            self.notes[f"{redact(source)}: 'extends +=' is not followed; zc.buildout ignores it, too"] = None
        return names

    def _load_document(self, source: str, identity: str, is_root: bool) -> Document:
        if source not in self.documents:
            known = self._known.get(identity)
            self.documents[source] = known._replace(source=source) if known is not None else self._read_file(source, is_root)
            self._known.setdefault(identity, self.documents[source])
        return self.documents[source]

    def _read_file(self, source: str, is_root: bool) -> Document:
        content = self._files.read(source, is_root)
        return Document(source, content, parse(decoded(content, source), source))

    def _note(self, block: Block, document: Document, environment: Environment) -> None:
        try:
            holds(block.condition, environment)
        except Varies:
            return
        except Undecided as error:
            self.notes[f"{redact(document.source)}, line {block.line}: the condition {shown(block.condition)!r} can't be"
                       f" decided ({shown(str(error))}); pins with and without the section count"] = None


def decision(condition: str, environment: Environment) -> bool | None:
    """Return whether a condition holds; None if that is unknown."""
    try:
        return holds(condition, environment)
    except Undecided:
        return None


def located(name: str, including: str) -> str:
    """Return the path or URL of an extended file, spelled as zc.buildout spells it. Raises InvalidPins."""
    remote = _SCHEME.match(including)
    if scheme := _SCHEME.match(name):
        if scheme[1].lower() not in ("http", "https", "file"):
            raise InvalidPins(f"{redact(including)}: extends {redact(name)}: only http, https and file are followed")
        target = name
    elif os.path.isabs(name) or not remote:
        target = os.path.join(os.path.dirname(including), name)
    else:
        target = f"{including[:including.rfind('/')]}/{name}"
    # A remote file must not make the mirror read and publish files of this host or of its network.
    if remote and remote[1].lower() != "file" and not re.match(r"https?://", target, re.IGNORECASE):
        raise InvalidPins(f"{redact(including)}: extends {shown(name)}: a file from the network can't extend a local one")
    check_host(including, target)
    return target


def check_host(including: str, target: str) -> None:
    """Raise InvalidPins if a pin file from a public host names a URL on a private one."""
    if _SCHEME.match(including) and _SCHEME.match(target):
        from ..http import ssrf  # most pin files name no URL

        try:
            ssrf.check(including, target)
        except FetchError as error:
            raise InvalidPins(f"{redact(including)}: names {redact(target)}: {error.why}") from error


def identified(source: str) -> str:
    """Return a key that is equal for all spellings of one file: the real path, or the normalised URL."""
    scheme, separator, rest = source.rpartition("://")
    if not separator:
        return os.path.realpath(source)
    host, slash, path = rest.partition("/")
    path, mark, query = path.partition("?")
    return f"{scheme.lower()}://{host.lower()}{slash}{posixpath.normpath(slash + path).lstrip('/')}{mark}{query}"


def decoded(content: bytes, source: str) -> str:
    """Decode a pin file. Raises InvalidPins if it can't be one, such as a login page."""
    if len(content) > MAX_BYTES:
        raise InvalidPins(f"{redact(source)}: too large for a pin file: more than {MAX_BYTES >> 20} MB")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise InvalidPins(f"{redact(source)}: a web page (HTML) instead of a pin file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidPins(f"{redact(source)}, line {line}: not UTF-8 text") from error
    if "\0" in text:
        raise InvalidPins(f"{redact(source)}: not text")
    return text
