"""Publishers in provenance files (PEP 740). Nothing is verified: the index that serves the file has done that."""

from __future__ import annotations

import json

from ..names import shown
from .errors import InvalidContent

#: Fields of a publisher that identify it, in the order of its description.
_FIELDS = ("kind", "repository", "workflow", "environment", "email", "sub")
#: Maximum number of bundles and size in bytes.
_MOST, _LARGEST = 100, 8 << 20


def publishers(body: bytes) -> frozenset[str]:
    """Return descriptions of the publishers of a file: ``GitHub example/demo release.yml``. Raises InvalidContent."""
    if len(body) > _LARGEST:
        raise InvalidContent("the provenance is too large")
    try:
        bundles = json.loads(body)["attestation_bundles"]
        found = [bundle["publisher"] for bundle in bundles[:_MOST]]
        return frozenset(shown(" ".join(str(each[name]) for name in _FIELDS if each.get(name))) for each in found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidContent("the provenance is not as PEP 740 has it") from error
