"""Snapshots: the index at a moment, at its own URL, kept whatever happens to the mirror."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pypimirror import cli
from pypimirror.snapshots import tree, tree_writer
from support import clients, published_tree, servers, wheelhouse
from support.buildouts import Buildouts
from support.mirror import Mirrored
from support.upstream import JSON, Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def filled(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror with two projects, one of which has a name that differs from its normalised form."""
    upstream.add("Demo.Lib", wheel("Demo.Lib", "1.0"), sdist("Demo.Lib", "1.0"), upload_time="2020-01-01T00:00:00Z")
    upstream.add("other", wheel("other", "1.0"), upload_time="2024-01-01T00:00:00Z")
    mirrored.settings["trash_days"] = 0
    assert mirrored.run("sync") == 0
    return mirrored


def index(mirrored: Mirrored, name: str) -> Path:
    return mirrored.root / "snapshots" / name / "simple"


def whole(mirrored: Mirrored, name: str) -> dict[str, set[str]]:
    """Return the files by project that a snapshot's pages list; all of them are there, whole."""
    view = Mirrored(index(mirrored, name), "")
    assert view.untrue() == []
    return {project["name"]: {file["filename"] for file in view.page(published_tree.normalize(project["name"]))["files"]}
            for project in json.loads((view.root / "index.v1_json").read_bytes())["projects"]}


FIRST = {"Demo.Lib": {"demo_lib-1.0-py3-none-any.whl", "demo_lib-1.0.tar.gz"}, "other": {"other-1.0-py3-none-any.whl"}}


def test_a_snapshot_stays_as_it_is(filled: Mirrored, upstream: Upstream) -> None:
    assert filled.run("snapshot", "create", "first") == 0
    before = published_tree_of(filled, "first")
    upstream.add("other", wheel("other", "2.0"), ("other-1.0-py3-none-any.whl", wheel("other", "1.0", body="x = 1\n")[1]))
    upstream.remove("Demo.Lib")
    upstream.add("third", wheel("third", "1.0"))
    assert filled.run("sync", "--allow-deletions") == 0
    assert filled.run("trash", "empty") == 0
    assert not (filled.root / "demo-lib").exists()
    assert published_tree_of(filled, "first") == before
    assert whole(filled, "first") == FIRST
    assert filled.run("verify") == 0


@pytest.mark.parametrize("words", [("snapshot", "create", "first"), ("export", "bundle")])
def test_nothing_is_made_of_a_mirror_whose_pages_a_run_did_not_finish(
        mirrored: Mirrored, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, capsys: Captured,
        words: tuple[str, ...]) -> None:
    """Whether its first pages are there and not recorded, or what is recorded is not on its pages yet."""
    monkeypatch.chdir(mirrored.root.parent)
    upstream.add("one", wheel("one", "1.0"))
    upstream.add("other", wheel("other", "1.0"))
    for place in ("result_recorder.ResultRecorder.published", "publisher.Publisher.publish"):
        with monkeypatch.context() as patch:
            patch.setattr(f"pypimirror.sync.{place}", interrupt)
            assert mirrored.run("-U") == 130
        capsys.readouterr()
        assert mirrored.run(*words) == 1
        assert "the last run did not finish one; run sync " in capsys.readouterr().err
        assert mirrored.run("-U") == 0
        upstream.add("one", wheel("one", "1.0"), yanked="broken")
    # A project that failed is as it was.
    upstream.answers["/simple/one/"] = (503, {}, b"")
    assert mirrored.run("-U") == 1
    assert mirrored.run(*words) == 0


def interrupt(*arguments: object, **options: object) -> None:
    raise KeyboardInterrupt


def published_tree_of(mirrored: Mirrored, name: str) -> dict[str, bytes]:
    place = mirrored.root / "snapshots" / name
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_its_files_take_no_space_and_are_no_symbolic_links(filled: Mirrored) -> None:
    assert filled.run("snapshot", "create", "first") == 0
    for path in index(filled, "first").rglob("*"):
        assert not path.is_symlink()
        assert path.stat().st_mode & 0o444 == 0o444
        if path.suffix in (".whl", ".gz", ".metadata"):
            assert path.samefile(filled.root / path.parent.name / path.name)
    assert (index(filled, "first") / "Demo.Lib" / "index.html").is_file()


