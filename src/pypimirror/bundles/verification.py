"""Last step of an import: verifies what arrived, every file and page of the bundle, in its place in the mirror."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from ..events import FaultFound
from ..interfaces import IRunContext
from ..names import PINS
from ..pins.pin_forms import is_lock
from ..state import records
from ..state.database import State
from . import shipped
from .export_plan import page_settings
from .manifest import Manifest
from .model import RECORDS, BundleMember, ProjectLine


def differing_paths(mirror: IRunContext, state: State, manifest: Manifest, failed: Collection[str],
                    notify: Callable[[Any], None]) -> Iterator[str]:
    """Yield the paths of the bundle that are not in the mirror as they should be; notify of each.

    failed: projects that were reported already. Pages and lock files count only if both sites have the same settings of pages.
    """
    same_pages = page_settings(mirror.settings) == manifest.header.pages
    project, files = "", frozenset[str]()
    for line in manifest:
        if isinstance(line, ProjectLine):
            project = line.name
            record = state.record(project)
            files = frozenset(shipped.paths(records.decode(record))) if record else frozenset()
        elif isinstance(line, BundleMember) and not line.path.startswith(RECORDS) and project not in failed and (
                same_pages or line.path in files or (line.path.startswith(f"{PINS}/") and not is_lock(line.path))):
            found = mirror.storage.digest(line.path)
            if found != line.sha256:
                notify(FaultFound(line.path, "missing" if found is None else f"its sha256 is {found}, expected {line.sha256}"))
                yield line.path
