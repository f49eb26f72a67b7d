"""Reads all pin files of a mirror; where one can't be had, the last good one counts."""

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote

from ..errors import FetchError, InsufficientSpace, MirrorError
from ..names import shown
from ..tracebacks import describe, log_error
from . import extras, flat_requirements, flat_versions, requirements, requirements_syntax
from .environments import Environment
from .extends_chain import MAX_BYTES, Chain, Read
from .file_kinds import LOCK, REQUIREMENTS, SUFFIXES, VERSIONS, advice, kind_of
from .model import InvalidPins, Pins, redact, union
from .pylock import read_pylock
from .versions import read_versions

_WEB = re.compile(r"https?://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)([^/?#:@]*):[^/?#@]*@")

#: About one pin file, in a run.
_MAX_LINES = 50


class Keep(Protocol):
    """Remembers the flattened text of pin files from run to run, by the names that they have in the mirror."""

    def get(self, name: str) -> str | None:
        """Return the text, or None."""

    def put(self, name: str, text: str) -> None:
        """Remember the text."""


class PinFile(NamedTuple):
    """One pin file as it counts in this run."""

    #: Path or URL, without credentials.
    source: str
    #: Its name in the mirror, in the folder ``pins``.
    name: str
    #: One file that stands for the whole chain.
    text: str
    #: Whether it is the last good one because there was no better today.
    stale: bool
    #: The files of a versions.cfg's chain as they were read, by path or URL.
    documents: Mapping[str, bytes]


class PinReading(NamedTuple):
    """What the pin files come to."""

    pins: Pins
    files: tuple[PinFile, ...]
    #: Those of which nothing is known, not from earlier runs either, without credentials.
    missing: tuple[str, ...]


def read_pin_files(versions: Iterable[str], required: Iterable[str], environments: Iterable[Environment], read: Read,
                   keep: Keep) -> PinReading:
    """Read pin files.

    versions, required: paths and URLs of versions.cfg files, and of requirements, constraints or lock files.
    read: gives the content of one, raises FetchError; see ``reader``.
    What went wrong is among the problems of the pins, nothing is raised for it.
    """
    environments = tuple(environments)
    parts: list[Pins] = []
    files: dict[str, PinFile] = {}
    missing: list[str] = []
    wanted = [*((source, VERSIONS) for source in versions), *((source, REQUIREMENTS) for source in required)]
    for source, key in dict.fromkeys(wanted):
        try:
            pins, file = _read(source, key, environments, read)
            keep.put(file.name, file.text)
        except InsufficientSpace:
            raise
        except Exception as error:  # whatever is the matter with one of them, the others count
            why = _why(source, error)
            last = _last_good(source, key, environments, keep)
            if last is None:
                missing.append(redact(source))
                parts.append(Pins(problems=(f"{why}; there is no earlier one that could count instead",)))
                continue
            parts.append(Pins(problems=(f"{why}; the last good one counts",)))
            pins, file = last
        files[file.name] = file
        parts.append(pins)
    return PinReading(union(parts), tuple(files.values()), tuple(missing))


def reader(fetch: Read) -> Read:
    """Give a function that reads paths and ``file:`` URLs itself and leaves http and https to ``fetch``."""

    def read(source: str) -> bytes:
        if _WEB.match(source):
            return fetch(source)
        path = source[7:] if source[:7].lower() == "file://" else source
        try:
            with Path(path).open("rb") as stream:
                return stream.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise FetchError(redact(source), f"can't be read: {why}") from error

    return read


