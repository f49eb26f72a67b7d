"""Why the mirror does not offer something: its selection, applied to what its state knows of upstream."""

from __future__ import annotations

from collections.abc import Collection

from ..interfaces import IRunContext
from ..metadata.filenames import parse, release
from ..model import File, Project
from ..names import METADATA
from ..selected import LeftOut
from ..state import records
from ..state.database import State
from ..sync.pinning import Pinning

#: Reasons in one message.
_MOST = 3


class MirrorRecords:
    """The state of a mirror, read without a lock and without a request."""

    def __init__(self, mirror: IRunContext, state: State):
        """state: open to read."""
        self._mirror, self._state = mirror, state
        Pinning(mirror, state, lambda event: None, dry=True).remember()

    def fact(self, name: str) -> str | None:
        """Return a fact about the mirror (``state.meta_keys``)."""
        return self._state.fact(name)

    def why(self, name: str, versions: Collection[str] = ()) -> str:
        """Return why the mirror does not offer a project, or releases of it; empty if that is unknown.

        name: normalised. versions: all releases if empty.
        """
        if not self._mirror.selection.allowed(name):
            return "package_excludes leaves it out"
        if not self._mirror.selection.wanted(name):
            return "neither package_matches nor a pin selects it"
        row, record = self._state.row(name), self._state.record(name)
        if row is not None and row.error:
            return f"the last run failed on it: {row.error}"
        if not record:
            return "selected, but no run has read it yet, or upstream does not have it; run sync"
        project = records.decode(record)
        if project.quarantined:
            return "upstream has quarantined it"
        return self._why_left_out(project, {release(version) for version in versions})

    def _why_left_out(self, project: Project, versions: Collection[object]) -> str:
        """Return why files of a project that upstream lists are not in the mirror."""

        def matches(file: File) -> bool:
            return not versions or release(parse(file.filename, project.name).version or "") in versions

        files = [file for file in project.files if matches(file)]
        if not files:
            return "upstream had no such release when its page was read last"
        if gone := [file for file in files if not file.listed and file.stored is None]:
            return f"upstream removed {gone[0].filename}"
        selected = self._mirror.selection.select(project, lambda file: self._metadata(project.name, file))
        found: dict[str, LeftOut] = {}
        for one in selected.left_out:
            if matches(one.file):
                found.setdefault(one.reason, one)
        texts = [f"{one.file.filename} is left out: {reason}{f' (filter {one.filter})' if one.filter else ''}"
                 for reason, one in found.items()]
        if not texts and any(file.stored is None for file in files):
            return "selected, but not fetched yet; run sync"
        return "; ".join(texts[:_MOST])

    def _metadata(self, name: str, file: File) -> bytes | None:
        return self._mirror.storage.read(f"{name}/{file.filename}{METADATA}") if file.stored is not None else None
