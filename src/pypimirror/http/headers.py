"""Response headers as dictionaries: names in lower case, one value per name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

#: Characters that a value must not have (RFC 9110, 5.5), and line folding (RFC 9112, 5.2).
_BREAK = re.compile(r"[\r\n\0]+[ \t]*")
#: The end of a line that is not folded.
_LINE_END = re.compile(r"\n(?![ \t])")
_STATUS = re.compile(r"HTTP/\S+ (\d{3})(?!\d)")
#: Statuses of responses without a body, regardless of their headers (RFC 9112, 6.3).
BODILESS = frozenset({204, 304})


def one_line(value: str) -> str:
    """Return a header's value in one line, so that it can be sent back, as ETags are."""
    return _BREAK.sub(" ", value)


def joined(lines: Iterable[str]) -> dict[str, str]:
    """Return headers by lower-case name, repeated ones combined (RFC 9110, 5.3). lines: without line ends."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip(" \t").lower()
        value = value.strip(" \t")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def one_length(found: dict[str, str]) -> dict[str, str]:
    """Normalize the headers that delimit the body. Raises ValueError for conflicting lengths and unknown transfer codings."""
    lengths, codings = found.get("content-length", ""), found.pop("transfer-encoding", None)
    if codings is not None:
        for coding in {coding.strip(" \t").lower() for coding in codings.split(",")} - {"", "identity"}:
            if coding != "chunked":
                raise ValueError(f"Transfer-Encoding {codings} is not supported")
            found["transfer-encoding"] = coding
    if "," in lengths and "transfer-encoding" not in found:
        different = {length.strip() for length in lengths.split(",")}
        if len(different) > 1:
            raise ValueError(f"Content-Length contained multiple unmatching values ({lengths})")
        found["content-length"] = different.pop()
    return found


class Headers(Mapping[str, str]):
    """The headers of one response, parsed at the first access: the code needs none of most responses with files."""

    __slots__ = ("_found", "_text")

    def __init__(self, text: str):
        """text: the lines of the headers, with LF between them."""
        self._text = text
        self._found: dict[str, str] | None = None

    def _parse(self) -> dict[str, str]:
        if self._found is None:
            text = self._text
            is_folded = "\n " in text or "\n\t" in text or "\r" in text or "\0" in text
            self._found = joined(map(one_line, _LINE_END.split(text)) if is_folded else text.split("\n"))
        return self._found

    def __getitem__(self, name: str) -> str:
        return self._parse()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parse())

    def __len__(self) -> int:
        return len(self._parse())


def last_head(lines: Iterable[bytes]) -> tuple[int, Headers]:
    """Return status and headers of the final response; a proxy's and interim responses (1xx) may precede it."""
    text = b"".join(lines).decode("iso-8859-1").replace("\r\n", "\n")
    start = text.rfind("\nHTTP/") + 1
    if start:
        text = text[start:]
    text = text.partition("\n\n")[0].rstrip("\n")
    first, _, rest = text.partition("\n")
    status = _STATUS.match(first)
    return int(status[1]) if status is not None else 0, Headers(rest)
