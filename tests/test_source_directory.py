"""A plain directory as upstream: heaps of distributions, and indexes in folders."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from pypimirror.errors import FetchError
from pypimirror.model import Head
from pypimirror.upstream.file_fetcher import FileFetcher
from pypimirror.upstream.flat_directory import FlatDirectorySource
from support.flat_directories import archive, egg, info, put, zip64
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel


@pytest.fixture
def heap(tmp_path: Path, mirrored: Mirrored) -> Path:
    """A directory that the mirror is of; empty as yet."""
    folder = tmp_path / "heap"
    folder.mkdir()
    mirrored.settings["index_url"] = folder
    return folder


def source(folder: Path) -> FlatDirectorySource:
    """Return the source of a heap, without a mirror."""
    return FlatDirectorySource(SimpleNamespace(url=folder.as_uri()), None)


def log(mirrored: Mirrored) -> str:
    """Give the log of all runs."""
    return mirrored.read(".pypimirror/pypimirror.log")


def entries(mirrored: Mirrored, name: str) -> dict[str, dict]:
    """Give the files of a project's JSON page by name."""
    return {entry["filename"]: entry for entry in mirrored.page(name)["files"]}


# --- heaps


def test_a_heap_is_mirrored_with_all_that_its_files_say(mirrored: Mirrored, heap: Path) -> None:
    meta = info("My.Demo", "1.0", "Requires-Python: >=3.9", "Requires-Dist: other")
    put(heap, archive("my_demo-1.0-py3-none-any.whl", {"my_demo-1.0.dist-info/METADATA": meta}))
    put(heap / "old" / "deep", archive("my-demo-0.9.tar.gz", {"my-demo-0.9/PKG-INFO": info("My.Demo", "0.9",
                                                                                         "Requires-Python: >=2.7")}))
    put(heap / "eggs", egg("my-demo", "0.8", "Requires-Python: >=2.6"))
    large = info("My.Demo", "1.1", "Requires-Python: >=3.10").encode()
    put(heap, ("my_demo-1.1-py3-none-any.whl", zip64("my_demo-1.1.dist-info/METADATA", large)))
    assert mirrored.run("sync") == 0
    assert not mirrored.untrue()
    found = entries(mirrored, "my-demo")
    assert {name: entry.get("requires-python") for name, entry in found.items()} == {
        "my-demo-0.9.tar.gz": ">=2.7", "my_demo-0.8-py3.11.egg": ">=2.6", "my_demo-1.0-py3-none-any.whl": ">=3.9",
        "my_demo-1.1-py3-none-any.whl": ">=3.10"}
    assert found["my_demo-1.0-py3-none-any.whl"]["core-metadata"] == {"sha256": hashlib.sha256(meta.encode()).hexdigest()}
    assert mirrored.read("my-demo/my_demo-1.0-py3-none-any.whl.metadata") == meta
    assert not found["my-demo-0.9.tar.gz"].get("core-metadata")
    assert "My.Demo</a>" in mirrored.read("index.html")


def test_an_sdist_whose_metadata_are_final_has_a_metadata_file(mirrored: Mirrored, heap: Path) -> None:
    final, open_ = info("final", "1", form="2.4"), info("open", "1", "Dynamic: License-File", form="2.2")
    put(heap, archive("final-1.tar.gz", {"final-1/PKG-INFO": final}), archive("open-1.tar.gz", {"open-1/PKG-INFO": open_}))
    assert mirrored.run("sync") == 0
    assert mirrored.read("final/final-1.tar.gz.metadata") == final
    assert not entries(mirrored, "open")["open-1.tar.gz"].get("core-metadata")


