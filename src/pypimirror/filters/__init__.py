"""What of an index is mirrored."""

from collections.abc import Iterable

#: The order of our own filters where ``filters`` names none: the cheap ones before those that read metadata, and what counts
#: releases behind all that takes some away.
_FIRST = ("filename-matches", "filename-excludes", "package-types", "max-file-size", "compatibility", "specifiers",
          "prereleases", "yanked", "uploaded-before", "min-age")
_LAST = ("metadata-matches", "metadata-excludes", "latest-releases")


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Put names of filters into the order in which they are used where ``filters`` says none; others stand amid our own."""
    found = set(names)
    others = sorted(found.difference(_FIRST, _LAST))
    return tuple(name for name in (*_FIRST, *others, *_LAST) if name in found)
