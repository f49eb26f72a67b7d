"""Reads all pin files of a mirror. If one is unavailable or invalid, its last good copy counts."""

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import unquote

from ..errors import FetchError, InsufficientSpace, MirrorError
from ..names import shown
from ..regular_file import open_regular
from ..tracebacks import describe, log_error
from . import extras, flat_pins, requirements, requirements_syntax
from .environments import Environment
from .extends_chain import MAX_BYTES, Chain
from .file_kinds import LOCK, PIPFILE_LOCK, PYPROJECT, REQUIREMENTS, TOOL_LOCK, VERSIONS, key_hint, kind_of, suffix_of
from .included_files import Read
from .model import InvalidPins, Pins, redact, union
from .pylock import read_pylock
from .pyproject import read_pyproject
from .tool_locks import read_pipfile_lock, read_tool_lock
from .unsupported_files import check_supported
from .versions import read_versions

_WEB = re.compile(r"https?://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)([^/?#:@]*):[^/?#@]*@")

_LOCK_READERS = {LOCK: read_pylock, TOOL_LOCK: read_tool_lock, PIPFILE_LOCK: read_pipfile_lock, PYPROJECT: read_pyproject}
#: Messages about one pin file in a run.
_MAX_MESSAGES = 50


class PinFileStore(Protocol):
    """Stores the flattened text of pin files between runs, by their names in the mirror."""

    def get(self, name: str) -> str | None:
        """Return the text, or None."""

    def put(self, name: str, text: str) -> None:
        """Store the text."""


class PinFile(NamedTuple):
    """One pin file of this run."""

    #: Path or URL, without credentials.
    source: str
    #: Its name in the mirror, in the folder ``pins``.
    name: str
    #: The flattened file.
    text: str
    #: Whether it is the last good copy, from an earlier run.
    stale: bool
    #: Contents of the files in the chain of a versions.cfg, by path or URL.
    documents: Mapping[str, bytes]


class PinReading(NamedTuple):
    """Result of ``read_pin_files``."""

    pins: Pins
    files: tuple[PinFile, ...]
    #: Pin files without a good copy from this or an earlier run, without credentials.
    missing: tuple[str, ...]


def read_pin_files(versions: Iterable[str], required: Iterable[str], environments: Iterable[Environment], read: Read,
                   store: PinFileStore) -> PinReading:
    """Read pin files.

    Args:
        versions: paths and URLs of versions.cfg files.
        required: paths and URLs of requirements, constraints or lock files.
        read: returns the content of one, raises FetchError; see ``reader``.

    Errors of single files are reported in ``Pins.problems`` and not raised.
    """
    environments = tuple(environments)
    parts: list[Pins] = []
    files: dict[str, PinFile] = {}
    missing: list[str] = []
    wanted = [*((source, VERSIONS) for source in versions), *((source, REQUIREMENTS) for source in required)]
    for source, key in dict.fromkeys(wanted):
        try:
            pins, file = _read(source, key, environments, read)
        except (InsufficientSpace, KeyboardInterrupt):
            raise
        except BaseException as error:  # an error of any kind in one file does not affect the others
            why = _describe(source, error)
            last = _last_good(source, key, environments, store)
            if last is None:
                missing.append(redact(source))
                parts.append(Pins(problems=(f"{why}; there is no earlier copy to use instead",)))
                continue
            parts.append(Pins(problems=(f"{why}; using the last good copy",)))
            pins, file = last
        else:
            parts.append(Pins(problems=_stored_or_problem(source, file, store)))
        files[file.name] = file
        parts.append(pins)
    return PinReading(union(parts), tuple(files.values()), tuple(missing))


def reader(fetch: Read) -> Read:
    """Return a function that reads paths and ``file:`` URLs, and calls ``fetch`` for http and https."""

    def read(source: str) -> bytes:
        if _WEB.match(source):
            return fetch(source)
        path = source[7:] if source[:7].lower() == "file://" else source
        try:
            with open_regular(path) as stream:
                return stream.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise FetchError(redact(source), f"can't be read: {why}") from error

    return read


def read_required(kind: str, source: str, read: Read, environments: Iterable[Environment]) -> requirements.Requirements:
    """Read a requirements or lock file by its kind (``file_kinds``). Raises FetchError, InvalidPins."""
    if kind in _LOCK_READERS:
        return _LOCK_READERS[kind](source, read, environments)
    return requirements.read_requirements(source, read)


