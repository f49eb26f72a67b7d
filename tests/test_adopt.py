"""Taking over the tree of an older mirror, by the command line, against a real upstream."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from support import old_mirrors
from support.mirror import Mirrored
from support.upstream import JSON, Upstream, sdist, wheel

HOLDS = {
    "Zope.Interface": [sdist("Zope.Interface", "3.5", "zope.interface"), sdist("Zope.Interface", "3.6", "zope.interface")],
    "plone": [sdist("plone", "4.0"), sdist("plone", "4.1")],
    "foo_bar": [sdist("foo_bar", "1.0"), ("foo_bar-1.0+local.tar.gz", sdist("foo_bar", "1.0")[1])],
    "Gone.Upstream": [sdist("Gone.Upstream", "0.1", "Gone.Upstream")],
}
#: All files by path in our own layout.
PLACES = {f"{project.lower().replace('.', '-').replace('_', '-')}/{filename}": body
          for project, files in HOLDS.items() for filename, body in files}


@pytest.fixture(params=["elsewhere", "in place"])
def old(request: pytest.FixtureRequest, tmp_path: Path, mirrored: Mirrored) -> Path:
    """A tree of z3c.pypimirror's, once elsewhere and once where the mirror is to be."""
    root = tmp_path / "old" if request.param == "elsewhere" else mirrored.root
    old_mirrors.folders(root, HOLDS)
    return root


def files(mirrored: Mirrored) -> dict[str, bytes]:
    return {path: body for path, body in mirrored.tree().items() if path.endswith(".tar.gz")}


def fetched(upstream: Upstream) -> list[str]:
    return [path for path in upstream.asked() if path.startswith("/files/")]


def test_files_are_taken_over_and_not_fetched(mirrored: Mirrored, upstream: Upstream, old: Path, capsys) -> None:
    old_mirrors.offer(upstream, HOLDS, "Gone.Upstream", "plone-4.0.tar.gz")
    before = old_mirrors.snapshot(old)
    assert mirrored.run("adopt", str(old)) == 0
    assert fetched(upstream) == []
    assert files(mirrored) == PLACES
    assert not mirrored.untrue()
    assert mirrored.files("foo-bar") == ["foo_bar-1.0+local.tar.gz", "foo_bar-1.0.tar.gz"]
    assert ">Zope.Interface<" in mirrored.read("index.html")
    told = capsys.readouterr().out
    assert "plone: not listed upstream, adopted and kept: plone-4.0.tar.gz" in told
    assert "gone-upstream: not listed upstream, adopted and kept: Gone.Upstream-0.1.tar.gz" in told
    if old == mirrored.root:
        assert sorted(path.name for path in old.iterdir()) == [
            ".pypimirror", "Gone.Upstream", "Zope.Interface", "foo-bar", "foo_bar", "full.html", "gone-upstream", "index.html",
            "index.v1_json", "plone", "pypi-poll-access.lock", "zope-interface"]
        assert not list(old.rglob("*.md5"))
        assert all(os.listdir(old / legacy) == ["index.html"] for legacy in ("Gone.Upstream", "Zope.Interface", "foo_bar"))
        assert '"../zope-interface/zope.interface-3.5.tar.gz#sha256=' in mirrored.read("Zope.Interface/index.html")
        assert "All files" in mirrored.read("full.html")
    else:
        assert old_mirrors.snapshot(old) == before
        assert all(os.path.samefile(old / project / filename.replace("+", "%2B"), mirrored.root / path)
                   for path, (project, filename) in zip(
                       PLACES, ((p, f) for p, found in HOLDS.items() for f, _ in found), strict=True))


def test_what_upstream_never_listed_stays_in_the_runs_that_follow(mirrored: Mirrored, upstream: Upstream, old: Path) -> None:
    old_mirrors.offer(upstream, HOLDS, "Gone.Upstream", "plone-4.0.tar.gz")
    assert mirrored.run("adopt", str(old)) == 0
    upstream.add("plone", sdist("plone", "5.0"))
    for run in ("-U", "-I"):
        assert mirrored.run(run) == 0
        assert mirrored.files("plone") == ["plone-4.0.tar.gz", "plone-4.1.tar.gz", "plone-5.0.tar.gz"]
        assert mirrored.files("gone-upstream") == ["Gone.Upstream-0.1.tar.gz"]
    log = (mirrored.root / ".pypimirror/pypimirror.log").read_text()
    assert "2 files stay that upstream does not list: adopted, pinned or restored" in log
    # What upstream did list goes when upstream takes it away.
    upstream.remove("plone", "plone-4.1.tar.gz")
    assert mirrored.run("-U") == 0
    assert mirrored.files("plone") == ["plone-4.0.tar.gz", "plone-5.0.tar.gz"]


