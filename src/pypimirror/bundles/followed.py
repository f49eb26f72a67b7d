"""What a mirror remembers of the bundles that it imported: whose they are, and the mark that it has."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ..errors import InvalidBundle
from ..state.database import State
from ..state.meta_keys import SERIAL
from .model import DELTA, BundleHeader

#: Facts of the state: the last import that was finished, and one under way.
FOLLOWED, UNDER_WAY = "bundle", "bundle_under_way"


class Followed(NamedTuple):
    """The result of an import."""

    #: Identifies the mirror that was exported.
    mirror: str
    mark: str
    #: The mirror's serial then; another one shows that a sync or restore has changed the mirror since.
    serial: int


class UnderWay(NamedTuple):
    """An import that has begun to change the mirror."""

    mirror: str
    base: str | None
    end: str


def followed(state: State) -> Followed | None:
    """Return the last import, or None."""
    found = _read_fact(state, FOLLOWED, Followed)
    return found if isinstance(found, Followed) else None


def under_way(state: State) -> UnderWay | None:
    """Return the import that was interrupted, or None."""
    found = _read_fact(state, UNDER_WAY, UnderWay)
    return found if isinstance(found, UnderWay) else None


def begin(state: State, header: BundleHeader) -> None:
    """Record that an import begins to change the mirror."""
    state.set_fact(UNDER_WAY, json.dumps(UnderWay(header.mirror, header.base, header.end)))


def finish(state: State, header: BundleHeader) -> None:
    """Record that an import is finished."""
    state.set_fact(FOLLOWED, json.dumps(Followed(header.mirror, header.end, int(state.fact(SERIAL) or 0))))
    state.set_fact(UNDER_WAY, None)


def check_base(state: State, header: BundleHeader, allow_deletions: bool) -> None:
    """Raise InvalidBundle unless a bundle fits to what the mirror has.

    allow_deletions: whether it may replace a newer content, or that of another mirror.
    """
    last, begun = followed(state), under_way(state)
    if header.kind != DELTA:
        if last is not None and not allow_deletions:
            _check_follows(last, header)
        return
    if last is None:
        raise InvalidBundle(f"the bundle has the changes since the mark {header.base}, and this mirror has no mark; import a "
                            "full bundle first (export --full)")
    if last.mirror != header.mirror:
        raise InvalidBundle(f"the bundle is one of the mirror {header.mirror}, and this mirror follows {last.mirror}")
    if last.mark not in (header.base, header.end):
        raise InvalidBundle(f"the bundle has the changes since the mark {header.base}, and this mirror has {last.mark}; it "
                            f"needs a bundle made with export --since {last.mark}")
    if begun is not None:
        if begun.base is None or _serial_of(header.end) < _serial_of(begun.end):
            raise InvalidBundle(f"the import of the mark {begun.end} was interrupted; finish it first, with its own bundle or "
                                "a newer one")
    elif int(state.fact(SERIAL) or 0) != last.serial:
        raise InvalidBundle(f"this mirror was changed after the import of the mark {last.mark}, by sync or restore; it needs a "
                            "full bundle, or one against a listing (export --full, --against)")


def _check_follows(last: Followed, header: BundleHeader) -> None:
    if last.mirror != header.mirror:
        raise InvalidBundle(f"the bundle is one of the mirror {header.mirror}, and this mirror follows {last.mirror}; to "
                            "follow the other one, import with --allow-deletions")
    if _serial_of(header.end) < _serial_of(last.mark):
        raise InvalidBundle(f"the bundle has the mark {header.end}, which is older than {last.mark} of this mirror; to go "
                            "back, import with --allow-deletions")


def _serial_of(mark: str) -> int:
    return int(mark.partition("-")[0])


def _read_fact(state: State, name: str, kind: Any) -> Any:
    """Return a fact of the state as a tuple of this kind; None without one, or if it can't be read."""
    text = state.fact(name)
    if text is None:
        return None
    try:
        return kind(*json.loads(text))
    except (ValueError, TypeError):
        return None
