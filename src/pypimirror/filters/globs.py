"""Shell globs on names of projects, compared in normal form (PEP 503), and on other texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate
from typing import NamedTuple

from ..errors import ConfigurationError
from ..interfaces import ISettings
from ..names import normalize

#: Spellings of "every project" in the how-to of z3c.pypimirror (2010).
_EVERYTHING = frozenset({"*", "*.*"})
#: Parts of a pattern: a set, a wildcard, or literal text.
_PARTS = re.compile(r"(\[[!^]?\]?[^\]]*\])|([*?])|([^*?\[]+)")
_LITERAL = re.compile(r"[a-z0-9-]+")
_SET = re.compile(r"[a-z0-9-]*")
#: What a dash in a normalised name, and what any character in it, may stand for.
_SEPARATOR, _ANY = "[-_.]+", '(?:[-_.]+|[^"])'
#: Most alternatives of one regular expression: with more it is slower than matching each name.
MOST_WRITTEN = 32


class NameGlobs(NamedTuple):
    """Compiled patterns."""

    #: Whether a normalised name matches any of them.
    match: Callable[[str], object]
    #: All names that match, or None if a pattern has wildcards.
    exact: frozenset[str] | None
    #: See IWrittenNames.
    written: str | None = None
    #: Patterns without wildcards as the configuration writes them, by normalised name.
    named: Mapping[str, str] = {}


def name_globs(settings: ISettings, key: str) -> NameGlobs:
    """Compile the patterns in a key of the settings; see ``compile_globs``."""
    return compile_globs(settings[key] or (), key, settings.origin(key))


def compile_globs(patterns: Iterable[str], key: str, origin: str) -> NameGlobs:
    """Compile patterns of names. key, origin: of the patterns, for messages.

    ``Products.*``, ``products.*`` and ``products-*`` are equal; ``*`` and ``*.*`` match every project. In a set such as
    ``[._]`` each separator stands for all of them.
    Raises ConfigurationError for a pattern that can't match any name.
    """
    exact: dict[str, str] = {}
    everything = False
    globs: list[str] = []
    written: list[str] = []
    for pattern in patterns:
        if pattern in _EVERYTHING:
            everything = True
            continue
        try:
            expression, text, wild = _translate_pattern(pattern)
        except ValueError as error:
            raise ConfigurationError(f"{origin}: {key}: {pattern!r} {error}") from error
        written.append(text)
        if wild:
            globs.append(expression)
        else:
            exact.setdefault(normalize(pattern), pattern)
    if everything:
        return NameGlobs(_match_any, None, named=exact)
    names = frozenset(exact)
    if not globs:
        return NameGlobs(names.__contains__, names, named=exact)
    wildcards = re.compile("|".join(globs), re.DOTALL).fullmatch
    whole = "|".join(written) if len(written) <= MOST_WRITTEN else None
    if not names:
        return NameGlobs(wildcards, None, whole)
    return NameGlobs(lambda name: name in names or wildcards(name), None, whole, exact)


def any_spelling(name: str) -> str:
    """Return a regular expression for all spellings of a normalised name, except for the case of letters."""
    return name.replace("-", _SEPARATOR)


def text_globs(patterns: Iterable[str], flags: int = 0) -> Callable[[str], object]:
    """Return a function that matches a whole text with all patterns, like ``fnmatchcase``."""
    suffixes = []
    globs = []
    for pattern in patterns:
        # Most patterns are like ``*.zip`` and need no regular expression.
        if pattern[:1] == "*" and not re.search(r"[*?\[]", pattern[1:]) and not flags:
            suffixes.append(pattern[1:])
        else:
            globs.append(translate(pattern))
    endings = tuple(suffixes)
    if not globs:
        return lambda text: text.endswith(endings)
    compiled = re.compile("|".join(globs), flags).match
    if not endings:
        return compiled
    return lambda text: text.endswith(endings) or compiled(text)


def _match_any(name: str) -> bool:
    return True


def _translate_pattern(pattern: str) -> tuple[str, str, bool]:
    """Translate a pattern to two regular expressions, for normalised names and for names as written.

    The second one matches all that the first one matches, and may match more. The third value: whether there are wildcards.
    """
    parts, written = [], []
    position = 0
    wild = False
    while position < len(pattern):
        match = _PARTS.match(pattern, position)
        if match is None:
            raise ValueError("has a [ without ]")
        chars, wildcard, literal = match.groups()
        if literal:
            part = normalize(literal)
            if not _LITERAL.fullmatch(part):
                raise ValueError("is not a pattern of project names; use specifiers for versions")
            parts.append(part)
            written.append(any_spelling(part))
        else:
            wild = True
            parts.append({"*": ".*", "?": "."}.get(wildcard) or _translate_set(chars[1:-1]))
            written.append('[^"]*' if wildcard == "*" else _ANY)
        position = match.end()
    return "".join(parts), "".join(written), wild


def _translate_set(chars: str) -> str:
    """Translate the inside of ``[...]``."""
    negated = chars[:1] in ("!", "^")
    inside = chars[negated:].lower()
    # Normalised names have one separator. A dash between two characters is a range, not a separator.
    separator = bool(re.search(r"[._]|^-|-$", inside))
    inside = re.sub(r"[._]|^-|-$", "", inside)
    if not _SET.fullmatch(inside) or not (inside or separator):
        raise ValueError("is not a pattern of project names")
    try:
        return re.compile(f"[{'^' if negated else ''}{inside}{'-' if separator else ''}]").pattern
    except re.error as error:
        raise ValueError(f"is not a pattern: {error.msg}") from error
