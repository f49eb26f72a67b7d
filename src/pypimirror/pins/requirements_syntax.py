"""The syntax of requirements files, as pip reads them: encodings, continuation lines, comments, options."""

import codecs
import re
import shlex
from collections.abc import Iterator

from ..names import shown
from .extends_chain import MAX_BYTES
from .model import InvalidPins, redact

_COMMENT = re.compile(r"(^|(?<=\s))#.*$")
#: The mark of UTF-32 begins with that of UTF-16, so it comes first.
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
          (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CODING = re.compile(rb"#.*coding[:=]\s*([-\w.]+)")
#: Codecs for host names, not for files; they take quadratic time.
_NO_ENCODINGS = frozenset({"idna", "punycode"})
#: Short options that take a value, which may follow without a space.
_SHORT = ("-r", "-c", "-e", "-i", "-f", "-C", "-b")


def decode(content: bytes, source: str) -> str:
    """Decode a requirements file by its byte order mark, its coding line (PEP 263), or as UTF-8. Raises InvalidPins."""
    where = redact(source)
    if len(content) > MAX_BYTES:
        raise InvalidPins(f"{where}: too large for a pin file: more than {MAX_BYTES >> 20} MB")
    mark, encoding = next((pair for pair in _MARKS if content.startswith(pair[0])), (b"", "utf-8"))
    if not mark:
        coding = next(filter(None, map(_CODING.match, content.split(b"\n", 2)[:2])), None)
        encoding = coding[1].decode("latin-1") if coding is not None else encoding
    try:
        if codecs.lookup(encoding).name in _NO_ENCODINGS:
            raise LookupError(encoding)
        text = content[len(mark):].decode(encoding)
    except LookupError as error:
        raise InvalidPins(f"{where}: unknown encoding {shown(encoding)!r}; save it as UTF-8") from error
    except UnicodeError as error:
        line = content.count(b"\n", 0, getattr(error, "start", 0)) + 1
        raise InvalidPins(f"{where}, line {line}: not {shown(encoding.upper())} text") from error
    if text.lstrip().startswith("<"):
        raise InvalidPins(f"{where}: a web page (HTML) instead of a pin file")
    if "\0" in text:
        raise InvalidPins(f"{where}: not text")
    return text


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Join lines that end with a backslash and remove comments. Yields each line with the number of its first line."""
    parts: list[str] = []
    start = 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        start = start if parts else number
        comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not comment:
            parts.append(line[:-1])
            continue
        # A comment line ends a continued line.
        parts.append(f" {line}" if comment else line)
        joined = _COMMENT.sub("", "".join(parts)).strip()
        parts = []
        if joined:
            yield start, joined


def split_options(line: str, where: str) -> tuple[str, list[str]]:
    """Split a line into the requirement and the words of its options. Raises InvalidPins."""
    if "-" not in line[:1] and " -" not in line and "\t-" not in line:
        return line.replace("\t", " ").strip(), []
    words = re.split(r"[ \t]", line)
    first = next((number for number, word in enumerate(words) if word.startswith("-")), len(words))
    options = " ".join(words[first:])
    try:
        return " ".join(words[:first]).strip(), shlex.split(options) if options else []
    except ValueError as error:
        raise InvalidPins(f"{where}: a quote is not closed") from error


def parse_options(words: list[str]) -> Iterator[tuple[str, str | None]]:
    """Yield options with their values: the rest of the same word, or the next word unless it is an option.

    Other words are ignored, as in pip.
    """
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if not word.startswith("-") or word in ("-", "--"):
            continue
        name, separator, value = word.partition("=")
        if not word.startswith("--") and word[:2] in _SHORT and len(word) > 2:
            name, separator, value = word[:2], "=", word[2:].removeprefix("=")
        following = words[position] if position < len(words) and not words[position].startswith("-") else None
        yield name, value if separator else following