def test_the_index_as_of_a_moment(filled: Mirrored) -> None:
    assert filled.run("snapshot", "create", "old", "--at", "2022-01-01") == 0
    assert whole(filled, "old") == {"Demo.Lib": FIRST["Demo.Lib"]}
    assert not (index(filled, "old") / "other").exists()


def test_list_diff_and_delete(filled: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    assert filled.run("snapshot", "list") == 0
    assert capsys.readouterr().out == "there are no snapshots\n"
    assert filled.run("snapshot", "create", "a") == 0
    assert filled.run("snapshot", "create", "b", "--at", "2022-01-01") == 0
    upstream.add("new", wheel("new", "1.0"))
    assert filled.run("sync") == 0
    capsys.readouterr()
    assert filled.run("snapshot", "diff", "a", "a") == 0
    assert filled.run("snapshot", "diff", "b", "a") == 1
    assert filled.run("snapshot", "diff", "a") == 1
    assert capsys.readouterr().out == "no difference\n+ other/other-1.0-py3-none-any.whl\n+ new/new-1.0-py3-none-any.whl\n"
    assert filled.run("snapshot", "diff", "a", "b", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"added": [], "removed": ["other/other-1.0-py3-none-any.whl"], "changed": []}
    assert filled.run("snapshot", "list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["projects"], one["files"], one["at"][:10]) for one in found] == [
        ("a", 2, 3, ""), ("b", 1, 2, "2022-01-01")]
    assert filled.run("status", "--json") == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["snapshots"]] == ["a", "b"]
    assert filled.run("snapshot", "delete", "a") == 0
    assert filled.run("snapshot", "delete", "b") == 0
    assert not (filled.root / "snapshots").exists()
    assert filled.run("verify") == 0


