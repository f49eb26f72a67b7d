"""Runs of a whole mirror against a real upstream on loopback."""

from __future__ import annotations

import pytest

from mirrored import Mirrored
from upstream import Upstream, sdist, wheel


def test_first_run_mirrors_files_pages_and_root(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("zope.interface", wheel("zope.interface", "1.0"), sdist("zope.interface", "1.0"))
    upstream.add("Products.Archetypes", sdist("Products.Archetypes", "2.0", "Products.Archetypes"))
    assert mirrored.run("sync") == 0
    assert mirrored.paths() == [
        "index.html", "index.v1_json",
        "products-archetypes/Products.Archetypes-2.0.tar.gz",
        "products-archetypes/index.html", "products-archetypes/index.v1_json",
        "zope-interface/index.html", "zope-interface/index.v1_json",
        "zope-interface/zope_interface-1.0-py3-none-any.whl", "zope-interface/zope_interface-1.0-py3-none-any.whl.metadata",
        "zope-interface/zope_interface-1.0.tar.gz"]
    assert not mirrored.untrue()
    assert 'href="products-archetypes/">Products.Archetypes</a>' in mirrored.read("index.html")


def test_a_run_without_changes_asks_for_the_list_alone(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    upstream.add("two", wheel("two", "1"))
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    upstream.asked()
    assert mirrored.run("sync", "-U") == 0
    assert upstream.asked() == ["/simple/"]
    assert mirrored.tree() == before


@pytest.mark.parametrize("serials", [True, str])
@pytest.mark.parametrize("etags", [True, False])
def test_an_update_asks_for_the_pages_of_changed_projects_alone(
        mirrored: Mirrored, upstream: Upstream, serials: bool | type, etags: bool) -> None:
    upstream.serials, upstream.etags = serials, etags
    for name in ("one", "two", "three"):
        upstream.add(name, wheel(name, "1"))
    assert mirrored.run("sync") == 0
    upstream.asked()
    upstream.add("two", wheel("two", "2"))
    assert mirrored.run("-U") == 0
    asked = upstream.asked()
    assert asked[:2] == ["/simple/", "/simple/two/"]
    assert sorted(asked[2:]) == ["/files/two/two-2-py3-none-any.whl", "/files/two/two-2-py3-none-any.whl.metadata"]
    assert mirrored.files("two") == ["two-1-py3-none-any.whl", "two-2-py3-none-any.whl"]
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]


def test_without_serials_each_project_costs_a_conditional_request(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.serials = False
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    assert mirrored.run("sync") == 0
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert sorted(upstream.asked()) == ["/simple/", "/simple/one/", "/simple/two/"]
    upstream.add("two", wheel("two", "2"))
    assert mirrored.run("-U") == 0
    assert len(mirrored.files("two")) == 2


def test_html_only_upstream_is_mirrored(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.json = False
    upstream.add("Zope.One", wheel("Zope.One", "1"), sdist("Zope.One", "1"), requires_python=">=3.8", yanked="it <burns>")
    assert mirrored.run("sync") == 0
    page = mirrored.page("zope-one")
    assert [f["filename"] for f in page["files"]] == ["zope_one-1-py3-none-any.whl", "zope_one-1.tar.gz"]
    assert {f["yanked"] for f in page["files"]} == {"it <burns>"}
    assert {f["requires-python"] for f in page["files"]} == {">=3.8"}
    assert not mirrored.untrue()
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert not [path for path in upstream.asked() if path.startswith("/files/")]


def test_exact_names_never_ask_for_the_list(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("zope.one", wheel("zope.one", "1"))
    upstream.add("zope.two", wheel("zope.two", "1"))
    mirrored.settings["package_matches"] = "Zope.One"
    assert mirrored.run("sync") == 0
    assert "/simple/" not in upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/zope-one/"]
    assert not (mirrored.root / "zope-two").exists()


def test_what_goes_upstream_leaves_the_pages_and_waits_in_the_trash(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    upstream.add("two", wheel("two", "1"))
    assert mirrored.run("sync") == 0
    upstream.remove("one", "one-1-py3-none-any.whl")
    upstream.remove("two")
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == ["one-2-py3-none-any.whl"]
    assert not (mirrored.root / "two").exists()
    assert not (mirrored.root / "one/one-1-py3-none-any.whl.metadata").exists()
    assert ">two<" not in mirrored.read("index.html")
    trashed = sorted(p.name for p in (mirrored.root / ".pypimirror/trash").rglob("*.whl"))
    assert trashed == ["one-1-py3-none-any.whl", "two-1-py3-none-any.whl"]
    upstream.add("two", wheel("two", "1"))
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/", "/simple/two/"]
    assert not mirrored.untrue()


def test_lost_state_costs_no_download(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"), sdist("one", "1"))
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    upstream.asked()
    assert mirrored.run("sync") == 0
    assert sorted(upstream.asked()) == ["/simple/", "/simple/one/"]
    assert mirrored.tree() == before


def test_damaged_state_is_set_aside_and_costs_no_download(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    (mirrored.root / ".pypimirror/state.sqlite").write_bytes(b"this is no database" * 1000)
    upstream.asked()
    assert mirrored.run("sync") == 0
    assert sorted(upstream.asked()) == ["/simple/", "/simple/one/"]
    assert mirrored.tree() == before


def test_a_narrowed_configuration_takes_files_and_links_and_asks_for_no_page(mirrored: Mirrored, upstream: Upstream) -> None:
    for name in ("zope.one", "plone.two"):
        upstream.add(name, wheel(name, "1"), sdist(name, "1"))
    assert mirrored.run("sync") == 0
    mirrored.settings |= {"package_matches": "zope.*", "filename_excludes": "*.whl"}
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]
    assert mirrored.paths() == ["index.html", "index.v1_json", "zope-one/index.html", "zope-one/index.v1_json",
                                "zope-one/zope_one-1.tar.gz"]
    assert mirrored.files("zope-one") == ["zope_one-1.tar.gz"]


def test_a_name_that_matches_anew_is_fetched_although_its_serial_is_old(mirrored: Mirrored, upstream: Upstream) -> None:
    for name in ("zope.one", "plone.two"):
        upstream.add(name, wheel(name, "1"))
    mirrored.settings["package_matches"] = "zope.*"
    assert mirrored.run("sync") == 0
    mirrored.settings["package_matches"] = "zope.* plone.*"
    assert mirrored.run("-U") == 0
    assert mirrored.files("plone-two") == ["plone_two-1-py3-none-any.whl"]


def test_a_damaged_body_is_not_published_and_is_tried_again(mirrored: Mirrored, upstream: Upstream, capsys) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    path = "/files/one/one-2-py3-none-any.whl"
    upstream.answers[path] = (200, {}, upstream.projects["one"]["one-2-py3-none-any.whl"].body[:-1] + b"x")
    assert mirrored.run("sync") == 1
    assert mirrored.files("one") == ["one-1-py3-none-any.whl"]
    assert not mirrored.untrue()
    assert f"{upstream.host}{path}" in capsys.readouterr().err
    assert mirrored.run("-U") == 1
    del upstream.answers[path]
    assert mirrored.run("-U") == 0
    assert len(mirrored.files("one")) == 2


def test_one_projects_failure_holds_up_no_other(mirrored: Mirrored, upstream: Upstream) -> None:
    for name in ("one", "two", "three"):
        upstream.add(name, wheel(name, "1"))
    upstream.answers["/simple/two/"] = (200, {"Content-Type": "text/plain"}, b"log in, please")
    assert mirrored.run("sync") == 1
    assert mirrored.files("one") and mirrored.files("three")
    del upstream.answers["/simple/two/"]
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked()[:2] == ["/simple/", "/simple/two/"]
    assert mirrored.files("two")


def test_indexes_only_writes_pages_again_without_asking_anybody(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    (mirrored.root / "one/index.html").write_text("torn")
    (mirrored.root / "index.html").unlink()
    upstream.asked()
    assert mirrored.run("-i") == 0
    assert upstream.asked() == []
    assert mirrored.files("one") == ["one-1-py3-none-any.whl"]
    assert mirrored.paths() == sorted(before)


def test_names_given_are_brought_up_to_date_and_no_others(mirrored: Mirrored, upstream: Upstream) -> None:
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    assert mirrored.run("sync") == 0
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "2"))
    upstream.asked()
    assert mirrored.run("sync", "One") == 0
    assert upstream.asked()[0] == "/simple/one/"
    assert len(mirrored.files("one")) == 2
    assert len(mirrored.files("two")) == 1
    assert mirrored.run("-U") == 0
    assert len(mirrored.files("two")) == 2