def pin_name(source: str, suffix: str) -> str:
    """Return the name of a pin file in the mirror: readable, unique for each source, the same in each run."""
    # Without the password: it may change, and the name must not help to guess it.
    digest = hashlib.sha256(_PASSWORD.sub(r"\1@", source).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    path = re.split(r"[?#]", source)[0] if _WEB.match(source) else source
    folders, last = posixpath.split(path.replace("\\", "/").rstrip("/"))
    parts = [posixpath.splitext(unquote(last))[0]]
    if _WEB.match(source) and folders.count("/") > 2:
        # Such as the release in .../release/6.1.0/versions.cfg. Names of local folders are not published.
        parts.insert(0, unquote(posixpath.basename(folders)))
    words = [re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-.")[:60] for part in parts]
    return "-".join([*filter(None, words), digest]) + suffix


def is_pin_name(name: str) -> bool:
    """Return whether ``pin_name`` or ``form_names`` could have returned this name."""
    return re.fullmatch(r"[A-Za-z0-9.-]{0,137}[0-9a-f]{8}\.[a-z]{1,5}", name) is not None


def _read(source: str, key: str, environments: tuple[Environment, ...], read: Read) -> tuple[Pins, PinFile]:
    """Read one file and the files that it includes. Raises FetchError, InvalidPins."""
    content = read(source)
    kind = _kind(content, key, source)

    def reread(name: str) -> bytes:
        return content if name == source else read(name)

    documents: Mapping[str, bytes] = {}
    if kind == VERSIONS:
        chain = Chain(source, reread)
        pins = read_versions(chain, environments)
        text = flat_pins.flatten_versions(chain, environments) if pins.versions else ""
        documents = {name: document.content for name, document in chain.documents.items()}
    else:
        found = read_required(kind, source, reread, environments)
        pins, text = requirements.pins_of(found, environments), flat_pins.flatten_requirements(found)
    if not pins.versions:
        raise InvalidPins("; ".join((f"{redact(source)}: contains no pins", *pins.notes[:1])))
    note = key_hint(kind, key, source)
    pins = pins._replace(notes=_limited((*filter(None, (note,)), *pins.notes), source),
                         problems=_limited(pins.problems, source))
    return pins, PinFile(redact(source), pin_name(source, suffix_of(kind)), text + extras.render(pins.extras), False, documents)


def _stored_or_problem(source: str, file: PinFile, store: PinFileStore) -> tuple[str, ...]:
    """Store the flattened file; return a message if that fails. Its pins count in either case."""
    try:
        store.put(file.name, file.text)
    except (InsufficientSpace, KeyboardInterrupt):
        raise
    except BaseException as error:  # such as something else in the place of the folder
        return (f"{_describe(source, error)}; the flattened file of {redact(source)} can't be written, and its pins count",)
    return ()


def _limited(lines: tuple[str, ...], source: str) -> tuple[str, ...]:
    """Truncate messages, with their number at the end: each run logs and reports all of them."""
    if len(lines) <= _MAX_MESSAGES:
        return lines
    return (*lines[:_MAX_MESSAGES], f"{redact(source)}: {len(lines) - _MAX_MESSAGES} more such lines")


def _kind(content: bytes, key: str, source: str) -> str:
    """Return the kind of a pin file. Raises InvalidPins for an unsupported one."""
    try:
        text = requirements_syntax.decode(content, source)
    except InvalidPins:
        return key  # the reader of its kind raises it again
    kind = kind_of(text, key)
    if kind in (key, REQUIREMENTS):
        check_supported(text, source)
    return kind


def _describe(source: str, error: BaseException) -> str:
    """Describe an error of a pin file in one line; log the traceback of an unexpected one."""
    if isinstance(error, MirrorError):
        return shown(str(error), 500)
    log_error(f"{redact(source)} can't be read", error)
    return f"{redact(source)}: {describe(error)}"


def _last_good(source: str, key: str, environments: tuple[Environment, ...],
               store: PinFileStore) -> tuple[Pins, PinFile] | None:
    """Return the pins and the copy of a pin file from an earlier run, or None if there is no readable one."""
    try:
        file = _stored(source, key, store)
        if file is None:
            return None
        pins = _parse(source, kind_of(file.text, key), file.text.encode(), environments)
        return pins._replace(extras=extras.parse(file.text)), file
    except (InsufficientSpace, KeyboardInterrupt):
        raise
    except BaseException as error:
        log_error(f"the last good copy of {redact(source)} can't be read", error)
        return None


def _stored(source: str, key: str, store: PinFileStore) -> PinFile | None:
    """Return the copy from an earlier run, whatever its kind was."""
    for kind in dict.fromkeys((key, VERSIONS, REQUIREMENTS)):
        name = pin_name(source, suffix_of(kind))
        text = store.get(name)
        if text is not None:
            return PinFile(redact(source), name, text, True, {})
    return None


def parse_flat(name: str, text: str, environment: Environment) -> Pins:
    """Return the pins of a flattened file in one environment. name: of the file. Raises InvalidPins."""
    kind = VERSIONS if name.endswith(suffix_of(VERSIONS)) else REQUIREMENTS
    return _parse(name, kind, text.encode(), (environment,))


def form_names(name: str) -> dict[str, str]:
    """Return the names of all forms of a pin file by their suffixes. name: of one form, ``.cfg`` or ``.txt``."""
    stem = posixpath.splitext(name)[0]
    # In the name of a lock file, no dots may surround the part that tools do not know (PEP 751).
    return {".cfg": f"{stem}.cfg", ".txt": f"{stem}.txt", ".toml": f"pylock.{stem.replace('.', '-')}.toml"}


def _parse(source: str, kind: str, content: bytes, environments: tuple[Environment, ...]) -> Pins:
    """Parse the copy from an earlier run."""
    if kind == VERSIONS:
        return read_versions(Chain(source, lambda _: content), environments)
    return requirements.pins_of(requirements.read_requirements(source, lambda _: content), environments)
