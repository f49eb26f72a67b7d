"""Redaction of secrets in messages, and sanitising of foreign text.

All foreign text passes ``printable`` before it is shown to people. Secrets register themselves when they are created, also
when they are unpickled in another process, so no caller has to pass them to ``redact``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from .names import shown

MASK = "***"
#: Maximum length of a message.
LONGEST = 2000
#: Shorter secrets are removed from URLs only: they occur in nearly every text.
_SHORTEST = 3
#: Secrets of this length are also removed inside of words.
_UNMISTAKABLE = 8
#: This many characters of a secret are searched for by a regular expression.
_HEAD = 3
_WORD = re.compile(r"[A-Za-z0-9]")
#: User and password in a URL.
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'<>]*@")

_known: dict[str, None] = {}
_pattern: re.Pattern[str] | None = None


class Secret:
    """A text that ``str``, ``repr`` and ``format`` mask."""

    __slots__ = ("_value",)

    def __init__(self, value: str):
        self._value = value
        register(value)

    def reveal(self) -> str:
        """Return the secret text."""
        return self._value

    def __str__(self) -> str:
        return MASK

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Any:
        return Secret, (self._value,)


class SecretURL(str):
    """A URL with credentials. As a str it is the URL without them; only ``reveal`` returns the complete URL."""

    __slots__ = ("_whole",)

    _whole: Secret

    def __new__(cls, without: str, userinfo: str) -> SecretURL:
        """userinfo: user and password, percent-encoded, without the ``@``."""
        from urllib.parse import unquote

        made = super().__new__(cls, without)
        user, _, password = userinfo.partition(":")
        # A user without a password is a token.
        Secret(unquote(password or user))
        register(password or user)  # as written: escapes that are not UTF-8 have no other spelling
        register_basic(unquote(user), unquote(password))
        made._whole = Secret(userinfo)
        return made

    def reveal(self) -> str:
        """Return the URL with credentials."""
        scheme, separator, rest = self.partition("://")
        return f"{scheme}{separator}{self._whole.reveal()}@{rest}"

    def userinfo(self) -> Secret:
        """Return user and password, percent-encoded."""
        return self._whole

    def __reduce__(self) -> Any:
        return SecretURL, (str(self), self._whole.reveal())

    def __str__(self) -> str:
        return str.__str__(self)


def reveal(text: str) -> str:
    """Return a text; for a SecretURL the complete URL."""
    return text.reveal() if isinstance(text, SecretURL) else text


def register(value: str) -> None:
    """Register a text for removal by ``redact``."""
    global _pattern
    if len(value) >= _SHORTEST and value not in _known:
        _known[value] = None
        _pattern = None


def register_basic(user: str, password: str) -> None:
    """Register the Basic authentication header of credentials for removal by ``redact`` (RFC 7617)."""
    import base64

    for encoding in ("utf-8", "iso-8859-1"):
        register(base64.b64encode(f"{user}:{password}".encode(encoding, "replace")).decode())


def redact(text: str) -> str:
    """Return a text without registered secrets, in any encoding, and without the credentials of URLs."""
    global _pattern
    if "@" in text and "://" in text:
        text = _USERINFO.sub("", text)
    if not _known:
        return text
    if _pattern is None:
        # Tokens have a thousand characters and more, and compiling all forms of each would take most of a second.
        heads = dict.fromkeys(value[:_HEAD] for value in sorted(_known, key=len, reverse=True))
        _pattern = re.compile("|".join("".join(map(_any_form, head)) for head in heads), re.IGNORECASE)
    kept, position, start = [], 0, 0
    while found := _pattern.search(text, position):
        position = found.start()
        end = max(_end(text, position, value) for value in _known)
        if end:
            kept.append(text[start:position])
            position = start = end
        else:
            position += 1
    return MASK.join([*kept, text[start:]])


def _end(text: str, start: int, value: str) -> int:
    """Return the last position at which a secret that starts here may end, in any mixture of forms; 0 if it is not here."""
    ends = {start}
    for character in value:
        ends = {end + len(form) for end in ends for form in _forms(character)
                if text[end:end + len(form)].casefold() == form.casefold()}
        if not ends:
            return 0
    if len(value) < _UNMISTAKABLE:
        if _WORD.match(text[start - 1:start]):
            return 0
        ends = {end for end in ends if not _WORD.match(text, end)}
    return max(ends, default=0)


def _any_form(character: str) -> str:
    """Return a regular expression for all forms of a character."""
    return f"(?:{'|'.join(map(re.escape, _forms(character)))})"


@lru_cache(512)  # more than the characters of a few secrets
def _forms(character: str) -> tuple[str, ...]:
    """Return a character as it is, percent-encoded, in HTML, JSON and a repr; the longest first."""
    import html  # loaded only if there is a secret
    import json

    forms = {
        character, "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "surrogatepass")),
        html.escape(character), json.dumps(character)[1:-1], repr(character)[1:-1]}
    if character in "'\"\\":
        forms.add(f"\\{character}")
    if character == " ":
        forms.add("+")
    return tuple(sorted(forms, key=len, reverse=True))


def printable(text: str, limit: int = LONGEST) -> str:
    """Return the text as one line of printable characters, truncated at the limit, without secrets.

    Control characters, terminal codes, bidirectional overrides, line separators and lone surrogates become escapes.
    """
    if text.isprintable() and len(text) <= limit:
        return redact(text)
    # Truncate very long text first, far enough to keep secrets at the limit whole.
    return shown(redact(text[:2 * limit]), limit)


def printable_values(value: object, limit: int = LONGEST) -> object:
    """Return JSON data with all texts in it printable. Keys are not redacted."""
    if isinstance(value, str):
        return printable(value, limit)
    if isinstance(value, dict):
        return {shown(key, limit) if isinstance(key, str) else key: printable_values(item, limit)
                for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable_values(item, limit) for item in value]
    return value
