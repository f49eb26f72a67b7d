"""Runs of a whole mirror against a real upstream on loopback."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone

import pytest

from pypimirror import __version__
from pypimirror.filters.age import MinAge
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

pytestmark = pytest.mark.storages


@pytest.mark.bucket
def test_first_run_mirrors_files_pages_and_root(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("zope.interface", wheel("zope.interface", "1.0"), sdist("zope.interface", "1.0"))
    upstream.add("Products.Archetypes", sdist("Products.Archetypes", "2.0", "Products.Archetypes"))
    assert mirrored.run("sync") == 0
    assert mirrored.paths() == [
        "Products.Archetypes/index.html", "full.html", "index.html", "index.v1_json",
        "products-archetypes/Products.Archetypes-2.0.tar.gz",
        "products-archetypes/index.html", "products-archetypes/index.v1_json",
        "zope-interface/index.html", "zope-interface/index.v1_json",
        "zope-interface/zope_interface-1.0-py3-none-any.whl", "zope-interface/zope_interface-1.0-py3-none-any.whl.metadata",
        "zope-interface/zope_interface-1.0.tar.gz", "zope.interface/index.html"]
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


@pytest.mark.bucket
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
    # A bucket would be asked for the wheel again to take the metadata out of it.
    assert [path for path in asked[2:] if not path.endswith(".metadata")] == ["/files/two/two-2-py3-none-any.whl"]
    assert (mirrored.root / "two/two-2-py3-none-any.whl.metadata").exists()
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


@pytest.mark.bucket
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


@pytest.mark.bucket
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


@pytest.mark.bucket
def test_a_narrowed_configuration_takes_files_and_links_and_asks_for_no_page(mirrored: Mirrored, upstream: Upstream) -> None:
    for name in ("zope.one", "plone.two"):
        upstream.add(name, wheel(name, "1"), sdist(name, "1"))
    assert mirrored.run("sync") == 0
    mirrored.settings |= {"package_matches": "zope.*", "filename_excludes": "*.whl"}
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]
    assert mirrored.paths() == ["full.html", "index.html", "index.v1_json", "zope-one/index.html", "zope-one/index.v1_json",
                                "zope-one/zope_one-1.tar.gz", "zope.one/index.html"]
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


def test_what_goes_upstream_stays_listed_with_cleanup_off(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    upstream.add("two", wheel("two", "1"))
    mirrored.settings["cleanup"] = "False"
    assert mirrored.run("sync") == 0
    upstream.remove("one", "one-1-py3-none-any.whl")
    upstream.remove("two")
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == ["one-1-py3-none-any.whl", "one-2-py3-none-any.whl"]
    assert mirrored.files("two") == ["two-1-py3-none-any.whl"]
    assert ">two<" in mirrored.read("index.html")
    mirrored.settings["cleanup"] = "True"
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == ["one-2-py3-none-any.whl"]
    assert not (mirrored.root / "two").exists()


def test_the_first_removal_says_how_to_turn_it_off(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"), wheel("one", "3"))
    assert mirrored.run("sync") == 0
    for version in "12":
        upstream.remove("one", f"one-{version}-py3-none-any.whl")
        assert mirrored.run("-U") == 0
    assert (mirrored.root / ".pypimirror/pypimirror.log").read_text().count("cleanup = False keeps it") == 1


def test_quarantined_projects_offer_nothing_and_come_back_without_a_download(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings["cleanup"] = "False"
    assert mirrored.run("sync") == 0
    upstream.statuses["one"] = {"status": "quarantined"}
    upstream.touch("one")
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == []
    assert mirrored.page("one")["project-status"] == {"status": "quarantined"}
    assert not (mirrored.root / "one/one-1-py3-none-any.whl").exists()
    del upstream.statuses["one"]
    upstream.touch("one")
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/", "/simple/one/"]
    assert mirrored.files("one") == ["one-1-py3-none-any.whl"]
    assert not mirrored.untrue()


def test_metadata_filters_read_the_metadata_of_upstream(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    mirrored.settings["metadata_matches"] = "Version: 2*"
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == ["one-2-py3-none-any.whl"]
    asked = upstream.asked()
    assert asked.count("/files/one/one-1-py3-none-any.whl.metadata") == 1
    assert "/files/one/one-1-py3-none-any.whl" not in asked


def test_a_file_held_back_for_its_age_comes_when_it_is_old_enough(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add("one", wheel("one", "1"), upload_time="2026-01-01T00:00:00Z")
    upstream.add("two", wheel("two", "1"), upload_time="2025-01-01T00:00:00Z")  # the only serial of a list does not count
    mirrored.settings["min_age"] = "7d"
    start = datetime(2026, 1, 2, tzinfo=timezone.utc).timestamp()
    monkeypatch.setattr(time, "time", lambda: start)
    monkeypatch.setattr(MinAge.__init__, "__defaults__", (lambda: time.time(),))
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == []
    monkeypatch.setattr(time, "time", lambda: start + 6 * 86400)
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == ["one-1-py3-none-any.whl"]
    assert "/simple/one/" not in upstream.asked()


def test_an_update_of_an_upstream_without_serials_can_be_bounded(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.serials = upstream.etags = False
    upstream.add("one", wheel("one", "1"))
    mirrored.settings["fetch_since_days"] = "30"
    assert mirrored.run("-U") == 0
    upstream.add("one", wheel("one", "2"), upload_time="2001-01-01T00:00:00Z")
    upstream.add("one", wheel("one", "3"), upload_time=datetime.now(timezone.utc).isoformat())
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == ["one-1-py3-none-any.whl", "one-3-py3-none-any.whl"]
    assert mirrored.run("-I") == 0
    assert len(mirrored.files("one")) == 3


def test_with_serials_fetch_since_days_is_said_to_be_needless_once(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("-U", "-d", "3") == 0
    upstream.touch("one")
    assert mirrored.run("-U", "-d", "3") == 0
    assert (mirrored.root / ".pypimirror/pypimirror.log").read_text().count("fetch_since_days is not needed") == 1


def test_projects_of_which_the_file_patterns_leave_nothing_are_counted(
        mirrored: Mirrored, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    upstream.add("one", wheel("one", "1"))
    upstream.add("two", wheel("two", "1"), sdist("two", "1"))
    mirrored.settings["filename_matches"] = "*.zip *.tgz *.egg *.tar.gz *.tar.bz2"
    warning = "1 projects offer only files that filename_matches excludes"
    assert mirrored.run("-U") == 0
    assert mirrored.run("-U") == 0
    assert (mirrored.root / ".pypimirror/pypimirror.log").read_text().count(warning) == 2
    capsys.readouterr()
    assert mirrored.run("status") == 0
    assert warning in capsys.readouterr().out


def test_changes_of_the_index_formats_write_and_remove_pages(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("Zope.One", wheel("Zope.One", "1"))
    assert mirrored.run("sync") == 0
    everything = mirrored.paths()
    mirrored.settings |= {"index_formats": "json", "legacy_names": "False"}
    assert mirrored.run("-U") == 0
    pages = [path for path in mirrored.paths() if path.endswith(("html", "json"))]
    assert pages == ["index.v1_json", "zope-one/index.v1_json"]
    mirrored.settings["create_indexes"] = "False"
    assert mirrored.run("-U") == 0
    assert not [path for path in mirrored.paths() if path.endswith(("html", "json"))]
    for key in ("index_formats", "legacy_names", "create_indexes"):
        del mirrored.settings[key]
    assert mirrored.run("-U") == 0
    assert mirrored.paths() == everything


def test_full_html_names_every_file_and_its_footer_counts(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("two", sdist("two", "1"))
    upstream.add("Zope.One", wheel("Zope.One", "1"), wheel("Zope.One", "2"))
    mirrored.settings["base_url"] = "http://pypi.example.com"
    assert mirrored.run("sync") == 0
    page = mirrored.read("full.html")
    assert re.findall('href="([^#]+)#', page) == [
        "http://pypi.example.com/two/two-1.tar.gz", "http://pypi.example.com/zope-one/zope_one-1-py3-none-any.whl",
        "http://pypi.example.com/zope-one/zope_one-2-py3-none-any.whl"]
    assert f"2 packages, 3 files. z3c.recipe.pypimirror {__version__}" in page


@pytest.mark.parametrize("exact", [True, False])
def test_the_registered_name_is_found_where_the_list_does_not_tell(mirrored: Mirrored, upstream: Upstream, exact: bool) -> None:
    upstream.add("Products.One", sdist("Products.One", "1", "Products.One"))
    upstream.add("Zope.Two", wheel("Zope.Two", "1"))
    upstream.add("three", wheel("three", "1"))
    upstream.displays = {name: name for name in upstream.projects}
    mirrored.settings["package_matches"] = "products.one zope.two three" if exact else "*"
    assert mirrored.run("sync") == 0
    assert {"Products.One/index.html", "Zope.Two/index.html"} <= set(mirrored.paths())
    assert '<a href="../products-one/Products.One-1.tar.gz#sha256=' in mirrored.read("Products.One/index.html")
    assert ">Products.One<" in mirrored.read("index.html")
    assert not mirrored.untrue()
    before = mirrored.tree()
    assert mirrored.run("-I") == 0
    assert mirrored.tree() == before


def test_a_second_page_goes_with_its_project_also_when_the_state_was_lost(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("Zope.One", wheel("Zope.One", "1"))
    upstream.add("two", wheel("two", "1"))
    assert mirrored.run("sync") == 0
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    mirrored.settings["package_excludes"] = "zope.*"
    assert mirrored.run("-U") == 0
    assert {path.partition("/")[0] for path in mirrored.paths()} == {"full.html", "index.html", "index.v1_json", "two"}


def test_a_name_that_is_a_path_of_ours_has_no_second_page(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("Pins", wheel("Pins", "1"))
    assert mirrored.run("sync") == 0
    assert "Pins/index.html" not in mirrored.paths()
    assert "pins/index.html" in mirrored.paths()


def test_indexes_only_leaves_what_is_missing_to_the_next_run(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    path = "/files/one/one-2-py3-none-any.whl"
    upstream.answers[path] = (404, {}, b"")
    assert mirrored.run("sync") == 1
    assert mirrored.run("-i") == 1
    del upstream.answers[path]
    assert mirrored.run("-U") == 0
    assert len(mirrored.files("one")) == 2


def test_pages_that_a_change_does_not_touch_are_not_written_again(mirrored: Mirrored, upstream: Upstream) -> None:
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"), wheel(name, "2"))
    assert mirrored.run("sync") == 0

    def written() -> dict[str, tuple[int, int]]:
        return {path: ((stat := (mirrored.root / path).stat()).st_ino, stat.st_mtime_ns)
                for path in mirrored.paths() if path.startswith("one/")}

    before = written()
    mirrored.settings["filename_excludes"] = "two-1*"
    assert mirrored.run("-U") == 0
    upstream.add("two", wheel("two", "3"))
    assert mirrored.run("-U") == 0
    assert mirrored.run("-I") == 0
    assert mirrored.run("-i") == 0
    assert written() == before
    assert mirrored.files("two") == ["two-2-py3-none-any.whl", "two-3-py3-none-any.whl"]


def test_metadata_that_are_not_in_the_wheel_as_upstream_has_them_are_fetched(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"), ("one-3-py3-none-any.whl", wheel("one", "3")[1]))
    files = upstream.projects["one"]
    files["one-2-py3-none-any.whl"].metadata = b"Metadata-Version: 2.1\nName: one\nVersion: 2\nKeywords: mended\n"
    third = files["one-3-py3-none-any.whl"]
    third.body = third.body.replace(b".dist-info/METADATA", b".dist-info/METADATO")
    assert mirrored.run("sync") == 0
    fetched = [path for path in upstream.asked() if path.endswith(".metadata")]
    assert sorted(fetched) == ["/files/one/one-2-py3-none-any.whl.metadata", "/files/one/one-3-py3-none-any.whl.metadata"]
    for name, served in files.items():
        assert (mirrored.root / f"one/{name}.metadata").read_bytes() == served.metadata


def test_the_registered_name_is_found_in_an_sdist_where_there_is_nothing_else(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("Zope.Interface", sdist("Zope.Interface", "1.0"))
    mirrored.settings["package_matches"] = "zope.interface"
    assert mirrored.run("sync") == 0
    assert mirrored.files("zope-interface") == ["zope_interface-1.0.tar.gz"]
    assert ">Zope.Interface<" in mirrored.read("index.html")
    assert (mirrored.root / "Zope.Interface/index.html").exists()
