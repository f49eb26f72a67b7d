"""Reads all pin files of a mirror; where one can't be had, the last good one counts."""

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote

from ..errors import FetchError, MirrorError
from ..names import shown
from . import flatten, requirements
from .chain import MOST_BYTES, Chain, Read
from .environments import Environment
from .pylock import read_pylock
from .values import BadPins, Pins, public, union
from .versions import read_versions

_WEB = re.compile(r"https?://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)([^/?#:@]*):[^/?#@]*@")
_LOCK = re.compile(r"(^|[/\\])pylock(\.[^./\\]+)?\.toml$")


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


class Reading(NamedTuple):
    """What the pin files come to."""

    pins: Pins
    files: tuple[PinFile, ...]
    #: Those of which nothing is known, not from earlier runs either, without credentials.
    missing: tuple[str, ...]


def read_pin_files(versions: Iterable[str], required: Iterable[str], environments: Iterable[Environment], read: Read,
                   keep: Keep) -> Reading:
    """Read pin files.

    versions, required: paths and URLs of versions.cfg files, and of requirements, constraints or lock files.
    read: gives the content of one, raises FetchError; see ``reader``.
    What went wrong is among the problems of the pins, nothing is raised for it.
    """
    environments = tuple(environments)
    parts: list[Pins] = []
    files: list[PinFile] = []
    missing: list[str] = []
    wanted = [*((source, ".cfg") for source in versions), *((source, ".txt") for source in required)]
    for source, suffix in dict.fromkeys(wanted):
        name = pin_name(source, suffix)
        try:
            pins, text, documents = _read(source, suffix, environments, read)
            if not pins.versions:
                raise BadPins(f"{public(source)}: holds no pins")
            keep.put(name, text)
            files.append(PinFile(public(source), name, text, False, documents))
        except MirrorError as error:
            kept = keep.get(name)
            if kept is None:
                missing.append(public(source))
                parts.append(Pins(problems=(f"{shown(str(error), 500)}; there is no earlier one that could count instead",)))
                continue
            parts.append(Pins(problems=(f"{shown(str(error), 500)}; the last good one counts",)))
            pins = _kept(source, suffix, kept, environments)
            files.append(PinFile(public(source), name, kept, True, {}))
        parts.append(pins)
    return Reading(union(parts), tuple(files), tuple(missing))


def reader(fetch: Read) -> Read:
    """Give a function that reads paths and ``file:`` URLs itself and leaves http and https to ``fetch``."""

    def read(source: str) -> bytes:
        if _WEB.match(source):
            return fetch(source)
        path = source[7:] if source[:7].lower() == "file://" else source
        try:
            with Path(path).open("rb") as stream:
                return stream.read(MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise FetchError(public(source), f"can't be read: {why}") from error

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


def _read(source: str, suffix: str, environments: tuple[Environment, ...],
          read: Read) -> tuple[Pins, str, Mapping[str, bytes]]:
    if suffix == ".cfg":
        chain = Chain(source, read)
        pins = read_versions(chain, environments)
        text = flatten.flatten(chain, environments) if pins.versions else ""
        return pins, text, {name: document.content for name, document in chain.documents.items()}
    lock = _LOCK.search(re.split(r"[?#]", source)[0])
    found = read_pylock(source, read, environments) if lock else requirements.read_requirements(source, read)
    return requirements.pins_of(found, environments), requirements.flatten(found), {}


def _kept(source: str, suffix: str, text: str, environments: tuple[Environment, ...]) -> Pins:
    """Read what an earlier run flattened."""
    if suffix == ".cfg":
        return read_versions(Chain(source, lambda _: text.encode()), environments)
    return requirements.pins_of(requirements.read_requirements(source, lambda _: text.encode()), environments)
