"""Projects that upstream does not have: a misspelt name, or an index_url that is no root of an index."""

from __future__ import annotations

from collections.abc import Iterable

from ..interfaces import IRunContext
from ..names import list_first
from ..state import records
from ..state.database import State
from .evaluate import Evaluation

#: Maximum number of names in a message.
_MOST = 5


class Absences:
    """Collects absences of exact names, to detect an upstream that has none of them.

    In that case index_url is more likely to be wrong than all projects to be deleted, and nothing may be removed.
    """

    def __init__(self, mirror: IRunContext, is_exact: bool, trust: bool):
        """is_exact: whether only exact names are evaluated. trust: whether absences count without this check."""
        self._mirror = mirror
        self._exact = (mirror.selection.exact or frozenset()) if is_exact and not trust else frozenset()
        #: Without the site's own projects, which do not depend on upstream.
        self._names = self._exact - mirror.own.projects.keys()
        self._absent: list[Evaluation] = []
        #: Projects that are no longer selected: the names that are selected in their place may be misspelt.
        self._unselected: list[Evaluation] = []
        self._found = False

    def holds(self, evaluation: Evaluation) -> bool:
        """Add an evaluation; return whether it is held until all projects are evaluated."""
        if evaluation.name not in self._names:
            if self._found or not self._names or evaluation.name in self._exact:
                return False
            self._unselected.append(evaluation)
            return True
        if not evaluation.absent:
            # An error, such as status 503, does not show that it is an index.
            self._found = self._found or evaluation.error is None
            return False
        self._absent.append(evaluation)
        return True

    def judge(self) -> tuple[tuple[Evaluation, ...], str | None]:
        """Return the evaluations that were held, and an error message if upstream has none of the names."""
        held = (*self._absent, *self._unselected)
        return held, None if self._found or not self._absent else none_found(self._mirror, self._absent)


def none_found(mirror: IRunContext, absent: Iterable[Evaluation]) -> str:
    """Return the error message for an upstream that has none of the selected projects."""
    found = list(absent)
    urls = ", ".join(mirror.upstreams)
    status = next((f" ({evaluation.status})" for evaluation in found if evaluation.status is not None), "")
    names = sorted(evaluation.display or evaluation.name for evaluation in found)
    check = ("index_url, which must be the root of a Simple index and often ends in /simple/; nothing is removed; "
             "if upstream has really deleted every project, run again with --allow-deletions")
    if len(names) == 1:
        return f"{names[0]}: not found at {urls}{status}; check the name, and {check}"
    return (f"none of the {len(names)} selected projects was found at {urls}{status}: {list_first(names, _MOST)}; "
            f"check the names, and {check}")


def without_pages(mirror: IRunContext, state: State, selected: int) -> str | None:
    """Return the error message for a list of which no selected project has a page, such as the links of a login page; or None.

    selected: the number of projects on upstream's list that the configuration selects."""
    if any(True for _ in state.errors()):
        return None
    found = (state.record(known.name) for known in state.known())
    if any(record is None or records.decode(record).listed for record in found):
        return None
    return (f"none of the {selected} selected projects on the list at {', '.join(mirror.upstreams)} has a page; check "
            "index_url, which must be the root of a Simple index and often ends in /simple/, and credentials if it needs any")