def pin_name(source: str, suffix: str) -> str:
    """Give the name of a pin file in the mirror: readable, the same in every run, another one for every source."""
    # The password may change, and must not be guessed from the name.
    digest = hashlib.sha256(_PASSWORD.sub(r"\1@", source).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    path = re.split(r"[?#]", source)[0] if _WEB.match(source) else source
    folders, last = posixpath.split(path.replace("\\", "/").rstrip("/"))
    parts = [posixpath.splitext(unquote(last))[0]]
    if _WEB.match(source) and folders.count("/") > 2:
        # Such as the release in .../release/6.1.0/versions.cfg. Folders of this host are nobody's business.
        parts.insert(0, unquote(posixpath.basename(folders)))
    words = [re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-.")[:60] for part in parts]
    return "-".join([*filter(None, words), digest]) + suffix


def is_pin_name(name: str) -> bool:
    """Whether a file of this name in the folder of pin files is one of ours (``pin_name``)."""
    return re.fullmatch(r"[A-Za-z0-9.-]{0,130}[0-9a-f]{8}\.[a-z]{1,5}", name) is not None


def _read(source: str, key: str, environments: tuple[Environment, ...], read: Read) -> tuple[Pins, PinFile]:
    """Read one file with those that it names. Raises FetchError, InvalidPins."""
    content = read(source)
    kind = kind_of(requirements_syntax.decode(content, source), source, key) if _is_text(content, source) else key

    def reread(name: str) -> bytes:
        return content if name == source else read(name)

    documents: Mapping[str, bytes] = {}
    if kind == VERSIONS:
        chain = Chain(source, reread)
        pins = read_versions(chain, environments)
        text = flat_versions.flatten(chain, environments) if pins.versions else ""
        documents = {name: document.content for name, document in chain.documents.items()}
    else:
        found = (read_pylock(source, reread, environments) if kind == LOCK
                 else requirements.read_requirements(source, reread))
        pins, text = requirements.pins_of(found, environments), flat_requirements.flatten(found)
    if not pins.versions:
        raise InvalidPins(f"{redact(source)}: holds no pins")
    note = advice(kind, key, source)
    pins = pins._replace(notes=_limited((*filter(None, (note,)), *pins.notes), source),
                         problems=_limited(pins.problems, source))
    return pins, PinFile(redact(source), pin_name(source, SUFFIXES[kind]), text + extras.render(pins.extras), False, documents)


def _limited(lines: tuple[str, ...], source: str) -> tuple[str, ...]:
    """Return the first lines of many, with one that counts the rest: each goes to the log and the report of every run."""
    if len(lines) <= _MAX_LINES:
        return lines
    return (*lines[:_MAX_LINES], f"{redact(source)}: {len(lines) - _MAX_LINES} more such lines")


def _is_text(content: bytes, source: str) -> bool:
    try:
        return bool(requirements_syntax.decode(content, source))
    except InvalidPins:
        return False  # the reader of its kind says why


def _why(source: str, error: Exception) -> str:
    """Return what is wrong with a pin file, in one line; the traceback of what nobody expected goes into the log."""
    if isinstance(error, MirrorError):
        return shown(str(error), 500)
    log_error(f"{redact(source)} can't be read", error)
    return f"{redact(source)}: {describe(error)}"


def _last_good(source: str, key: str, environments: tuple[Environment, ...], keep: Keep) -> tuple[Pins, PinFile] | None:
    """Return what an earlier run made of a pin file, or None if there is nothing, or nothing that can be read."""
    try:
        file = _kept(source, key, keep)
        if file is None:
            return None
        pins = _parsed(source, kind_of(file.text, source, key), file.text.encode(), environments)
        return pins._replace(extras=extras.parse(file.text)), file
    except InsufficientSpace:
        raise
    except Exception as error:
        log_error(f"the last good copy of {redact(source)} can't be read", error)
        return None


def _kept(source: str, key: str, keep: Keep) -> PinFile | None:
    """Return what an earlier run flattened, whatever kind of file it was then."""
    for suffix in dict.fromkeys((SUFFIXES[key], *SUFFIXES.values())):
        name = pin_name(source, suffix)
        text = keep.get(name)
        if text is not None:
            return PinFile(redact(source), name, text, True, {})
    return None


def _parsed(source: str, kind: str, content: bytes, environments: tuple[Environment, ...]) -> Pins:
    """Read what an earlier run flattened."""
    if kind == VERSIONS:
        return read_versions(Chain(source, lambda _: content), environments)
    return requirements.pins_of(requirements.read_requirements(source, lambda _: content), environments)
