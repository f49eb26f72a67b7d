"""The name as registered, where a project came into the mirror before upstream's list was asked about it."""

from __future__ import annotations

from mirrored import Mirrored
from upstream import Upstream, sdist, wheel


def test_a_project_that_was_brought_by_name_gets_the_name_of_the_list(mirrored: Mirrored, upstream: Upstream) -> None:
    """Without files nothing but the list tells it."""
    upstream.add("app", wheel("app", "1"))
    mirrored.settings["filename_matches"] = "*.whl"
    assert mirrored.run("sync") == 0
    upstream.add("Other.One", sdist("other-one", "1"))
    assert mirrored.run("sync", "other.one") == 0
    assert mirrored.run("-U") == 0
    assert ">Other.One<" in mirrored.read("index.html")
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]
