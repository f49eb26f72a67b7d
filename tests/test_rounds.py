"""What is published and swept follows the last decision of a run, however often a run decides on a project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pypimirror.sync import run
from pypimirror.sync.publisher import Publisher
from pypimirror.sync.result_recorder import ResultRecorder
from support import http_faults, interruptions
from support.mirror import Mirrored
from support.upstream import JSON, Upstream, packed, sdist, wheel


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LAG", 0.01)


def stale(upstream: Upstream, name: str, times: int) -> http_faults.Answer:
    """Answer with the page as it is now, so many times."""
    old = upstream.project_page(name, True)
    return http_faults.first(times, lambda handler: handler.reply(200, {"Content-Type": JSON}, old), upstream)


def in_folder(mirrored: Mirrored, name: str) -> list[str]:
    return sorted(entry for entry in os.listdir(mirrored.root / name) if not entry.startswith("index."))


@pytest.mark.parametrize("versions", [("2.0",), ("1.0", "2.0")])
def test_a_project_that_goes_and_is_required_after_all_is_whole(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, versions: tuple[str, ...]) -> None:
    """Its first decision in the run takes off all files, its second one wants one of them, or all."""
    upstream.add("app", wheel("app", "2.0", requires=("lib",)))
    upstream.add("lib", *(wheel("lib", version) for version in versions))
    mirrored.settings["package_matches"] = "app lib"
    assert mirrored.run("sync") == 0
    (tmp_path / "requirements.txt").write_text("app==2.0\n")
    mirrored.settings |= {"package_matches": None, "requirements": "requirements.txt", "dependencies": "True"}
    for _ in range(2):
        assert mirrored.run("-U") == 0
        assert mirrored.untrue() == []
        assert mirrored.files("lib") == ["lib-2.0-py3-none-any.whl"]
        assert in_folder(mirrored, "lib") == ["lib-2.0-py3-none-any.whl", "lib-2.0-py3-none-any.whl.metadata"]


def test_a_project_that_goes_and_is_needed_for_a_build_is_whole(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("app", packed("app-1.0", {"pyproject.toml": '[build-system]\nrequires = ["backend"]\n', "PKG-INFO": ""}))
    upstream.add("backend", wheel("backend", "1.0"))
    mirrored.settings["package_matches"] = "app backend"
    assert mirrored.run("sync") == 0
    (tmp_path / "versions.cfg").write_text("[versions]\napp = 1.0\n")
    mirrored.settings |= {"package_matches": None, "versions": "versions.cfg", "retain_days": 0}
    for _ in range(2):
        assert mirrored.run("-U") == 0
        assert mirrored.untrue() == []
        assert mirrored.files("backend") == ["backend-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("matches", ["*", "demo"])
def test_a_page_from_a_cache_before_the_right_one_takes_no_file_that_the_second_page_has(
        mirrored: Mirrored, upstream: Upstream, matches: str) -> None:
    mirrored.settings |= {"package_matches": matches, "trash_days": 0}
    upstream.add("demo", wheel("demo", "1.0"))
    cached = stale(upstream, "demo", 1)
    upstream.add("demo", wheel("demo", "2.0"))
    assert mirrored.run("sync") == 0
    upstream.add("demo", wheel("demo", "3.0"))
    upstream.answers["/simple/demo/"] = cached
    for versions in ("12" if matches == "demo" else "123", "123"):  # without a list, nothing says that the page is old
        assert mirrored.run("-U") == 0
        assert mirrored.untrue() == []
        assert mirrored.files("demo") == [f"demo-{version}.0-py3-none-any.whl" for version in versions]


def test_the_brake_counts_a_project_once(mirrored: Mirrored, upstream: Upstream) -> None:
    """Four of fourteen files go; the page is older than the list each time, so that it is read three times."""
    upstream.add("demo", *(wheel("demo", f"1.{number}") for number in range(14)))
    assert mirrored.run("sync") == 0
    upstream.remove("demo", *(wheel("demo", f"1.{number}")[0] for number in range(4)))
    upstream.answers["/simple/demo/"] = stale(upstream, "demo", 9)
    upstream.touch("demo")
    for _ in range(4):
        assert mirrored.run("-U") == 0
    assert mirrored.untrue() == []
    assert len(mirrored.files("demo")) == 10


@pytest.mark.heavy
def test_a_brake_of_a_later_round_brings_back_what_an_earlier_one_took(
        mirrored: Mirrored, upstream: Upstream) -> None:
    """Of one project little goes at first; of another so much, once its page is up to date, that nothing may go."""
    upstream.add("little", wheel("little", "1"), sdist("little", "1"))
    upstream.add("much", *(wheel("much", f"1.{number}") for number in range(30)))
    assert mirrored.run("sync") == 0
    upstream.remove("little", wheel("little", "1")[0])
    upstream.answers["/simple/much/"] = stale(upstream, "much", 1)
    upstream.remove("much", *(wheel("much", f"1.{number}")[0] for number in range(30)))
    for _ in range(2):
        assert mirrored.run("-U") == 4
        assert mirrored.untrue() == []
        assert len(mirrored.files("little")) == 2
        assert len(mirrored.files("much")) == 30
    assert mirrored.run("-U", "--allow-deletions") == 0
    assert len(mirrored.files("little")) == 1
    assert mirrored.files("much") == []
    assert in_folder(mirrored, "much") == []


@pytest.mark.parametrize("whole", [True, False])
def test_a_run_ended_before_its_sweep_is_swept_by_the_next(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    for name in ("one", "two", "three"):
        upstream.add(name, wheel(name, "1"), wheel(name, "2"))
    assert mirrored.run("sync") == 0
    upstream.remove("one", *(() if whole else [wheel("one", "1")[0]]))

    def interrupted(self: Publisher) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "_sweep", interrupted)
        assert mirrored.run("-U") == 130
    assert (mirrored.root / "one" / wheel("one", "1")[0]).exists()
    assert mirrored.untrue() == []
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]
    assert mirrored.untrue() == []
    if whole:
        assert not (mirrored.root / "one").exists()
    else:
        assert in_folder(mirrored, "one") == ["one-2-py3-none-any.whl", "one-2-py3-none-any.whl.metadata"]
    assert mirrored.run("verify") == 0


def test_a_file_wanted_again_before_the_sweep_of_an_interrupted_run_stays(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    assert mirrored.run("sync") == 0
    upstream.remove("one", wheel("one", "1")[0])
    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "_sweep", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        assert mirrored.run("-U") == 130
    upstream.add("one", wheel("one", "1"))
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/", "/simple/one/"]
    assert len(mirrored.files("one")) == 2
    assert mirrored.untrue() == []


def test_a_folder_that_cant_be_published_is_not_swept(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that an interrupted run wrote names files that nothing is remembered of."""
    from pypimirror.sync.result_recorder import ResultRecorder

    upstream.add("one", wheel("one", "1"), wheel("one", "2"))
    mirrored.settings["metadata_excludes"] = "Keywords: bad"
    assert mirrored.run("sync") == 0
    upstream.remove("one", wheel("one", "1")[0])
    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "_sweep", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        assert mirrored.run("-U") == 130
    upstream.add("one", wheel("one", "3"))
    with monkeypatch.context() as patch:
        patch.setattr(ResultRecorder, "published", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        assert mirrored.run("-U") == 130
    assert len(mirrored.files("one")) == 2
    upstream.add("one", wheel("one", "4"))
    upstream.answers[f"/files/one/{wheel('one', '4')[0]}.metadata"] = (500, {}, b"")
    assert mirrored.run("-U") == 1
    assert mirrored.untrue() == []
    upstream.answers.clear()
    assert mirrored.run("-U") == 0
    assert mirrored.untrue() == []
    assert len(mirrored.files("one")) == 3


def test_a_project_without_files_that_comes_back_has_its_page_again(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    """All that is remembered of it, and all that its page tells, is as before."""
    upstream.add("app", wheel("app", "1.0"))
    upstream.add("lib", wheel("lib", "1.0"))
    (tmp_path / "versions.cfg").write_text("[versions]\nlib = 2.0\n")
    mirrored.settings |= {"package_matches": "app", "versions": "versions.cfg", "retain_days": 0, "build_requirements": "False"}
    assert mirrored.run("sync") == 1
    assert mirrored.files("lib") == []
    upstream.remove("lib")
    for _ in range(2):
        assert mirrored.run("-U") == 1
    assert not (mirrored.root / "lib/index.html").exists()
    upstream.add("lib", wheel("lib", "1.0"))
    assert mirrored.run("-U") == 1
    assert mirrored.files("lib") == []


def test_a_file_that_failed_once_it_was_there_is_swept_where_nobody_asks_for_it_again(
        mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("app", wheel("app", "1.0"))
    upstream.add("lib", wheel("lib", "1.0"))
    mirrored.settings |= {"package_matches": "app lib", "workers": 1}
    assert mirrored.run("sync") == 0
    upstream.add("app", wheel("app", "2.0"))
    for number in range(1, 20):
        interruptions.without_room(lambda: mirrored.run("-U", "-q"), number, after=True)
        assert set(in_folder(mirrored, "app")) <= {
            filename + ending for filename in mirrored.files("app") for ending in ("", ".metadata")}, number
    assert mirrored.untrue() == []


@pytest.mark.parametrize("key", [{"filename_excludes": "*-2-*"}, {"package_excludes": "two"}, {"index_formats": "html"}])
@pytest.mark.parametrize("arguments", [("-U",), ("sync", "two"), ("-i",), ("trash", "restore", "two")])
def test_a_configuration_that_is_changed_back_is_applied_again(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, key: dict[str, str],
        arguments: tuple[str, ...]) -> None:
    """Also where only a run that was interrupted, or about a few projects, has applied the other one."""
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"), wheel(name, "2"), wheel(name, "3"))
    assert mirrored.run("sync") == 0
    upstream.remove("two", wheel("two", "3")[0])  # something to restore
    assert mirrored.run("-U") == 0
    before = mirrored.paths()
    settings = dict(mirrored.settings)
    mirrored.settings |= key
    with monkeypatch.context() as patch:
        if arguments == ("-U",):
            patch.setattr(Publisher, "_sweep", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        mirrored.run(*arguments)
    mirrored.settings = settings
    assert mirrored.run("-U") == 0
    assert [path for path in before if not (mirrored.root / path).exists()] == []
    assert mirrored.untrue() == []


@pytest.mark.parametrize("state_is_lost", [False, True])
def test_a_new_format_has_no_page_about_all_projects_before_these_have_pages(
        mirrored: Mirrored, upstream: Upstream, state_is_lost: bool) -> None:
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    mirrored.settings["index_formats"] = "html"
    assert mirrored.run("sync") == 0
    mirrored.settings["index_formats"] = "html json browse full"
    if state_is_lost:
        (mirrored.root / ".pypimirror/state.sqlite").unlink()
    assert mirrored.run("sync", "one") == 0
    assert mirrored.untrue() == []
    assert not (mirrored.root / "index.v1_json").exists()
    assert not (mirrored.root / "browse.html").exists()
    assert (mirrored.root / "full.html").exists()
    assert mirrored.run("-U") == 0
    assert mirrored.untrue() == []
    assert (mirrored.root / "index.v1_json").exists()
    assert (mirrored.root / "browse.html").exists()
    assert mirrored.run("verify") == 0


def test_a_project_that_lacks_a_page_is_not_listed_when_the_state_is_lost(mirrored: Mirrored, upstream: Upstream) -> None:
    """A run that was killed between two pages of a project leaves it so."""
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    assert mirrored.run("sync") == 0
    (mirrored.root / "two/index.v1_json").unlink()
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    assert mirrored.run("sync", "one") == 0
    assert mirrored.untrue() == []
    assert mirrored.run("-U") == 0
    assert (mirrored.root / "two/index.v1_json").exists()
    assert mirrored.untrue() == []


def test_what_an_interrupted_run_left_beside_a_file_is_swept(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file itself stays, since it is pinned; upstream's facts about its metadata are gone."""
    upstream.add("one", wheel("one", "1"))
    upstream.add("two", wheel("two", "1"))
    with monkeypatch.context() as patch:
        patch.setattr(ResultRecorder, "published", lambda self, result, hold=False: (_ for _ in ()).throw(KeyboardInterrupt))
        assert mirrored.run("-U") == 130
    assert "one-1-py3-none-any.whl.metadata" in in_folder(mirrored, "one")
    (tmp_path / "versions.cfg").write_text("[versions]\none = 1\n")
    mirrored.settings |= {"versions": "versions.cfg", "build_requirements": "False"}
    upstream.remove("one")
    assert mirrored.run("-U", "--allow-deletions") == 0
    assert in_folder(mirrored, "one") == mirrored.files("one") == ["one-1-py3-none-any.whl"]
    assert mirrored.run("verify") == 0


def test_a_pin_file_of_an_interrupted_run_goes_with_the_key(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    (tmp_path / "versions.cfg").write_text("[versions]\none = 1\n")
    mirrored.settings["versions"] = "versions.cfg"
    with monkeypatch.context() as patch:
        patch.setattr("pypimirror.sync.pinning.Pinning._publish", lambda self, files: (_ for _ in ()).throw(KeyboardInterrupt))
        assert mirrored.run("-U") == 130
    assert os.listdir(mirrored.root / "pins")
    mirrored.settings["versions"] = None
    assert mirrored.run("-U") == 0
    assert [path for path in mirrored.paths() if path.startswith("pins/")] == []


def test_all_forms_of_pins_go_though_the_run_without_the_key_was_interrupted(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add("one", wheel("one", "1"))
    (tmp_path / "versions.cfg").write_text("[versions]\none = 1\n")
    mirrored.settings["versions"] = "versions.cfg"
    assert mirrored.run("sync") == 0
    mirrored.settings["versions"] = None
    with monkeypatch.context() as patch:
        patch.setattr("pypimirror.sync.pinning.Pinning.finish", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        assert mirrored.run("-U") == 130
    assert mirrored.run("-U") == 0
    assert [path for path in mirrored.paths() if path.startswith("pins/")] == []
    assert mirrored.run("-U") == 0


def test_pages_of_an_interrupted_run_go_before_their_files_when_all_pages_are_written_again(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add("one", wheel("one", "1"))
    with monkeypatch.context() as patch:
        patch.setattr(ResultRecorder, "published", lambda self, result, hold=False: (_ for _ in ()).throw(KeyboardInterrupt))
        assert mirrored.run("-U") == 130
    assert (mirrored.root / "one/index.html").exists()
    mirrored.settings["package_matches"] = "two"
    assert mirrored.run("-i") == 0
    assert mirrored.untrue() == []
    assert not (mirrored.root / "one").exists()
