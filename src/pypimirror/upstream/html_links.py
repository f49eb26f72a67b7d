"""Extracts the links of an HTML page in linear time for any input.

``html.parser`` takes minutes for some pages of a few kilobytes, and pages are untrusted. Tokenization follows the HTML standard
(13.2.5) as far as links need it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape

from ..errors import InvalidPage
from ..names import shown
from .validation import MOST_LINKS

#: Titles or headings of index pages, by index generators and by directory listings of web servers.
_TITLE = re.compile(r"<(?:title|h1)\b[^>]{0,200}>[^<]{0,200}?(?:links\s+for|simple\s+(?:package\s+)?index|\bindex\s+of\b|"
                    r"directory\s+listing|folder\s+listing|simple\s+list|package\s+index)", re.IGNORECASE)
#: The title or heading of a project's page, with its name.
_PROJECT = re.compile(r"<(?:title|h1)\b[^>]{0,200}>\s{0,50}links\s{1,50}for\s{1,50}([A-Za-z0-9._-]{1,200})\s{0,50}<",
                      re.IGNORECASE)
#: Number of characters at the beginning of a page to search for them.
_HEAD = 8192

_BEGIN = re.compile(r"<(?:/?[a-zA-Z]|[!?])")
_NAME = re.compile(r"</?([a-zA-Z][^\s/>]*)")
_GAP = re.compile(r"[\s/]*")
_ATTRIBUTE = re.compile(r"""(=?[^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>][^\s>]*)|))?""")
_COMMENT_END, _END = re.compile("-->"), re.compile(">")
_RAW = {name: re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE) for name in ("script", "style", "textarea", "title")}
#: Number of characters at the end of a part that may begin an end tag.
_BEGUN = 16
#: Maximum number of characters of a tag, and of a link's text.
_LONGEST_TAG, _LONGEST_TEXT = 1 << 16, 1000
#: Attributes of links to keep.
_ATTRIBUTES = frozenset({"href", "rel", "data-yanked", "data-requires-python", "data-core-metadata", "data-dist-info-metadata",
                         "data-gpg-sig", "data-provenance"})
#: Names of ``meta`` elements to keep.
META = frozenset({"pypi:repository-version", "pypi:project-status", "pypi:project-status-reason"})
#: Character references with so many digits are invalid, and slow to unescape.
_ABSURD = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")


def unescaped(text: str) -> str:
    """Return a text with its character references replaced."""
    return unescape(_ABSURD.sub("\ufffd", text)) if "&" in text else text


def _too_long(tag: str) -> InvalidPage:
    return InvalidPage(f"a tag of more than {_LONGEST_TAG} characters: {shown(tag, 40)}")


class LinkParser:
    """Incremental parser for links: href, text, attributes (names in lower case)."""

    def __init__(self) -> None:
        self.anchors: list[tuple[str, str, Mapping[str, str]]] = []
        self.base = ""
        #: Contents of ``meta`` elements by name (PEP 629, PEP 792).
        self.meta: dict[str, str] = {}
        #: Whether the page has a form or a password field, as login pages have.
        self.has_form = False
        self._head = ""
        self._anything = False
        self._open: Mapping[str, str] | None = None
        self._text: list[str] = []
        self._length = 0
        self._rest = ""
        self._over = False
        #: The end of a comment, declaration or raw text element.
        self._until: re.Pattern[str] | None = None

    def feed(self, text: str) -> None:
        """Parse the next part. Raises InvalidPage for an endless tag, or too many links."""
        if len(self._head) < _HEAD:
            self._head += text[:_HEAD]
        text = self._rest + text
        self._rest = text[self._read(text):]
        if self._until is None and len(self._rest) > _LONGEST_TAG:
            raise _too_long(self._rest)

    def close(self) -> None:
        """Parse the rest of the page; ignores an unfinished tag at its end."""
        self._over = True
        self._read(self._rest + " " * _BEGUN)
        self._end()

    def check(self) -> None:
        """Raise InvalidPage if this is not an index page of a supported version (PEP 629)."""
        if not self._anything:
            raise InvalidPage("not an HTML page")
        version = self.meta.get("pypi:repository-version", "1.0")
        if version.partition(".")[0] != "1":
            raise InvalidPage(f"its repository version is {shown(version)!r}, not 1.x")

    def has_mark(self) -> bool:
        """Whether ``meta`` elements (PEP 629, PEP 792), title or heading mark the page as an index page."""
        return bool(self.meta) or _TITLE.search(self._head) is not None

    def project(self) -> str | None:
        """Return the name of the project in the title or heading, or None."""
        found = _PROJECT.search(self._head)
        return found and found[1]

    def _read(self, text: str) -> int:
        """Parse as much as is unambiguous; return the end of it."""
        at = 0
        while True:
            if self._until is not None:
                found = self._until.search(text, at)
                if found is None:
                    return max(at, len(text) - _BEGUN)
                at = found.start() if found[0].startswith("<") else found.end()
                self._until = None
            begin = _BEGIN.search(text, at)
            # A tag may begin at the end of this part: "<" or "</".
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
        """Parse the markup at a ``<``; return its end, or None if the next part is needed."""
        if text.startswith("<!--", start):
            if text.startswith((">", "->"), start + 4):
                return text.index(">", start) + 1
            self._until = _COMMENT_END
            return start + 4
        if text[start + 1] in "!?":
            self._until = _END
            return start + 2
        name = _NAME.match(text, start)
        assert name is not None  # guaranteed by _BEGIN
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