@pytest.mark.parametrize("form", ["2." + "9" * 5000, "9" * 5000 + ".2", "\u00b2.2", "2", "2.2.2", "", "-2.2"])
def test_an_sdist_with_an_odd_version_of_its_metadata_has_no_metadata_file(mirrored: Mirrored, heap: Path, form: str) -> None:
    put(heap, archive("odd-1.tar.gz", {"odd-1/PKG-INFO": info("odd", "1", form=form)}))
    assert mirrored.run("sync") == 0
    assert not entries(mirrored, "odd")["odd-1.tar.gz"].get("core-metadata")


@pytest.mark.parametrize(("file", "final"), [
    (archive("x-1.tar.gz", {"x-1/PKG-INFO": info("x", "1", form="2.1")}), False),
    (archive("x-1.tar.gz", {"x-1/PKG-INFO": info("x", "1", form="2.2")}), True),
    (archive("x-1.tar.gz", {"x-1/PKG-INFO": info("x", "1", form="3.0")}), True),
    (archive("x-1.zip", {"x-1/PKG-INFO": info("x", "1", form="2.2")}), True),
    (archive("x-1.zip", {"x-1/PKG-INFO": info("x", "1", "Dynamic: Version", form="2.4")}), False),
    (archive("x-1-py3.11.egg", {"EGG-INFO/PKG-INFO": info("x", "1", form="2.4")}), False),
    (archive("x-1-py3-none-any.whl", {"x-1.dist-info/METADATA": info("x", "1", form="1.1")}), True)],
    ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_which_files_have_final_core_metadata(tmp_path: Path, file: tuple[str, bytes], final: bool) -> None:
    put(tmp_path, file)
    project, problems = source(tmp_path).project("x")
    assert not problems
    assert bool(project.files[0].core_metadata) is final


@pytest.mark.parametrize(("name", "version", "why"), [
    ("x", "1.0+local.1", None), ("X", "1.0+LOCAL.1", None), ("x", "1.0+local-1", None), ("x", "1.0+local.2", "x 1.0+local.2"),
    ("y", "1.0+local.1", "y 1.0+local.1"), ("", "1.0+local.1", "1.0+local.1"), ("x", "", "x"),
    ("", "", "neither name nor version")])
def test_names_and_versions_must_agree_with_the_metadata(tmp_path: Path, name: str, version: str, why: str | None) -> None:
    put(tmp_path, archive("x-1.0+local_1-py3-none-any.whl", {"x-1.0+local_1.dist-info/METADATA": info(name, version)}))
    project, problems = source(tmp_path).project("x")
    assert problems == (() if why is None else (
        f"x-1.0+local_1-py3-none-any.whl: its name does not match its metadata: {why}",))
    assert len(project.files) == (why is None)


@pytest.mark.parametrize(("written", "version", "same"), [
    ("1.0-final", "1.0_FINAL", True), ("1.0-final", "1.0-other", False), ("2004d", "2004D", True), ("1.0", "1.0.0", True)])
def test_versions_are_compared_as_releases_or_as_they_are_escaped(
        tmp_path: Path, written: str, version: str, same: bool) -> None:
    put(tmp_path, archive(f"x-{written}.tar.gz", {f"x-{written}/PKG-INFO": info("x", version)}))
    assert len(source(tmp_path).project("x")[0].files) == same


def test_what_a_heap_lists_and_what_changes_its_etags(tmp_path: Path) -> None:
    put(tmp_path, wheel("One", "1"), wheel("two", "1"), wheel("three", "1"), (".hidden-1.zip", b""))
    first = source(tmp_path).listing(lambda name: name != "two")
    assert (set(first.projects), first.total, first.serials, first.unchanged) == ({"one", "three"}, 3, True, False)
    assert not first.problems
    assert source(tmp_path).listing(bool, first.etag).unchanged
    project, _ = source(tmp_path).project("one")
    assert project.name == "one"
    assert project.display == "One"
    assert project.etag == first.projects["one"].serial
    assert source(tmp_path).project("one", project.etag) == (None, ())
    put(tmp_path, wheel("One", "2"))
    second = source(tmp_path).listing(bool, first.etag)
    assert not second.unchanged
    assert [name for name in second.projects if second.projects[name] != first.projects.get(name)] == ["one", "two"]
    assert len(source(tmp_path).project("one", project.etag)[0].files) == 2


@pytest.mark.parametrize("key", ["index_url", "local_packages"])
def test_a_name_whose_files_cant_be_read_is_looked_up_nowhere_else(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, key: str) -> None:
    upstream.add("one", wheel("one", "2"))
    upstream.add("two", wheel("two", "1"))
    folder = tmp_path / "heap"
    put(folder, wheel("three", "1"))
    (folder / "one-1.tar.gz").symlink_to("nowhere.tar.gz")
    mirrored.settings |= {"index_url": f"{folder} {upstream.url}"} if key == "index_url" else {key: folder}
    assert mirrored.run("sync") == (key == "local_packages")
    assert f"{folder}/one-1.tar.gz: No such file or directory" in log(mirrored)
    assert [path for path in mirrored.paths() if path.endswith(".whl")] == [
        "three/three-1-py3-none-any.whl", "two/two-1-py3-none-any.whl"]


def test_a_heap_without_changes_is_left_alone_and_changes_are_taken(mirrored: Mirrored, heap: Path) -> None:
    put(heap, wheel("one", "1"), wheel("two", "1"))
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    assert mirrored.run("-U") == 0
    assert mirrored.tree() == before
    put(heap, wheel("two", "2"), wheel("three", "1"))
    (heap / wheel("one", "1")[0]).unlink()
    assert mirrored.run("-U") == 0
    assert mirrored.files("two") == ["two-1-py3-none-any.whl", "two-2-py3-none-any.whl"]
    assert mirrored.files("three")
    assert not [path for path in mirrored.paths() if path.startswith("one/")]


@pytest.mark.parametrize("matches", ["*", "one"])
def test_a_file_that_was_built_anew_is_fetched_anew_and_never_changes_underneath(
        mirrored: Mirrored, heap: Path, matches: str) -> None:
    mirrored.settings["package_matches"] = matches
    name, first = wheel("one", "1")
    put(heap, (name, first))
    assert mirrored.run("sync") == 0
    with open(heap / name, "r+b") as stream:  # as a build does that writes over what lies there
        stream.write(second := wheel("one", "1", body="x = 1\n")[1])
        stream.truncate()
    assert mirrored.tree()[f"one/{name}"] == first
    assert mirrored.run("-U") == 0
    assert mirrored.tree()[f"one/{name}"] == second
    assert not mirrored.untrue()


def test_broken_files_and_wrong_names_are_told_by_file_and_hold_up_no_other(mirrored: Mirrored, heap: Path) -> None:
    good, bad = wheel("one", "1"), wheel("one", "2")
    put(heap, good, (bad[0], bad[1][:-30]), ("one-3-py3-none-any.whl", wheel("one", "4")[1]),
        ("one-5.tar.gz", sdist("other", "5")[1]), ("backup.zip", b"PK"), ("README.txt", b""))
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == [good[0]]
    told = log(mirrored)
    assert f"one: {bad[0]}: a broken archive: File is not a zip file" in told
    assert "one: one-3-py3-none-any.whl: its name does not match its metadata: one 4" in told
    assert "one: one-5.tar.gz: its name does not match its metadata: other 5" in told
    assert f"{heap}/backup.zip: the project can't be determined from its name" in told
    assert "README" not in told


def test_a_name_that_lies_in_two_folders_is_told(mirrored: Mirrored, heap: Path) -> None:
    put(heap / "a", wheel("one", "1"))
    put(heap / "b", wheel("one", "1", body="b = 1\n"))
    assert mirrored.run("sync") == 0
    assert mirrored.tree()["one/one-1-py3-none-any.whl"] == wheel("one", "1")[1]
    assert "one-1-py3-none-any.whl: listed twice" in log(mirrored)


def test_hidden_folders_and_links_that_lead_out_are_passed_over(mirrored: Mirrored, heap: Path, tmp_path: Path) -> None:
    put(heap, wheel("one", "1"))
    put(heap / ".trash", wheel("two", "1"))
    put(tmp_path / "outside", wheel("three", "1"), wheel("four", "1"))
    (heap / wheel("three", "1")[0]).symlink_to(tmp_path / "outside" / wheel("three", "1")[0])
    (heap / "folder").symlink_to(tmp_path / "outside")
    put(heap / "real", wheel("five", "1"))
    (heap / "five-2-py3-none-any.whl").symlink_to("real/five-2.whl")
    (heap / "real" / "five-2.whl").write_bytes(wheel("five", "2")[1])
    assert mirrored.run("sync") == 0
    assert [path for path in mirrored.paths() if path.endswith(".whl")] == [
        "five/five-1-py3-none-any.whl", "five/five-2-py3-none-any.whl", "one/one-1-py3-none-any.whl"]
    assert "three-1-py3-none-any.whl: a symbolic link that leads out of the directory" in log(mirrored)


def test_names_that_are_no_text_are_told_in_one_line(mirrored: Mirrored, heap: Path) -> None:
    put(heap, wheel("one", "1"))
    put(Path(os.fsdecode(os.fsencode(heap) + b"/caf\xe9\n\x1b[31m")), wheel("one", "2"), wheel("two", "1"))
    (heap / os.fsdecode(b"one-3\xe9.zip")).write_bytes(b"")
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == ["one-1-py3-none-any.whl", "one-2-py3-none-any.whl"]
    assert mirrored.files("two")
    assert r"/one-3\udce9.zip: the project can't be determined" in log(mirrored)


@pytest.mark.parametrize("spelling", ["{0}", "file://{0}", "file:{0}", "file://localhost{0}", "{0}/", "{1}"])
def test_a_directory_is_given_as_path_or_url(mirrored: Mirrored, heap: Path, spelling: str) -> None:
    put(heap, wheel("one", "1"))
    mirrored.settings["index_url"] = spelling.format(heap, os.path.relpath(heap, mirrored.config.parent))
    assert mirrored.run("sync") == 0
    assert mirrored.files("one")


def test_a_url_with_escapes_means_what_it_says(mirrored: Mirrored, tmp_path: Path) -> None:
    put(folder := tmp_path / "my eggs+more", wheel("one", "1+local"))
    mirrored.settings["index_url"] = folder.as_uri()
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == ["one-1+local-py3-none-any.whl"]


@pytest.mark.parametrize(("given", "told"), [
    ("missing", "index_url = {0}/missing: no such directory"),
    ("file://elsewhere.example.com/eggs", "file://elsewhere.example.com/eggs: a file of the host elsewhere.example.com"),
    ("file:eggs", "file:eggs: not the URL of a file"),
    ("mirror/inside", "index_url = {0}/mirror/inside: must be outside of the mirror"),
    (".", "index_url = {0}: must be outside of the mirror"),
])
def test_a_directory_that_wont_do_is_one_line_and_nothing_is_touched(
        mirrored: Mirrored, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, told: str) -> None:
    mirrored.settings["index_url"] = given
    if given.startswith("mirror"):
        (tmp_path / given).mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    assert mirrored.run("sync") == 2
    assert told.format(tmp_path) in capsys.readouterr().err
    assert sorted(path for path in tmp_path.rglob("*") if path != mirrored.config) == before


def test_an_empty_directory_is_an_error_and_no_absence(
        mirrored: Mirrored, heap: Path, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    put(heap, wheel("one", "1"))
    upstream.add("one", wheel("one", "99"))
    mirrored.settings["index_url"] = f"{heap} {upstream.url}"
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    shutil.rmtree(heap)
    heap.mkdir()
    for matches in ("*", "one"):
        mirrored.settings["package_matches"] = matches
        assert mirrored.run("sync") == 1
        assert f"{heap}: holds neither an index nor any distribution" in capsys.readouterr().err
        assert mirrored.tree() == before


# --- indexes in folders


def test_what_is_no_file_is_missing_or_one_plain_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    fetcher = FileFetcher([str(tmp_path)])
    os.mkfifo("one-1.zip")
    assert fetcher.fetch((tmp_path / "one-1.zip").as_uri(), Received()).status == 404
    assert fetcher.fetch((tmp_path / "one-1.zip" / "two-1.zip").as_uri(), Received()).status == 404
    with socket.socket(socket.AF_UNIX) as end, pytest.raises(FetchError) as caught:
        end.bind("three-1.zip")
        fetcher.fetch((tmp_path / "three-1.zip").as_uri(), Received())
    assert str(caught.value).endswith("three-1.zip: No such device or address")


class Received:
    """Takes what is fetched and keeps nothing."""

    def start(self, head: Head) -> None:
        pass

    def write(self, block: bytes) -> None:
        pass


@pytest.fixture
def tree(tmp_path: Path, upstream: Upstream) -> Path:
    """The tree of another mirror of ours."""
    upstream.add("Zope.One", wheel("Zope.One", "1"), sdist("Zope.One", "1", "Zope.One"), requires_python=">=3.8", yanked="why",
                 upload_time="2020-01-01T00:00:00Z")
    upstream.add("two", wheel("two", "1+local"))
    (tmp_path / "first").mkdir()
    first = Mirrored(tmp_path / "first" / "mirror", upstream.url)
    assert first.run("sync") == 0
    return first.root


@pytest.mark.parametrize("pages", ["both", "html"])
def test_our_own_tree_loses_no_file(mirrored: Mirrored, tree: Path, pages: str) -> None:
    if pages == "html":
        for page in tree.rglob("*.v1_json"):
            page.unlink()
    mirrored.settings["index_url"] = tree
    assert mirrored.run("sync") == 0
    assert not mirrored.untrue()
    kept = {str(p.relative_to(tree)): p.read_bytes() for p in tree.rglob("*") if p.suffix in (".whl", ".gz", ".metadata")}
    assert {path: body for path, body in mirrored.tree().items() if not path.endswith(("html", "json"))} == kept
    found = entries(mirrored, "zope-one")["Zope.One-1.tar.gz"]
    assert (found["requires-python"], found["yanked"]) == (">=3.8", "why")
    is_own = "_upload-time-source" in found
    assert (is_own, found["upload-time"] == "2020-01-01T00:00:00Z") == (pages == "html", pages == "both")
    assert 'Zope.One</a>' in mirrored.read("index.html")


def test_an_update_takes_what_changed_in_the_tree_alone(mirrored: Mirrored, tree: Path, upstream: Upstream) -> None:
    mirrored.settings["index_url"] = tree
    assert mirrored.run("sync") == 0
    first = Mirrored(tree, upstream.url)
    upstream.add("two", wheel("two", "2"))
    upstream.remove("Zope.One")
    assert first.run("sync") == 0
    assert mirrored.run("-U") == 0
    assert mirrored.files("two") == ["two-1+local-py3-none-any.whl", "two-2-py3-none-any.whl"]
    assert not [path for path in mirrored.paths() if path.lower().startswith("zope")]
    before = mirrored.tree()
    assert mirrored.run("-U") == 0
    assert mirrored.tree() == before


def bandersnatch(web: Path, *files: tuple[str, bytes]) -> Path:
    """Lay files of the project ``one`` out as bandersnatch does; give the folder of the index."""
    links = []
    for name, body in files:
        digest = hashlib.sha256(body).hexdigest()
        put(web / "packages" / digest[:2] / digest[2:4] / digest[4:], (name, body))
        links.append(f'<a href="../../packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{name}#sha256={digest}" '
                     f'data-requires-python="&gt;=3.8">{name}</a><br/>')
    simple = web / "simple"
    put(simple / "one", ("index.html", f"<!DOCTYPE html><html><body>{''.join(links)}</body></html><!--SERIAL 7-->".encode()))
    put(simple, ("index.html", b'<!DOCTYPE html><html><body><a href="one/">one</a><br/></body></html>'))
    return simple


def test_a_tree_whose_files_lie_beside_the_index_is_mirrored(mirrored: Mirrored, tmp_path: Path) -> None:
    mirrored.settings["index_url"] = bandersnatch(tmp_path / "web", wheel("one", "1"), sdist("one", "1"))
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == ["one-1-py3-none-any.whl", "one-1.tar.gz"]
    assert not mirrored.untrue()
    bandersnatch(tmp_path / "web", wheel("one", "2"))
    assert mirrored.run("-U") == 0
    assert mirrored.files("one") == ["one-2-py3-none-any.whl"]


def test_no_link_leads_out_of_the_tree(mirrored: Mirrored, tmp_path: Path) -> None:
    put(tmp_path / "outside", wheel("one", "1"), wheel("one", "2"), wheel("one", "3"))
    index = tmp_path / "web" / "index"
    put(index / "one", wheel("one", "4"))
    (index / "one" / "one-2-py3-none-any.whl").symlink_to(tmp_path / "outside" / "one-2-py3-none-any.whl")
    hrefs = ["../../../outside/one-1-py3-none-any.whl", "one-2-py3-none-any.whl", "one-4-py3-none-any.whl",
             (tmp_path / "outside" / "one-3-py3-none-any.whl").as_uri(), "%2e%2e/../../outside/one-3-py3-none-any.whl"]
    put(index / "one", ("index.html", "".join(f'<a href="{href}">x</a>' for href in hrefs).encode()))
    put(index, ("index.html", b'<a href="one/">one</a>'))
    mirrored.settings["index_url"] = index
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == ["one-4-py3-none-any.whl"]
    assert log(mirrored).count("is outside of the directories that index_url and local_packages name") >= 3


def test_a_page_that_is_a_link_out_of_the_tree_is_an_error(
        mirrored: Mirrored, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path / "outside", ("secret.html", b'<a href="x/">x</a>'))
    put(tmp_path / "index", ("index.html", b'<a href="one/">one</a>'))
    put(tmp_path / "index" / "one", wheel("one", "1"))
    (tmp_path / "index" / "one" / "index.html").symlink_to(tmp_path / "outside" / "secret.html")
    mirrored.settings["index_url"] = tmp_path / "index"
    assert mirrored.run("sync") == 1
    assert "one/index.html: outside of the directories" in capsys.readouterr().err


def test_folders_may_be_called_as_projects_are_registered(mirrored: Mirrored, tmp_path: Path) -> None:
    name, body = sdist("Zope.One", "1", "Zope.One")
    put(tmp_path / "index" / "Zope.One", (name, body), ("index.html", f'<a href="{name}">{name}</a>'.encode()))
    put(tmp_path / "index", ("index.html", b'<a href="Zope.One/">Zope.One</a>'))
    mirrored.settings["index_url"] = tmp_path / "index"
    assert mirrored.run("sync") == 0
    assert mirrored.files("zope-one") == [name]


@pytest.mark.parametrize("page", [b"", b"no page at all", b"\x00\xff"])
def test_a_damaged_root_is_an_error_that_names_it(
        mirrored: Mirrored, tmp_path: Path, capsys: pytest.CaptureFixture[str], page: bytes) -> None:
    put(tmp_path / "index", ("index.html", page))
    mirrored.settings["index_url"] = tmp_path / "index"
    assert mirrored.run("sync") == 1
    assert f"{tmp_path}/index/index.html: " in capsys.readouterr().err
