"""The name as registered, where a project came into the mirror before upstream's list was asked about it."""

from __future__ import annotations

import pytest

from support.mirror import Mirrored
from support.upstream import Upstream, metadata, packed, sdist, wheel


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


def test_a_project_without_files_gets_its_name_from_those_that_come(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("Other.One", wheel("other.one", "1"))
    upstream.remove("Other.One", wheel("other.one", "1")[0])
    mirrored.settings["package_matches"] = "other.one"
    assert mirrored.run("sync") == 0
    assert ">other-one<" in mirrored.read("index.html")
    upstream.add("Other.One", wheel("Other.One", "2"))
    assert mirrored.run("-U") == 0
    assert ">Other.One<" in mirrored.read("index.html")
    assert "Other.One/index.html" in mirrored.paths()


@pytest.mark.parametrize(("registered", "found"), [("Demo.App", "Demo.App"), ("demo_app", "demo_app"), ("Other", "")])
def test_the_name_is_read_out_of_an_sdist_whose_file_name_is_normalised(
        mirrored: Mirrored, upstream: Upstream, registered: str, found: str) -> None:
    upstream.add("demo-app", packed("demo_app-1.0", {"PKG-INFO": metadata(registered, "1.0", ())}))
    mirrored.settings["package_matches"] = "demo-app"
    assert mirrored.run("sync") == 0
    assert f">{found or 'demo-app'}<" in mirrored.read("index.html")
