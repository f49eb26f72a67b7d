"""Publishers in provenance files (PEP 740). Nothing is verified here: ``attestations`` does that."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..names import shown
from .errors import InvalidContent

#: Maximum size in bytes of a provenance file that is read.
LARGEST = 8 << 20
#: Fields of a publisher in the order of its description; others that identify it follow in the order of their names.
_FIRST = ("kind", "repository", "workflow", "workflow_filepath", "environment", "email", "sub")
#: Fields that differ between releases of one publisher.
_CHANGING = frozenset({"claims", "vcs_ref"})
#: Maximum number of bundles.
_MOST = 100


def publishers(body: bytes) -> frozenset[str]:
    """Return descriptions of the publishers of a file: ``GitHub example/demo release.yml``. Raises InvalidContent."""
    if len(body) > LARGEST:
        raise InvalidContent("the provenance is too large")
    try:
        bundles = json.loads(body)["attestation_bundles"]
        if not isinstance(bundles, list) or len(bundles) > _MOST:
            raise InvalidContent(f"the provenance has no list of at most {_MOST} bundles")
        return frozenset(shown(" ".join(_described(bundle["publisher"]))) for bundle in bundles)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidContent("the provenance is not as PEP 740 has it") from error


def _described(publisher: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values that identify a publisher, of a kind that is known or not."""
    if not isinstance(publisher["kind"], str) or not publisher["kind"]:
        raise TypeError("a publisher without a kind")
    more = sorted(name for name in publisher if name not in _FIRST and name not in _CHANGING)
    for name in (*_FIRST, *more):
        if (value := publisher.get(name)) and isinstance(value, (str, int, float)):
            yield str(value)
