"""The links of an HTML page, found in time proportional to its size, whatever is in it.

Python's own parser takes minutes for some pages of a few kilobytes, and anybody may have written this one. What a tag is
follows the HTML standard (13.2.5, tokenization) as far as links need it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape

from ..errors import InvalidPage
from ..names import shown
from .validation import MOST_LINKS

#: What generators of indexes and web servers' lists of folders have in title or heading.
_TITLE = re.compile(r"<(?:title|h1)\b[^>]{0,200}>[^<]{0,200}?(?:links\s+for|simple\s+(?:package\s+)?index|\bindex\s+of\b|"
                    r"directory\s+listing|folder\s+listing|simple\s+list|package\s+index)", re.IGNORECASE)
#: Characters at the beginning of a page among which that stands.
_HEAD = 8192

_BEGIN = re.compile(r"<(?:/?[a-zA-Z]|[!?])")
_NAME = re.compile(r"</?([a-zA-Z][^\s/>]*)")
_GAP = re.compile(r"[\s/]*")
_ATTRIBUTE = re.compile(r"""(=?[^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>][^\s>]*)|))?""")
_COMMENT_END, _END = re.compile("-->"), re.compile(">")
_RAW = {name: re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE) for name in ("script", "style", "textarea", "title")}
#: Characters: what may be the beginning of an end that is looked for.
_BEGUN = 16
#: Characters of one tag; of the text of one link.
_LONGEST_TAG, _LONGEST_TEXT = 1 << 16, 1000
#: The attributes of links that count; of all others nothing is kept, however many there are.
_ATTRIBUTES = frozenset({"href", "rel", "data-yanked", "data-requires-python", "data-core-metadata", "data-dist-info-metadata",
                         "data-gpg-sig", "data-provenance"})
#: The names of ``meta`` elements that count.
META = frozenset({"pypi:repository-version", "pypi:project-status", "pypi:project-status-reason"})
#: Character references of so many digits are none, and costly to find out about.
_ABSURD = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")


def unescaped(text: str) -> str:
    """Give a text with its character references replaced."""
    return unescape(_ABSURD.sub("\ufffd", text)) if "&" in text else text


def _too_long(tag: str) -> InvalidPage:
    return InvalidPage(f"a tag of more than {_LONGEST_TAG} characters: {shown(tag, 40)}")


class LinkParser:
    """Collects the links of a page that comes in parts: href, text, attributes (their names in lower case)."""

    def __init__(self) -> None:
        self.anchors: list[tuple[str, str, Mapping[str, str]]] = []
        self.base = ""
        #: What elements ``meta`` of the index's own say (PEP 629, PEP 792): contents by name.
        self.meta: dict[str, str] = {}
        #: Whether the page has a form or asks for a password, as login pages and front pages do.
        self.has_form = False
        self._head = ""
        self._anything = False
        self._open: Mapping[str, str] | None = None
        self._text: list[str] = []
        self._length = 0
        self._rest = ""
        self._over = False
        #: What ends that which has no tags in it, such as a comment.
        self._until: re.Pattern[str] | None = None

    def feed(self, text: str) -> None:
        """Read on. Raises BadPage for a tag without end, and for links without end."""
        if len(self._head) < _HEAD:
            self._head += text[:_HEAD]
        text = self._rest + text
        self._rest = text[self._read(text):]
        if self._until is None and len(self._rest) > _LONGEST_TAG:
            raise _too_long(self._rest)

    def close(self) -> None:
        """The page is over; a tag that it ends in is none."""
        self._over = True
        self._read(self._rest + " " * _BEGUN)
        self._end()

    def check(self) -> None:
        """Raise BadPage if this is no page of an index (PEP 629)."""
        if not self._anything:
            raise InvalidPage("not an HTML page")
        version = self.meta.get("pypi:repository-version", "1.0")
        if version.partition(".")[0] != "1":
            raise InvalidPage(f"its repository version is {shown(version)!r}, not 1.x")

    def has_mark(self) -> bool:
        """Whether the page says that it is one of an index: by elements ``meta`` (PEP 629, PEP 792), title or heading."""
        return bool(self.meta) or _TITLE.search(self._head) is not None

    def _read(self, text: str) -> int:
        """Read as far as that can be done for sure; return how far that is."""
        at = 0
        while True:
            if self._until is not None:
                found = self._until.search(text, at)
                if found is None:
                    return max(at, len(text) - _BEGUN)
                at = found.start() if found[0].startswith("<") else found.end()
                self._until = None
            begin = _BEGIN.search(text, at)
            # What may go on in the next part as the beginning of a tag: a "<", or a "</".
            start = begin.start() if begin is not None else text.find("<", max(at, len(text) - 2))
            self._data(text[at:len(text) - self._over * _BEGUN] if start < 0 else text[at:start])
            if start < 0:
                return len(text)
            if len(text) - start < 6:
                return start
            after = self._markup(text, start)
            if after is None:
                return start
            at = after

    def _markup(self, text: str, start: int) -> int | None:
        """Read what a ``<`` begins; return where it ends, or None if that is still to come."""
        if text.startswith("<!--", start):
            if text.startswith((">", "->"), start + 4):
                return text.index(">", start) + 1
            self._until = _COMMENT_END
            return start + 4
        if text[start + 1] in "!?":
            self._until = _END
            return start + 2
        name = _NAME.match(text, start)
        assert name is not None  # as _BEGIN says
        tag = name[1].lower()
        attributes: dict[str, str] = {}
        at = name.end()
        while True:
            at = _GAP.match(text, at).end()  # type: ignore[union-attr]
            if at - start > _LONGEST_TAG:
                raise _too_long(text[start:at])
            if at == len(text):
                return None
            if text[at] == ">":
                self._tag(tag, text[start + 1] == "/", attributes)
                return at + 1
            found = _ATTRIBUTE.match(text, at)
            assert found is not None
            if found.end() == len(text) or text[found.end()] in "\"'":
                return None  # perhaps in the middle of a value
            value = next((group for group in found.groups()[1:] if group is not None), "")
            attributes.setdefault(found[1].lower(), value)
            at = found.end()

    def _tag(self, tag: str, ends: bool, attributes: dict[str, str]) -> None:
        self._anything = True
        if tag == "a":
            self._end()
            self._open = None if ends else {name: unescaped(value) for name, value in attributes.items()
                                             if name in _ATTRIBUTES}
        elif ends:
            return
        elif tag == "base":
            self.base = self.base or unescaped(attributes.get("href", ""))
        elif tag == "meta":
            name = attributes.get("name", "")
            if name in META:
                self.meta[name] = unescaped(attributes.get("content", ""))
        elif tag == "form" or (tag == "input" and attributes.get("type", "").strip().lower() == "password"):
            self.has_form = True
        elif tag in _RAW:
            self._until = _RAW[tag]

    def _data(self, text: str) -> None:
        if self._open is not None and self._length < _LONGEST_TEXT:
            self._text.append(text[:_LONGEST_TEXT])
            self._length += len(text)

    def _end(self) -> None:
        if self._open is not None and self._open.get("href"):
            if len(self.anchors) == MOST_LINKS:
                raise InvalidPage(f"more than {MOST_LINKS} links")
            self.anchors.append((self._open["href"], unescaped("".join(self._text)), self._open))
        self._open = None
        self._text.clear()
        self._length = 0
