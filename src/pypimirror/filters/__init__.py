"""Filters: which projects, releases and files of the upstream index are mirrored."""

from collections.abc import Iterable

#: The default order of the built-in filters: cheap ones before those that read metadata, and the one that counts releases
#: after all that leave some out.
_FIRST = ("filename-matches", "filename-excludes", "package-types", "max-file-size", "compatibility", "specifiers",
          "prereleases", "yanked", "uploaded-before", "min-age")
_LAST = ("metadata-matches", "metadata-excludes", "latest-releases")


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of filters in the default order; filters of plugins stand between the two built-in groups."""
    found = set(names)
    others = sorted(found.difference(_FIRST, _LAST))
    return tuple(name for name in (*_FIRST, *others, *_LAST) if name in found)