@pytest.mark.heavy
def test_many_projects_that_upstream_never_listed_are_no_reason_to_doubt_its_list(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("plone", *HOLDS["plone"])
    old_mirrors.folders(tmp_path / "old", {f"gone{n}": [sdist(f"gone{n}", "1")] for n in range(30)} | {"plone": HOLDS["plone"]})
    assert mirrored.run("adopt", str(tmp_path / "old")) == 0
    assert mirrored.run("sync") == 0
    upstream.remove("plone", "plone-4.0.tar.gz")
    assert mirrored.run("-U") == 0
    assert mirrored.files("plone") == ["plone-4.1.tar.gz"]
    assert mirrored.files("gone7") == ["gone7-1.tar.gz"]


def test_what_was_adopted_outlives_the_state(mirrored: Mirrored, upstream: Upstream, old: Path) -> None:
    old_mirrors.offer(upstream, HOLDS, "Gone.Upstream")
    assert mirrored.run("adopt", str(old)) == 0
    for path in (mirrored.root / ".pypimirror").glob("state.sqlite*"):
        path.unlink()
    assert mirrored.run("sync") == 0
    assert mirrored.files("gone-upstream") == ["Gone.Upstream-0.1.tar.gz"]
    assert files(mirrored) == PLACES


def test_adopted_files_obey_the_filters_and_come_back_with_them(mirrored: Mirrored, upstream: Upstream, old: Path) -> None:
    old_mirrors.offer(upstream, HOLDS, "Gone.Upstream", "plone-4.0.tar.gz")
    assert mirrored.run("adopt", str(old)) == 0
    mirrored.settings["filename_excludes"] = "plone-4.0*"
    assert mirrored.run("sync") == 0
    assert mirrored.files("plone") == ["plone-4.1.tar.gz"]
    del mirrored.settings["filename_excludes"]
    assert mirrored.run("sync") == 0
    assert mirrored.files("plone") == ["plone-4.0.tar.gz", "plone-4.1.tar.gz"]


def test_a_lost_adopted_file_is_told_once_and_then_forgotten(mirrored: Mirrored, upstream: Upstream, old: Path, capsys) -> None:
    old_mirrors.offer(upstream, HOLDS, "plone-4.0.tar.gz")
    assert mirrored.run("adopt", str(old)) == 0
    (mirrored.root / "plone/plone-4.0.tar.gz").unlink()
    assert mirrored.run("-I") == 1
    assert "plone/plone-4.0.tar.gz: missing or damaged, and its URL at upstream is not known" in capsys.readouterr().err
    assert mirrored.files("plone") == ["plone-4.1.tar.gz"]
    assert mirrored.run("-I") == 0


def test_a_second_adoption_changes_nothing(mirrored: Mirrored, upstream: Upstream, old: Path) -> None:
    old_mirrors.offer(upstream, HOLDS, "Gone.Upstream")
    assert mirrored.run("adopt", str(old)) == 0
    before = {path: state for path, state in old_mirrors.snapshot(mirrored.root).items() if not path.startswith(".pypimirror")}
    upstream.asked()
    assert mirrored.run("adopt", str(old)) == 0
    after = {path: state for path, state in old_mirrors.snapshot(mirrored.root).items() if not path.startswith(".pypimirror")}
    assert after == before
    assert fetched(upstream) == []


@pytest.mark.parametrize("listed", [True, False])
def test_a_damaged_file_is_not_taken_and_told(mirrored: Mirrored, upstream: Upstream, old: Path, listed: bool, capsys) -> None:
    old_mirrors.offer(upstream, HOLDS, *(() if listed else ("zope.interface-3.5.tar.gz", "plone-4.0.tar.gz")))
    for path in (old / "Zope.Interface/zope.interface-3.5.tar.gz", old / "plone/plone-4.0.tar.gz"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert mirrored.run("adopt", str(old)) == 1
    told = capsys.readouterr()
    assert "zope.interface-3.5.tar.gz: damaged: its " in told.out
    assert ("(upstream)" if listed else "(its .md5 file)") in told.out
    assert "damaged files: 2" in told.err
    assert not mirrored.untrue()
    assert set(files(mirrored)) == PLACES.keys() - {"zope-interface/zope.interface-3.5.tar.gz", "plone/plone-4.0.tar.gz"}
    upstream.asked()
    assert mirrored.run("sync") == 0
    assert sorted(fetched(upstream)) == (["/files/plone/plone-4.0.tar.gz",
                                          "/files/zope-interface/zope.interface-3.5.tar.gz"] if listed else [])
    if listed:
        assert files(mirrored) == PLACES


def test_upstreams_word_wins_over_the_md5_file(mirrored: Mirrored, upstream: Upstream, old: Path) -> None:
    old_mirrors.offer(upstream, HOLDS)
    (old / "plone/.plone-4.0.tar.gz.md5").write_text("0" * 32)
    other = sdist("plone", "4.2")[1]
    upstream.add("plone", ("plone-4.1.tar.gz", other))
    assert mirrored.run("adopt", str(old)) == 1
    assert mirrored.files("plone") == ["plone-4.0.tar.gz"]
    assert mirrored.run("sync") == 0
    assert (mirrored.root / "plone/plone-4.1.tar.gz").read_bytes() == other


def test_without_an_md5_file_the_old_page_counts_and_then_the_archive_itself(
        mirrored: Mirrored, upstream: Upstream, old: Path, capsys) -> None:
    upstream.add("unrelated")
    (old / "plone/.plone-4.0.tar.gz.md5").unlink()
    (old / "plone/.plone-4.1.tar.gz.md5").unlink()
    (old / "plone/plone-4.1.tar.gz").write_bytes(HOLDS["plone"][0][1])  # a whole archive, but not what the page says
    shutil.move(old / "foo_bar/.foo_bar-1.0.tar.gz.md5", old / "foo_bar/foo_bar-1.0.tar.gz.md5")  # as the first versions had it
    for path in (old / "Zope.Interface").glob(".*.md5"):
        path.unlink()
    (old / "Zope.Interface/index.html").unlink()
    cut = old / "Zope.Interface/zope.interface-3.6.tar.gz"
    cut.write_bytes(cut.read_bytes()[:-20])
    (old / "Zope.Interface/other-1.0.tar.gz").write_bytes(sdist("other", "1.0")[1])
    assert mirrored.run("adopt", str(old)) == 1
    told = capsys.readouterr().out
    assert mirrored.files("plone") == ["plone-4.0.tar.gz"]
    assert "plone-4.1.tar.gz: damaged: its md5 is" in told and "(the old page)" in told
    assert mirrored.files("foo-bar") == ["foo_bar-1.0+local.tar.gz", "foo_bar-1.0.tar.gz"]
    assert mirrored.files("zope-interface") == ["zope.interface-3.5.tar.gz"]
    assert told.count("damaged or foreign: no known hash") == 2
    assert not list(mirrored.root.rglob("*.md5"))


def test_names_that_differ_in_case_or_separators_become_one_project(mirrored: Mirrored, upstream: Upstream, old: Path) -> None:
    body = sdist("zope-interface", "4.0", "Zope.Interface")[1]
    old_mirrors.offer(upstream, HOLDS)
    upstream.add("Zope.Interface", ("Zope.Interface-4.0.tar.gz", body))
    extra = {"zope.interface": [("zope.interface-4.0.tar.gz", body), *HOLDS["Zope.Interface"]],
             "zope_interface": [("zope.interface-3.7.tar.gz", sdist("zope.interface", "3.7")[1]),
                                ("zope.interface-3.8.tar.gz", sdist("zope.interface", "3.8")[1])],
             "zope-interface": [("Zope.interface-3.8.tar.gz", sdist("zope.interface", "3.8")[1])]}
    old_mirrors.folders(old, extra)
    assert mirrored.run("adopt", str(old)) == 0
    assert [name.lower() for name in mirrored.files("zope-interface")] == [
        f"zope.interface-{version}.tar.gz" for version in ("4.0", "3.8", "3.5", "3.6", "3.7")]
    assert mirrored.files("zope-interface")[0] == "Zope.Interface-4.0.tar.gz"
    if old == mirrored.root:
        spellings = {path.name for path in old.iterdir() if path.name.lower().startswith("zope")}
        assert spellings == {"zope-interface", "Zope.Interface"}
        assert os.listdir(old / "Zope.Interface") == ["index.html"]
        assert len(list((old / "zope-interface").glob("*.tar.gz"))) == 5


def test_projects_that_are_not_selected_are_told_and_left_alone(
        mirrored: Mirrored, upstream: Upstream, old: Path, capsys) -> None:
    old_mirrors.offer(upstream, HOLDS)
    before = old_mirrors.snapshot(old / "plone")
    mirrored.settings |= {"package_matches": "zope.* foo-bar", "filename_excludes": "*local*"}
    assert mirrored.run("adopt", str(old)) == 0
    told = capsys.readouterr().out
    assert "not selected by the configuration and not adopted: gone-upstream, plone" in told
    assert "foo-bar: left out by the configuration or upstream, not adopted: foo_bar-1.0+local.tar.gz" in told
    assert mirrored.files("foo-bar") == ["foo_bar-1.0.tar.gz"]
    assert not (mirrored.root / "foo-bar/foo_bar-1.0+local.tar.gz").exists()
    assert old_mirrors.snapshot(old / "plone") == before
    assert [path for path in upstream.asked() if "plone" in path] == []


def test_pinned_releases_are_taken_over_although_upstream_lost_them(
        mirrored: Mirrored, upstream: Upstream, old: Path, tmp_path: Path) -> None:
    upstream.add("plone", HOLDS["plone"][1])
    digests = [hashlib.sha256(body).hexdigest() for _, body in HOLDS["plone"]]
    pins = f"plone==4.0 --hash=sha256:{digests[0]}\nfoo-bar==1.0 --hash=sha256:{digests[1]}\n"
    (tmp_path / "requirements.txt").write_text(pins)
    mirrored.settings |= {"package_matches": None, "requirements": tmp_path / "requirements.txt", "build_requirements": False}
    assert mirrored.run("adopt", str(old)) == 0
    assert mirrored.files("plone") == ["plone-4.0.tar.gz"]
    assert not list((mirrored.root / "foo-bar").glob("*.tar.gz"))


def test_quarantined_projects_are_not_taken_over(mirrored: Mirrored, upstream: Upstream, old: Path, capsys) -> None:
    old_mirrors.offer(upstream, HOLDS)
    upstream.statuses["plone"] = {"status": "quarantined"}
    assert mirrored.run("adopt", str(old)) == 0
    assert "plone: quarantined upstream, not adopted: plone-4.0.tar.gz, plone-4.1.tar.gz" in capsys.readouterr().out
    assert not (mirrored.root / "plone").exists()
    assert ">plone<" not in mirrored.read("index.html")


def test_a_project_that_upstream_can_not_be_asked_about_waits_for_the_next_adoption(
        mirrored: Mirrored, upstream: Upstream, old: Path, capsys) -> None:
    old_mirrors.offer(upstream, HOLDS)
    upstream.answers["/simple/zope-interface/"] = (500, {}, b"")
    assert mirrored.run("adopt", str(old)) == 1
    assert "zope-interface: not adopted, because upstream can't be read" in capsys.readouterr().out
    assert mirrored.files("plone")
    assert (old / "Zope.Interface/.zope.interface-3.5.tar.gz.md5").exists()
    del upstream.answers["/simple/zope-interface/"]
    assert mirrored.run("adopt", str(old)) == 0
    assert files(mirrored) == PLACES


def test_without_an_upstream_nothing_is_touched(mirrored: Mirrored, upstream: Upstream, old: Path, capsys) -> None:
    upstream.answers |= {f"/simple/{name}/": (500, {}, b"") for name in ("zope-interface", "plone", "foo-bar", "gone-upstream")}
    before = old_mirrors.snapshot(old)
    assert mirrored.run("adopt", str(old)) == 1
    assert "nothing was adopted: all of its 4 projects failed" in capsys.readouterr().err
    assert {path: state for path, state in old_mirrors.snapshot(old).items() if not path.startswith(".pypimirror")} == before


def test_more_files_join_a_running_mirror(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    old_mirrors.offer(upstream, {"plone": [HOLDS["plone"][1]]})
    upstream.add("six", wheel("six", "1.0"))
    assert mirrored.run("sync") == 0
    old_mirrors.folders(tmp_path / "old", HOLDS)
    assert mirrored.run("adopt", str(tmp_path / "old")) == 0
    assert mirrored.files("plone") == ["plone-4.0.tar.gz", "plone-4.1.tar.gz"]
    assert mirrored.files("six") == ["six-1.0-py3-none-any.whl"]
    assert (mirrored.root / "six/six-1.0-py3-none-any.whl.metadata").exists()


@pytest.mark.parametrize("answer", ["404", "older page"])
def test_an_answer_that_is_doubted_takes_nothing_away_and_is_read_again(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, answer: str) -> None:
    upstream.add("app", wheel("app", "1.0"))
    older = 200, {"Content-Type": JSON}, upstream.project_page("app", True)
    upstream.add("app", wheel("app", "2.0"))
    upstream.add("other", wheel("other", "1.0"))
    assert mirrored.run("sync") == 0
    here = mirrored.files("app")
    old_mirrors.folders(tmp_path / "old", {"app": [sdist("app", "0.1")]})
    upstream.answers["/simple/app/"] = (404, {}, b"") if answer == "404" else older
    assert mirrored.run("adopt", str(tmp_path / "old")) == (answer == "404")
    assert set(mirrored.files("app")) >= set(here)
    assert not mirrored.untrue()
    upstream.answers.clear()
    assert mirrored.run("adopt", str(tmp_path / "old")) == 0
    assert mirrored.run("-U") == 0
    assert mirrored.files("app") == sorted([*here, sdist("app", "0.1")[0]])
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]
