"""Reads what a requirements file or a lock file installs, and from where."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from ..metadata.bounded_toml import loads
from ..pins import requirements
from ..pins.environments import Environment
from ..pins.file_kinds import LOCK, PIPFILE_LOCK, REQUIREMENTS, TOOL_LOCK
from ..pins.included_files import Read
from ..pins.model import Pins, redact
from ..pins.pin_files import read_required
from ..pins.requirements import FileOption
from ..pins.requirements_syntax import decode
from ..pins.resolution import RootRequirement
from .deployment import DIRECT, EXTRA_INDEX, FIND_LINKS, INDEX, LOCKED, PIP, UV, Deployment, Local, Place
from .local_project import is_project_folder, read_local
from .uv_options import UvOptions, read_uv_options

_WEB = re.compile(r"https?://", re.IGNORECASE)
_OPTIONS = {"-i": INDEX, "--index-url": INDEX, "--pypi-url": INDEX, "--extra-index-url": EXTRA_INDEX, "-f": FIND_LINKS,
            "--find-links": FIND_LINKS}
#: Keys of lock files with URLs.
_URL_KEYS = frozenset({"url", "registry", "index"})
_MAX_PLACES = 10_000


def read_requirements_file(source: str, kind: str, read: Read, environments: Iterable[Environment]) -> Deployment:
    """Read a requirements file or a lock file, by its kind (``pins.file_kinds``). Raises FetchError, InvalidPins."""
    environments = tuple(environments)
    found = read_required(kind, source, read, environments)
    is_lock = kind != REQUIREMENTS
    roots = _root_requirements(found, source, is_lock)
    pins = {environment: requirements.pins_of(found, (environment,)) for environment in environments}
    content = _parse_lock(source, kind, read)
    folder = "" if _WEB.match(source) else os.path.dirname(os.path.abspath(source))
    tool, uv = PIP, UvOptions()
    if kind == TOOL_LOCK and _is_uv(content):
        tool, uv = UV, read_uv_options(folder, content) if folder else uv
    options = {option.name.lstrip("-"): option.value for option in found.options if option.name}
    places = [*_places_in_options(found.options), *uv.places,
              *(Place(LOCKED, url, redact(source)) for url in _find_urls(content))]
    return Deployment(
        redact(source), tool, kind, dict.fromkeys(environments, roots), pins,
        pinned_only=is_lock or _requires_hashes(found, options),
        follows=not is_lock and "no-deps" not in options,
        places=tuple(dict.fromkeys(places)),
        locals=tuple(_read_uv_project(folder, uv) if tool == UV else _read_local_projects(found.options, folder)),
        wheels_only=options.get("only-binary", "") == ":all:" or uv.wheels_only,
        uploaded_before=uv.exclude_newer or options.get("uploaded-prior-to", ""),
        notes=_filter_notes(pins.values(), places),
        options={name: value for name, value in options.items() if name in ("no-index", "no-binary", "no-build-isolation")})


def _requires_hashes(found: requirements.Requirements, options: Mapping[str, str]) -> bool:
    return "require-hashes" in options or any(line.hashes for line in found.lines)


def _root_requirements(found: requirements.Requirements, source: str, is_lock: bool) -> tuple[RootRequirement, ...]:
    return tuple(RootRequirement(str(line.requirement), _describe_position(source, line, is_lock)) for line in found.lines
                 if not line.constraint)


def _describe_position(source: str, line: requirements.Line, is_lock: bool) -> str:
    """Return where a requirement stands; lock files have no lines for people."""
    return redact(source) if is_lock else f"{redact(line.source)}, line {line.number}"


def _filter_notes(pins: Iterable[Pins], places: Iterable[Place]) -> tuple[str, ...]:
    """Return the remarks about pins. A requirement that names a URL is an error here, not a remark."""
    direct = tuple(f"{place.where}:" for place in places if place.kind == DIRECT)
    return tuple(dict.fromkeys(note for each in pins for note in each.notes if not note.startswith(direct)))


def _read_uv_project(folder: str, uv: UvOptions) -> list[Local]:
    """Return the project that uv builds, if any."""
    return [read_local(folder)] if folder and uv.builds and is_project_folder(folder) else []


def _parse_lock(source: str, kind: str, read: Read) -> Mapping[str, Any]:
    """Return the content of a lock file; empty for a file of another kind."""
    if kind not in (LOCK, TOOL_LOCK, PIPFILE_LOCK):
        return {}
    text = decode(read(source), source)
    if kind == PIPFILE_LOCK:
        import json

        value: Mapping[str, Any] = json.loads(text)
        return value
    return loads(text)


def _is_uv(content: Mapping[str, Any]) -> bool:
    return isinstance(content.get("version"), int)


def _places_in_options(options: Iterable[FileOption]) -> Iterator[Place]:
    """Yield the URLs that the options of a requirements file name."""
    for option in options:
        where = f"{redact(option.source)}, line {option.number}"
        kind = _OPTIONS.get(option.name)
        if kind is not None and option.value:
            yield Place(kind, option.value, where)
        elif not option.name and (url := re.search(r"(?:[a-z+]+\+)?(https?|ssh|git)://\S+", option.value, re.IGNORECASE)):
            yield Place(DIRECT, url[0], where)


def _read_local_projects(options: Iterable[FileOption], folder: str) -> Iterator[Local]:
    """Yield the projects that a requirements file installs from folders."""
    for option in options:
        if option.name in ("", "-e", "--editable") and folder:
            path = option.value.partition("[")[0].strip()
            path = unquote(urlsplit(path).path) if path.startswith("file:") else path
            place = os.path.join(os.path.dirname(option.source) or folder, path)
            if path and not _WEB.search(path) and is_project_folder(place):
                yield read_local(os.path.normpath(place))


def _find_urls(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the URLs of a lock file that its tool requests: one file of each host and kind of key."""
    seen: set[tuple[str, str]] = set()
    waiting: list[Any] = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                if key in _URL_KEYS and isinstance(item, str) and _WEB.match(item):
                    host = urlsplit(item).netloc.rpartition("@")[2]
                    if (key, host) not in seen and len(seen) < _MAX_PLACES:
                        seen.add((key, host))
                        yield item
                elif isinstance(item, (dict, list)):
                    waiting.append(item)
        elif isinstance(value, list):
            waiting += reversed(value)
