"""What the formats of SBOMs share: the parts of a document, its time and its identity."""

from __future__ import annotations

import datetime
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from ...errors import ConfigurationError
from ...pins.model import Release
from ...sbom.model import Component
from ...tracebacks import describe, log_error

PROGRAM = "z3c.recipe.pypimirror"
#: Namespace of serial numbers: the same content has the same number.
_NAMESPACE = uuid.UUID("1d3dfb53-8c5a-5b1f-9d0c-3c0a0f6c5f4e")
_EPOCH = "SOURCE_DATE_EPOCH"
_Value = TypeVar("_Value")


class BillOfMaterials(NamedTuple):
    """The parts of one SBOM, in the order in which they are written."""

    #: What the SBOM is about.
    name: str
    components: Iterable[Component]
    #: Returns each component with those that it depends on; called after the components.
    dependencies: Callable[[], Iterable[tuple[Release, tuple[Release, ...]]]]
    #: Takes messages about components that can't be written as a whole.
    report: Callable[[str], None]
    #: The time of ``SOURCE_DATE_EPOCH``; None without it.
    created: datetime.datetime | None = None


def render_or_reduce(release: Component, render: Callable[[Component], _Value], report: Callable[[str], None]) -> _Value:
    """Return the form of a component; if the library fails on its content, without what the project states about itself."""
    try:
        return render(release)
    except Exception as error:  # libraries raise many kinds of errors
        log_error(f"{release.purl} can't be written", error)
        report(f"{release.project} {release.version}: what its metadata state is left out: {describe(error)}")
        return render(Component(release.project, release.project, release.version, release.files))


def list_items(texts: Iterable[str], update: Callable[[bytes], object]) -> Iterator[str]:
    """Yield the items of a JSON list, a line each, and pass them to ``update`` of a digest."""
    for number, text in enumerate(texts):
        update(text.encode())
        yield f"{',' * bool(number)}\n{text}"


def source_date() -> datetime.datetime | None:
    """Return the time of ``SOURCE_DATE_EPOCH``, or None if it is not set. Raises ConfigurationError."""
    value = os.environ.get(_EPOCH)
    if not value:
        return None
    try:
        return datetime.datetime.fromtimestamp(int(value), datetime.timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigurationError(f"{_EPOCH}={value}: must be seconds since 1970") from error


def serial_number(digest: str) -> uuid.UUID:
    """Return the serial number of a document. digest: of its content."""
    return uuid.uuid5(_NAMESPACE, digest)


def top_level(edges: Sequence[tuple[Release, tuple[Release, ...]]]) -> list[Release]:
    """Return components from which all others are reached: those that no other requires, and one of each circle."""
    targets = dict(edges)
    required = {target for each in targets.values() for target in each}
    found: list[Release] = []
    reached: set[Release] = set()
    for release in sorted(targets, key=lambda release: release in required):
        if release not in reached:
            found.append(release)
            todo = [release]
            while todo:
                each = todo.pop()
                if each not in reached:
                    reached.add(each)
                    todo.extend(targets[each])
    return found