def test_promotion_and_back(filled: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    assert filled.run("snapshot", "create", "one") == 0
    upstream.add("other", wheel("other", "2.0"))
    assert filled.run("sync") == 0
    assert filled.run("snapshot", "create", "two") == 0
    for name in ("one", "two", "one"):
        assert filled.run("snapshot", "promote", name) == 0
        assert whole(filled, "production") == whole(filled, name)
    assert filled.run("snapshot", "promote", "two", "--as", "staging") == 0
    capsys.readouterr()
    assert filled.run("snapshot", "list", "--json") == 0
    assert [(one["name"], one["promoted"]) for one in json.loads(capsys.readouterr().out)] == [
        ("one", ""), ("production", "one"), ("staging", "two"), ("two", "")]
    assert filled.run("snapshot", "delete", "one") == 0
    assert whole(filled, "production") == FIRST
    assert filled.run("verify") == 0


def test_a_reader_never_misses_the_promoted_index(filled: Mirrored) -> None:
    """The folder is exchanged in one step: a process that opens a page in a loop finds one each time."""
    assert filled.run("snapshot", "create", "one") == 0
    assert filled.run("snapshot", "promote", "one") == 0
    page = index(filled, "production") / "other" / "index.html"
    code = (f"import sys\nprint(flush=True)\nwhile True:\n    open({str(page)!r}).close()\n"
            "    if sys.stdin in __import__('select').select([sys.stdin], [], [], 0)[0]: break\n")
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        for _ in range(10):
            assert filled.run("snapshot", "promote", "one") == 0
        _, errors = reader.communicate(b"\n")
    assert (reader.returncode, errors) == (0, b"")


def test_without_an_exchange_a_promotion_still_replaces(filled: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "exchange", lambda one, other: False)
    assert filled.run("snapshot", "create", "one") == 0
    for _ in range(2):
        assert filled.run("snapshot", "promote", "one") == 0
    assert whole(filled, "production") == FIRST


def test_where_files_can_not_be_linked_they_are_copied(filled: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert filled.run("snapshot", "create", "one") == 0
    monkeypatch.undo()
    assert whole(filled, "one") == FIRST


@pytest.mark.parametrize(("arguments", "words"), [
    (("create", "index.html"), "not a name for a snapshot"), (("create", "a-1.0.tar.gz"), "not a name for a snapshot"),
    (("create", "x", "--at", "2999-01-01"), "in the future"), (("create", "x" * 65), "at most 64"),
    (("create", "One"), "a snapshot's name has lower-case letters"), (("create", "../x"), "a snapshot's name"),
    (("create", "one"), "there is already a snapshot 'one'"), (("delete", "two"), "there is no snapshot 'two'"),
    (("promote", "two"), "there is no snapshot 'two'"), (("promote", "one", "--as", "one"), "is a snapshot itself"),
    (("diff", "one", "two"), "there is no snapshot 'two'"), (("creat", "x"), "did you mean 'create'"),
    (("create", "x", "--at", "yesterday"), "--at yesterday: must be"),
    (("list", "--at", "2020-01-01"), "--at is not an option"),
    (("create", "x", "--as", "y"), "--as is not an option"), (("create", "x", "--json"), "--json is not an option")])
def test_wrong_usage(filled: Mirrored, capsys: Captured, arguments: tuple[str, ...], words: str) -> None:
    assert filled.run("snapshot", "create", "one") == 0
    capsys.readouterr()
    assert filled.run("snapshot", *arguments) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_a_file_that_is_missing_stops_it(filled: Mirrored, capsys: Captured) -> None:
    (filled.root / "other" / "other-1.0-py3-none-any.whl").unlink()
    assert filled.run("snapshot", "create", "one") == 1
    assert "run verify --repair" in capsys.readouterr().err
    assert not (filled.root / "snapshots").exists()


def test_verify_finds_and_repairs_its_faults(filled: Mirrored, capsys: Captured) -> None:
    assert filled.run("snapshot", "create", "one") == 0
    lost = index(filled, "one") / "other" / "other-1.0-py3-none-any.whl"
    damaged = index(filled, "one") / "demo-lib" / "demo_lib-1.0.tar.gz"
    lost.unlink()
    damaged.unlink()
    damaged.write_bytes(b"other content")
    capsys.readouterr()
    assert filled.run("verify") == 1
    out = capsys.readouterr().out
    assert "snapshots/one/simple/other/other-1.0-py3-none-any.whl: missing" in out
    assert "snapshots/one/simple/demo-lib/demo_lib-1.0.tar.gz: damaged" in out
    assert filled.run("verify", "--repair") == 0
    assert whole(filled, "one") == FIRST
    (filled.root / "snapshots" / "one" / "snapshot.json").write_text("{")
    assert filled.run("verify") == 1


def test_a_project_called_snapshots(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("snapshots", wheel("snapshots", "1.0"))
    assert mirrored.run("sync") == 0
    assert mirrored.run("snapshot", "create", "one") == 0
    assert mirrored.run("sync") == 0
    assert mirrored.run("verify") == 0
    with servers.serve(mirrored.root, tmp_path / "log") as address:
        for path in ("/snapshots/", "/simple/snapshots/", "/snapshots/one/simple/snapshots/"):
            reply = servers.ask(address, path)
            assert reply.status == 200 and b"snapshots-1.0-py3-none-any.whl" in reply.body


def test_a_lost_state_costs_no_snapshot(filled: Mirrored) -> None:
    assert filled.run("snapshot", "create", "one") == 0
    assert filled.run("snapshot", "promote", "one") == 0
    (filled.root / ".pypimirror" / "state.sqlite").unlink()
    assert filled.run("sync") == 0
    assert filled.run("verify") == 0
    assert whole(filled, "one") == whole(filled, "production") == FIRST
    assert {path.name for path in filled.root.iterdir() if path.is_dir()} == {
        ".pypimirror", "Demo.Lib", "demo-lib", "other", "snapshots"}


# --- served


@pytest.fixture
def readable(filled: Mirrored) -> Iterator[Path]:
    """A copy of the mirror in a folder that the web servers' own users may enter."""
    assert filled.run("snapshot", "create", "one") == 0
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        Path(folder).chmod(0o755)
        yield shutil.copytree(filled.root, Path(folder, "mirror"))


@pytest.mark.parametrize("server", ["serve", "nginx", "apache", "caddy", "bare"])
def test_it_is_served_at_its_url(readable: Path, tmp_path: Path, server: str) -> None:
    start = servers.bare_python if server == "bare" else getattr(servers, server)
    with start(readable, tmp_path / "server.log") as address:
        for prefix in ("", "/simple") if server != "bare" else ("",):
            base = f"{prefix}/snapshots/one/simple"
            root = servers.ask(address, f"{base}/")
            assert root.status == 200 and b'<a href="demo-lib/">Demo.Lib</a>' in root.body
            page = servers.ask(address, f"{base}/demo-lib/")
            assert page.status == 200 and b'href="demo_lib-1.0.tar.gz#sha256=' in page.body
            file = servers.ask(address, f"{base}/demo-lib/demo_lib-1.0.tar.gz")
            assert file.body == (readable / "demo-lib" / "demo_lib-1.0.tar.gz").read_bytes()
            assert servers.ask(address, f"{base}/Demo.Lib/").status == 200
            if server != "bare":
                answer = servers.ask(address, f"{base}/demo-lib/", Accept=JSON)
                assert answer.headers["Content-Type"] == JSON and json.loads(answer.body)["name"] == "demo-lib"
                assert servers.ask(address, f"{base}/", Accept=JSON).headers["Content-Type"] == JSON
                assert servers.ask(address, base).status == 301
            assert servers.ask(address, f"{base}/missing/").status == 404
        found = clients.pip(f"{address}/snapshots/one/simple/", ["demo.lib"], tmp_path, "--only-binary", ":all:", "--no-deps")
        assert found == {"demo-lib": "1.0"}


@pytest.mark.parametrize("generation", wheelhouse.GENERATIONS)
def test_buildout_reads_its_folder(filled: Mirrored, upstream: Upstream, buildouts: Buildouts, generation: str) -> None:
    """A file: index is a folder for zc.buildout: whatever the mirror has by now, only the files of the snapshot are in it."""
    assert filled.run("snapshot", "create", "one") == 0
    upstream.add("Demo.Lib", wheel("Demo.Lib", "2.0"))
    assert filled.run("sync") == 0
    buildout = buildouts.new(generation)
    buildout.forget("Demo.Lib")
    buildout.file("buildout.cfg", "\n".join([
        "[buildout]", "parts = demo", f"index = {index(filled, 'one').as_uri()}", f"eggs-directory = {buildout.eggs}",
        f"find-links = {wheelhouse.FOLDER}", "[demo]", "recipe = zc.recipe.egg", "eggs = Demo.Lib", "interpreter = py",
        "[versions]", *(f"{name} = {version}" for name, version in wheelhouse.pins(generation).items()), ""]))
    buildout.run()
    code = "import demo_lib; print(demo_lib.__version__)"
    shown = subprocess.run([buildout.folder / "bin" / "py", "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "1.0\n"


# --- killed


@pytest.mark.parametrize("words", [("create", "new"), ("promote", "one"), ("delete", "two")])
@pytest.mark.heavy
def test_a_kill_at_any_instant_leaves_the_old_or_the_new_state(filled: Mirrored, upstream: Upstream, words: tuple[str, str],
                                                              capsys: Captured) -> None:
    """The process dies at ever later changes of the tree, until it gets through; each of them with ``PYPIMIRROR_KILLS``."""
    assert filled.run("snapshot", "create", "one") == 0
    upstream.add("other", wheel("other", "2.0"))
    assert filled.run("sync") == 0
    assert filled.run("snapshot", "create", "two") == 0
    assert filled.run("snapshot", "promote", "two") == 0
    contents = {name: whole(filled, name) for name in ("one", "two")}
    config = filled.write()
    count = 1
    while True:
        count += 1 if "PYPIMIRROR_KILLS" in os.environ else 5
        pid = os.fork()
        if not pid:
            _die_at(count)
            os._exit(cli.main(None, [config, "snapshot", *words]))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        names = {path.name for path in (filled.root / "snapshots").iterdir()}
        assert {"one", "production"} <= names <= {"one", "two", "new", "production"}
        for name in names:
            assert whole(filled, name) in contents.values()
        if status == 0:
            break
        assert status == 9
        if "two" not in names:
            assert filled.run("snapshot", "create", "two") == 0
    assert count > 5
    assert filled.run("sync") == 0
    assert list((filled.root / ".pypimirror" / "tmp").iterdir()) == []
    assert filled.run("verify") == 0


def _die_at(count: int) -> None:
    """Let this process die at its nth call that changes the tree."""
    left = [count]

    def dying(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                os._exit(9)
            return function(*args, **options)

        return call

    for name in ("link", "mkdir", "rename", "replace", "unlink", "rmdir"):
        setattr(os, name, dying(getattr(os, name)))
    tree.exchange = dying(tree.exchange)
    for module in (tree, tree_writer):
        module.write_file = dying(module.write_file)  # type: ignore[attr-defined]
