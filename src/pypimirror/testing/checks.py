"""Checks that the contracts share, and sample values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from zope.interface import providedBy
from zope.interface.verify import verifyObject

from ..model import File, Project, Stored
from ..settings.keys import KEYS
from ..settings.reader import RawValue, convert_values, fill_in_defaults
from ..settings.values import Settings

T = TypeVar("T")
_FILES = "https://files.example.com/"


def settings(mirror_file_path: str = "/srv/pypi", state_path: str = "/srv/state", **others: Any) -> Settings:
    """Return the settings of a mirror as if read from a configuration file, with defaults.

    others: converted values of further keys, including the keys of the plugin.
    """
    given = {"mirror_file_path": RawValue(mirror_file_path, "test"), "state_path": RawValue(state_path, "test")}
    found = fill_in_defaults(convert_values(KEYS, given, "test"), "test") | others
    return Settings(found, dict.fromkeys(found, "test"), "test")


def blocks(body: bytes, size: int = 100_000) -> Iterable[bytes]:
    """Split a body into blocks of ``size`` bytes."""
    return (body[place:place + size] for place in range(0, len(body), size))


def raises(kind: type[BaseException], attempt: Callable[..., object], *arguments: object) -> None:
    """Fail unless the attempt raises an error of this kind."""
    try:
        attempt(*arguments)
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")


def implements(component: Any, interface: Any) -> None:
    """Fail unless a component provides the interface, and each derived one that it declares, completely."""
    assert interface.providedBy(component), f"{component!r} does not provide {interface.__name__}; use @implementer"
    for each in providedBy(component):
        if each.isOrExtends(interface):
            assert verifyObject(each, component)


def in_threads(function: Callable[[], T]) -> list[T]:
    """Return the results of several calls at once, by several threads."""
    with ThreadPoolExecutor(4) as pool:
        return [call.result() for call in [pool.submit(function) for _ in range(12)]]


def is_plain_name(name: Any) -> bool:
    """Return whether a value is the name of a file without folders."""
    return isinstance(name, str) and bool(name) and name.isprintable() and "/" not in name and name not in (".", "..")


def file(filename: str, **fields: Any) -> File:
    """Return a file as on upstream's page."""
    return File(filename, _FILES + filename, **fields)


def published(filename: str, **fields: Any) -> File:
    """Return a file that the mirror has and lists."""
    return file(filename, **fields)._replace(stored=Stored("ab" * 32, 1234, published=True))


#: Projects as upstream may have them: without files, with odd names of files, without times, sizes and hashes.
PROJECTS = (
    Project("empty"),
    Project("one", (file("one-1.0.tar.gz"),), display="One"),
    Project("zope-interface", tuple(
        file(f"zope_interface-{version}{suffix}", hashes={"sha256": "ab" * 32}, size=1000 * number,
             upload_time=f"2024-0{number}-01T00:00:00.000000Z", requires_python=">=3.10", yanked=number == 1 and "broken",
             core_metadata={"sha256": "cd" * 32})
        for number, version in enumerate(("6.0", "7.0", "8.0a1", "8.0"), 1)
        for suffix in (".tar.gz", "-py3-none-any.whl", "-cp311-cp311-manylinux_2_28_x86_64.whl")), display="zope.interface"),
    Project("odd", (file("odd-1!2.0.post1.tar.gz"), file("odd-not-a-version.zip"), file("odd.tar.gz"),
                    file("odd-1.0-py3.11.egg"), file("odd-1.0.win32.exe", requires_python="what <> ever"),
                    file("odd-2.0-1-py2.py3-none-any.whl"),
                    file("odd-3.0.tar.gz", upload_time="yesterday", size=0, yanked=True)), display="ODD"),
)
#: The same with files of the mirror, as index writers get them.
PUBLISHED = tuple(project._replace(files=tuple(each._replace(stored=Stored("ab" * 32, 1234, "cd" * 32 if each.core_metadata else
                                                                         None, True)) for each in project.files))
                  for project in PROJECTS)
