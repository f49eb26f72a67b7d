"""Which trees are taken over, how, and which are refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pypimirror.maintenance.adopt import legacy_trees
from support import old_mirrors
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

HOLDS = {"Zope.One": [wheel("Zope.One", "1"), sdist("Zope.One", "1")], "two": [sdist("two", "1"), sdist("two", "2")]}


@pytest.mark.parametrize("by_letter", [False, True])
@pytest.mark.parametrize("below", ["", "web"])
def test_a_tree_of_bandersnatchs_is_taken_over(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, by_letter: bool, below: str, capsys) -> None:
    old = tmp_path / "old"
    old_mirrors.packages(old, HOLDS, by_letter)
    old_mirrors.offer(upstream, HOLDS, "two-1.tar.gz")
    damaged = old / "web" / old_mirrors.package(*HOLDS["Zope.One"][1])
    damaged.write_bytes(b"something else")
    before = old_mirrors.snapshot(old)
    assert mirrored.run("adopt", str(old / below)) == 1
    assert f"{damaged}: damaged" in capsys.readouterr().out
    assert old_mirrors.snapshot(old) == before
    assert mirrored.files("zope-one") == ["zope_one-1-py3-none-any.whl"]
    assert mirrored.files("two") == ["two-1.tar.gz", "two-2.tar.gz"]
    assert [path for path in upstream.asked() if path.startswith("/files/")] == []
    # The next run gets what an adoption leaves: the damaged file, and, out of the wheel, metadata that the old mirror had not.
    assert mirrored.run("-U") == 0
    assert sorted(path for path in upstream.asked() if path.startswith("/files/")) == ["/files/zope-one/zope_one-1.tar.gz"]
    assert mirrored.page("zope-one")["files"][0]["core-metadata"]
    assert not mirrored.untrue()


def test_a_file_that_no_old_page_lists_is_found_where_upstreams_url_says(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    old_mirrors.packages(tmp_path / "old", {"two": HOLDS["two"]})
    page = tmp_path / "old/web/simple/two/index.html"
    page.write_text(page.read_text().replace("two-2.tar.gz#", "two-3.tar.gz#"))
    for filename, body in HOLDS["two"]:
        upstream.add("two", (filename, body), url=f"{upstream.host}/{old_mirrors.package(filename, body)}")
    assert mirrored.run("adopt", str(tmp_path / "old")) == 0
    assert mirrored.files("two") == ["two-1.tar.gz", "two-2.tar.gz"]


def test_another_mirror_of_ours_is_taken_over_by_its_pages(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    old_mirrors.offer(upstream, HOLDS)
    assert mirrored.run("sync") == 0
    (tmp_path / "second").mkdir()
    second = Mirrored(tmp_path / "second/mirror", upstream.url)
    upstream.remove("two")
    upstream.asked()
    assert second.run("adopt", str(mirrored.root)) == 0
    assert [path for path in upstream.asked() if path.startswith("/files/")] == []
    assert second.files("two") == mirrored.files("two") == ["two-1.tar.gz", "two-2.tar.gz"]
    assert second.files("zope-one") == mirrored.files("zope-one")


def test_files_that_a_server_could_not_read_are_copied_and_links_are_followed(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, capsys) -> None:
    old = tmp_path / "old"
    old_mirrors.folders(old, HOLDS)
    old_mirrors.offer(upstream, HOLDS)
    private, linked = old / "two/two-1.tar.gz", old / "two/two-2.tar.gz"
    private.chmod(0o600)
    linked.rename(tmp_path / "outside")
    linked.symlink_to(tmp_path / "outside")
    (old / "TWO").symlink_to("two")
    assert mirrored.run("adopt", str(old)) == 0
    assert "(3 linked, 1 copied)" in capsys.readouterr().out
    placed = [mirrored.root / "two" / path.name for path in (private, linked)]
    assert [path.read_bytes() for path in placed] == [body for _, body in HOLDS["two"]]
    assert stat.S_IMODE(placed[0].stat().st_mode) == 0o644 and stat.S_IMODE(private.stat().st_mode) == 0o600
    assert not placed[1].is_symlink() and os.path.samefile(placed[1], tmp_path / "outside")


def test_symbolic_links_between_spellings_go_in_place(mirrored: Mirrored, upstream: Upstream) -> None:
    old_mirrors.folders(mirrored.root, HOLDS)
    old_mirrors.offer(upstream, HOLDS)
    for alias in ("zope-one", "zope.one"):
        (mirrored.root / alias).symlink_to("Zope.One")
    assert mirrored.run("adopt", str(mirrored.root)) == 0
    assert sorted(path.name for path in mirrored.root.iterdir() if path.is_dir()) == [
        ".pypimirror", "Zope.One", "two", "zope-one"]
    assert os.listdir(mirrored.root / "Zope.One") == ["index.html"]
    assert not [path for path in mirrored.root.iterdir() if path.is_symlink()]
    assert len(mirrored.files("zope-one")) == 2 and not mirrored.untrue()


def test_a_strange_directory_is_refused_until_it_was_adopted(mirrored: Mirrored, upstream: Upstream, capsys) -> None:
    old_mirrors.folders(mirrored.root, HOLDS)
    old_mirrors.offer(upstream, HOLDS)
    before = old_mirrors.snapshot(mirrored.root)
    assert mirrored.run("sync") == 2
    assert f"{mirrored.root}: neither empty nor a mirror" in (told := capsys.readouterr().err)
    assert f"adopt {mirrored.root}" in told
    assert old_mirrors.snapshot(mirrored.root) == before
    assert mirrored.run("adopt", str(mirrored.root)) == 0
    assert mirrored.run("sync") == 0


@pytest.mark.parametrize("holds", [{}, {"notes.txt": "a"}, {"photos/beach.jpg": "b"}, {"web/simple/index.html": "c"}])
@pytest.mark.parametrize("in_place", [True, False])
def test_what_is_no_mirrors_tree_is_refused_and_not_touched(
        mirrored: Mirrored, tmp_path: Path, holds: dict[str, str], in_place: bool, capsys) -> None:
    directory = mirrored.root if in_place else tmp_path / "old"
    directory.mkdir()
    for path, text in holds.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    before = old_mirrors.snapshot(directory)
    assert mirrored.run("adopt", str(directory)) == 2
    assert f"{directory}: not a mirror's tree" in capsys.readouterr().err
    assert old_mirrors.snapshot(directory) == before
    assert not (mirrored.root / ".pypimirror").exists()


def test_usage_is_told(mirrored: Mirrored, tmp_path: Path, capsys) -> None:
    assert mirrored.run("adopt") == 2
    assert "adopt takes one DIRECTORY" in capsys.readouterr().err
    assert mirrored.run("adopt", str(tmp_path / "missing")) == 2
    assert f"{tmp_path / 'missing'}: not a directory" in capsys.readouterr().err
    mirrored.root.mkdir()
    (mirrored.root / "stranger").write_text("x")
    old_mirrors.folders(tmp_path / "old", HOLDS)
    assert mirrored.run("adopt", str(tmp_path / "old")) == 2
    assert "neither empty nor a mirror" in capsys.readouterr().err


def test_urls_can_not_lead_out_of_a_tree(tmp_path: Path) -> None:
    old_mirrors.packages(tmp_path / "old", HOLDS)
    (tmp_path / "old/web/secret-1.tar.gz").write_text("s")
    tree = legacy_trees.detect_tree(str(tmp_path / "old"))
    good = old_mirrors.package(*HOLDS["two"][0])
    assert legacy_trees.find_package(tree, f"http://x.example.com/deep/{good}#sha256=0") == str(tmp_path / "old/web" / good)
    for path in ("packages/../secret-1.tar.gz", "packages/%2e%2e/secret-1.tar.gz", "packages//secret-1.tar.gz",
                 "packages/..%2fsecret-1.tar.gz", "secret-1.tar.gz", "packages/missing"):
        assert legacy_trees.find_package(tree, f"http://x.example.com/{path}") is None


def test_folders_are_projects_under_their_normal_names(tmp_path: Path) -> None:
    old_mirrors.folders(tmp_path, {"Zope.One": HOLDS["two"], "zope_one": [], "Foo Bar": [], "-": [], "lost+found": []})
    found, strange = legacy_trees.find_projects(legacy_trees.detect_tree(str(tmp_path)))
    assert [(project.name, [os.path.basename(folder) for folder in project.folders]) for project in found] == [
        ("foo-bar", ["Foo Bar"]), ("zope-one", ["Zope.One", "zope_one"])]
    assert strange == ["-"]


def test_a_copy_that_would_fill_the_disk_is_not_made(mirrored: Mirrored, upstream: Upstream, tmp_path: Path, capsys) -> None:
    old_mirrors.folders(tmp_path / "old", HOLDS)
    old_mirrors.offer(upstream, HOLDS)
    (tmp_path / "old/two/two-1.tar.gz").chmod(0o600)
    mirrored.settings["min_free"] = "1000T"
    assert mirrored.run("adopt", str(tmp_path / "old")) == 1
    assert "two: " in (told := capsys.readouterr().out) and "min_free" in told
    assert len(mirrored.files("zope-one")) == 2
    mirrored.settings["min_free"] = "0"
    assert mirrored.run("adopt", str(tmp_path / "old")) == 0
    assert len(mirrored.files("two")) == 2
