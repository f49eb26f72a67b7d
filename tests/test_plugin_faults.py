"""What plugins do wrong: each mistake is named with component, place and project, and harms nothing else."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from zope.interface import implementer

from pypimirror import interfaces
from pypimirror.errors import FetchError
from pypimirror.http.pycurl_fetcher import CurlFetcher
from pypimirror.mirror import Mirror
from pypimirror.model import NOTHING, File, ListedProject, Project, ProjectList
from pypimirror.read_only import ReadOnlyDict
from pypimirror.report import plugin_observers
from pypimirror.settings.text_file import TextFile
from pypimirror.upstream.json_page import JsonParser
from pypimirror.zcml.plugins import read
from support.mirror import Mirrored
from support.upstream import Upstream, sdist
from test_registry import Good, written

Captured = pytest.CaptureFixture[str]


class Approved(Good):
    """A filter that lets the projects pass that a file names."""

    reason = "not approved"

    def __init__(self, settings: Any):
        self._names = settings["approved"].lines() if settings["approved"] else ()

    def select(self, project: Any) -> Any:
        return project.files if project.name in self._names else ()


class Allowed(Good):
    """A filter that lets the projects pass that a key names."""

    reason = "not allowed"

    def __init__(self, settings: Any):
        self._names = settings["allowed"]

    def select(self, project: Any) -> Any:
        return project.files if project.name in self._names else ()


def resolved(text: str, folder: str) -> str:
    """A plugin's own type: a file in the folder, which must be there."""
    path = Path(folder, text)
    if not path.is_file():
        raise ValueError(f"a file in {folder}")
    return str(path)


#: The path that the writer of a plugin renders for the project ``bad``, and for others.
PATHS = {"bad": ""}


@implementer(interfaces.IIndexWriter)
class Writer:
    """An index writer that renders what ``PATHS`` says."""

    root: Any = None
    most_files = None

    def __init__(self, settings: Any):
        self.root = PATHS.get("root")

    def pages(self, project: Any, serial: int) -> Iterator[tuple[str, bytes]]:
        yield PATHS.get(project.name, f"{project.name}/plugin.txt"), PATHS.get("page", b"x")  # type: ignore[misc]

    def serial(self, page: bytes) -> int | None:
        return None

    def projects(self, entries: Any, serial: int) -> Iterator[bytes]:
        yield b""


@implementer(interfaces.IObserver)
class Observer:
    """An observer that does what ``BEHAVIOUR`` says."""

    def __init__(self, settings: Any):
        pass

    def notify(self, event: Any) -> None:
        BEHAVIOUR[0](event)


BEHAVIOUR: list[Any] = [None]
APPROVED = ('<pypimirror:setting name="approved" type="file" affects="files" help="Approved projects." />',
            '<pypimirror:filter name="approved" factory="test_plugin_faults.Approved" />')


@pytest.fixture
def two(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    for name in ("bad", "good"):
        upstream.add(name, sdist(name, "1"))
    PATHS.clear()
    return mirrored


# --- files that filters read


def test_an_edited_file_is_a_change_that_plan_and_sync_agree_on(two: Mirrored, capsys: Captured) -> None:
    plugin = written(two.config.parent, *APPROVED)
    file = two.config.parent / "approved.txt"
    file.write_text("# comment\nbad\n  good\n")
    two.settings |= {"zcml": plugin.file, "approved": "approved.txt"}
    assert two.run("sync") == 0
    assert (two.files("bad"), two.files("good")) == (["bad-1.tar.gz"], ["good-1.tar.gz"])
    file.write_text("good\n")
    capsys.readouterr()
    assert two.run("plan", "--json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert [(entry["project"], entry["why"]) for entry in planned["remove"]] == [("bad", "not approved")]
    assert two.run("plan") == 0
    assert f"removal   filter 'approved' ({plugin.file}:3) leaves out 1 files of 1 projects of the mirror\n" \
        in capsys.readouterr().out
    assert two.run("-U") == 0
    assert (two.files("bad"), two.files("good")) == ([], ["good-1.tar.gz"])
    assert two.run("plan", "--json") == 0
    assert json.loads(capsys.readouterr().out)["remove"] == []
    file.write_text("good\nbad\n")
    assert two.run("-U") == 0
    assert two.files("bad") == ["bad-1.tar.gz"]


def test_the_content_travels_and_config_shows_the_path_alone(two: Mirrored, capsys: Captured) -> None:
    file = two.config.parent / "approved.txt"
    file.write_text("good\n")
    two.settings |= {"zcml": written(two.config.parent, *APPROVED).file, "approved": "approved.txt", "engine": "processes"}
    assert read(two.write())["approved"] == TextFile(str(file), "good\n")
    assert two.run("sync") == 0
    assert (two.files("bad"), two.files("good")) == ([], ["good-1.tar.gz"])
    assert two.run("config") == 0
    assert f"\napproved = {file}    # " in capsys.readouterr().out


@pytest.mark.parametrize(("content", "message"), [
    (None, "must be a file that can be read, not {path}: No such file or directory"),
    (b"\xff\xfe", "must be a file of UTF-8 text, not {path}")])
def test_a_file_that_can_not_be_read_is_refused(two: Mirrored, capsys: Captured, content: bytes | None, message: str) -> None:
    path = two.config.parent / "approved.txt"
    if content is not None:
        path.write_bytes(content)
    two.settings |= {"zcml": written(two.config.parent, *APPROVED).file, "approved": "approved.txt"}
    assert two.run("sync") == 2
    assert capsys.readouterr().err == \
        f"pypimirror: {two.config}: approved = 'approved.txt': {message.format(path=path)}\n"
    assert not two.root.exists()


# --- lists of names


_ALLOWED = ('<pypimirror:setting name="allowed" type="names" affects="files" help="Allowed projects." />',
            '<pypimirror:filter name="allowed" factory="test_plugin_faults.Allowed" />')


def test_names_in_any_spelling_are_normalised_and_unknown_ones_are_a_warning(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("plone.api", sdist("plone.api", "1"))
    mirrored.settings |= {"zcml": written(mirrored.config.parent, *_ALLOWED).file, "allowed": "Plone.API plone_api Plon.rest",
                          "report_filename": "report.json"}
    assert read(mirrored.write())["allowed"] == ("plone-api", "plon-rest")
    assert mirrored.run("sync") == 0
    assert mirrored.files("plone-api") == ["plone_api-1.tar.gz"]
    report = json.loads((mirrored.config.parent / "report.json").read_text())
    assert report["notices"] == ["allowed: the mirror has no project named plon-rest; check the names"]
    mirrored.settings["allowed"] = "plone.api"
    assert mirrored.run("sync") == 0
    assert json.loads((mirrored.config.parent / "report.json").read_text())["notices"] == []


def test_what_is_no_name_is_refused(mirrored: Mirrored, capsys: Captured) -> None:
    mirrored.settings |= {"zcml": written(mirrored.config.parent, *_ALLOWED).file, "allowed": "plone.* other"}
    assert mirrored.run("sync") == 2
    assert "allowed = 'plone.* other': must be names of projects such as Plone or plone.api, not 'plone.*'" \
        in capsys.readouterr().err


# --- one folder for relative paths


def test_relative_paths_of_every_type_start_from_one_folder(mirrored: Mirrored) -> None:
    folder = mirrored.config.parent / "elsewhere"
    folder.mkdir()
    (folder / "names.txt").write_text("one")
    mirrored.settings |= {
        "zcml": written(mirrored.config.parent,
                        '<pypimirror:setting name="own" type="test_plugin_faults.resolved" help="x" />',
                        '<pypimirror:setting name="path" type="path" help="x" />',
                        '<pypimirror:setting name="usual" type="path" default="names.txt" help="x" />',
                        '<pypimirror:setting name="text" type="file" help="x" />').file,
        "relative_to": "elsewhere", "own": "names.txt", "path": "names.txt", "text": "names.txt", "ca_bundle": "names.txt"}
    settings = Mirror(read(mirrored.write())).settings
    expected = str(folder / "names.txt")
    assert [settings[key] for key in ("own", "path", "usual", "ca_bundle")] == [expected] * 4
    assert settings["text"].path == expected
    assert settings["relative_to"] == str(folder)


def test_a_url_is_no_folder_of_relative_paths(mirrored: Mirrored, capsys: Captured) -> None:
    mirrored.settings["relative_to"] = "https://example.com/"
    assert mirrored.run("sync") == 2
    assert "relative_to = 'https://example.com/': must be a directory" in capsys.readouterr().err


# --- pages


_WRITER = '<pypimirror:indexWriter name="odd" factory="test_plugin_faults.Writer" />'


@pytest.mark.parametrize(("path", "why"), [
    ("bad/bad-1.tar.gz", "it is the path of a distribution file or of a file about one"),
    ("bad/bad-2.whl", "it is the path of a distribution file or of a file about one"),
    ("bad/bad-1.tar.gz.metadata", "it is the path of a distribution file or of a file about one"),
    ("bad/index.html", "another index writer renders it, too"),
    (".pypimirror/state", "it is not a relative path inside the mirror"),
    ("../../outside", "it is not a relative path inside the mirror"),
    ("/etc/passwd", "it is not a relative path inside the mirror"),
    ("bad//x", "it is not a relative path inside the mirror"),
    ("bad/.htaccess", "it is not a relative path inside the mirror"),
    ("", "it is not a relative path inside the mirror"),
    ("good/index.html", "it is neither in the folder bad/ nor in one such as NAME/bad/"),
    ("good/plugin.txt", "it is neither in the folder bad/ nor in one such as NAME/bad/"),
    ("index.html", "it is neither in the folder bad/ nor in one such as NAME/bad/"),
    ("pins/bad/x", "it is neither in the folder bad/ nor in one such as NAME/bad/"),
    (None, "pages are pairs of a path (str) and a content (bytes)"),
])
@pytest.mark.parametrize("order", ["html json odd", "odd html json"])
def test_a_path_that_is_not_the_writers_is_refused(two: Mirrored, capsys: Captured, path: Any, why: str, order: str) -> None:
    plugin = written(two.config.parent, _WRITER)
    assert two.run("sync") == 0
    before = two.tree()
    PATHS["bad"] = path
    two.settings |= {"zcml": plugin.file, "index_formats": order}
    capsys.readouterr()
    assert two.run("-U") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"pypimirror: bad: index writer 'odd' ({plugin.file}:2): ValueError: renders {path!r}: {why}"
    assert "good/plugin.txt" in two.paths()
    assert {path: page for path, page in two.tree().items() if path.startswith("bad/")} \
        == {path: page for path, page in before.items() if path.startswith("bad/")}


@pytest.mark.parametrize("path", ["bad/plugin/page.txt", "Bad/index.txt", "api/bad/json"])
def test_other_paths_of_the_project_are_free(two: Mirrored, path: str) -> None:
    PATHS["bad"] = path
    two.settings |= {"zcml": written(two.config.parent, _WRITER).file, "index_formats": "html json odd"}
    status = two.run("sync")
    assert (status, path in two.paths()) == ((0, True) if path != "bad/plugin/page.txt" else (1, False))


@pytest.mark.parametrize(("root", "message"), [
    ("index.html", "root = 'index.html': is also the page of index writer 'html'"),
    ("../x", "root = '../x': must be the name of a page in the mirror's root"),
    (".pypimirror", "root = '.pypimirror': must be"), ("x-1.tar.gz", "root = 'x-1.tar.gz': must be"), ("pins", "root = 'pins'"),
    ("bad/index.html", "root = 'bad/index.html': must be"), (3, "root = 3: must be")])
def test_a_root_page_that_is_not_the_writers_is_refused(two: Mirrored, capsys: Captured, root: Any, message: str) -> None:
    PATHS["root"] = root
    plugin = written(two.config.parent, _WRITER)
    two.settings |= {"zcml": plugin.file, "index_formats": "html odd"}
    assert two.run("sync") == 2
    assert capsys.readouterr().err.startswith(f"pypimirror: index writer 'odd' ({plugin.file}:2): {message}")
    assert not two.root.exists()


@pytest.mark.parametrize(("pages", "message"), [
    (None, "pages returned None, not pairs of a path and a content"),
    (["bad/plugin.txt"], "pages returned 'bad/plugin.txt', not a pair of a path and a content"),
    ([("bad/a", b"1"), ("bad/a", b"2")], "renders 'bad/a': it renders this page twice"),
    ([(f"bad/{'a' * 241}", b"")], f"renders 'bad/{'a' * 241}': it is not a relative path inside the mirror")])
def test_pages_that_are_none_fail_for_their_project_alone(two: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch,
                                                          pages: Any, message: str) -> None:
    monkeypatch.setattr(Writer, "pages", lambda self, project, serial: pages if project.name == "bad" else ())
    plugin = written(two.config.parent, _WRITER)
    two.settings |= {"zcml": plugin.file, "index_formats": "html odd"}
    assert two.run("sync") == 1
    assert capsys.readouterr().err == f"pypimirror: bad: index writer 'odd' ({plugin.file}:2): ValueError: {message}\n"


@pytest.mark.parametrize(("blocks", "message"), [
    ("text", "projects returned 'text', not an iterable of bytes"), (None, "projects returned None, not an iterable of bytes"),
    (["text"], "projects returned 'text' among the blocks of the page; they must be bytes")])
def test_a_root_page_that_is_no_bytes_names_its_writer(two: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch,
                                                       blocks: Any, message: str) -> None:
    PATHS["root"] = "odd.txt"
    monkeypatch.setattr(Writer, "projects", lambda self, entries, serial: blocks)
    plugin = written(two.config.parent, _WRITER)
    two.settings |= {"zcml": plugin.file, "index_formats": "html odd"}
    assert two.run("sync") == 1
    assert capsys.readouterr().err == f"pypimirror: odd.txt: index writer 'odd' ({plugin.file}:2): TypeError: {message}\n"
    assert not (two.root / "odd.txt").exists()


# --- what engines return


@implementer(interfaces.IEngine)
class Engine:
    """An engine that runs tasks one after the other."""

    def __init__(self, mirror: Any):
        self._mirror = mirror

    def run(self, step: Any, tasks: Any) -> Any:
        for task in tasks:
            events: list[Any] = []
            result = step(self._mirror, task, events.append)
            yield from (*events, result)

    def close(self) -> None:
        pass


def _losing(self: Any, step: Any, tasks: Any) -> Any:
    return iter(list(tasks)[:0])


def _lazy(self: Any, step: Any, tasks: Any) -> Any:
    return iter(())


def _talking(self: Any, step: Any, tasks: Any) -> Any:
    yield from (str(task) for task in tasks)


@pytest.mark.parametrize(("run", "message"), [
    (_losing, "ValueError: run yielded 0 results for 2 tasks"), (_lazy, "ValueError: run yielded 0 results for 2 tasks"),
    (lambda self, step, tasks: None, "TypeError: run returned None, not an iterator of events and results"),
    (_talking, "TypeError: run yielded ")])
def test_an_engine_that_loses_tasks_is_named(two: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch, run: Any,
                                             message: str) -> None:
    plugin = written(two.config.parent, '<pypimirror:engine name="odd" factory="test_plugin_faults.Engine" />')
    two.settings |= {"zcml": plugin.file, "engine": "odd"}
    assert two.run("sync") == 0
    assert two.files("good") == ["good-1.tar.gz"]
    monkeypatch.setattr(Engine, "run", run)
    capsys.readouterr()
    assert two.run("sync", "-I") == 1
    assert capsys.readouterr().err.startswith(f"pypimirror: engine 'odd' ({plugin.file}:2): {message}")
    assert two.files("good") == ["good-1.tar.gz"]


@implementer(interfaces.IFetcher)
class Fetcher:
    """A fetcher that forgot to return the head."""

    def __init__(self, settings: Any):
        pass

    def fetch(self, url: str, receiver: Any, headers: Any = None) -> Any:
        return None

    def close(self) -> None:
        pass


def test_a_fetcher_that_returns_no_head_is_named(two: Mirrored, capsys: Captured) -> None:
    plugin = written(two.config.parent, '<pypimirror:fetcher name="odd" factory="test_plugin_faults.Fetcher" />')
    two.settings |= {"zcml": plugin.file, "fetcher": "odd"}
    assert two.run("sync") == 1
    assert f"fetcher 'odd' ({plugin.file}:2): TypeError: fetch returned None, not a Head" in capsys.readouterr().err


class WithoutSelector(CurlFetcher):
    """A fetcher whose event loop gets no selector."""

    def selector(self) -> Any:
        return None


def test_a_fetcher_that_returns_no_selector_is_named(two: Mirrored, capfd: Captured) -> None:
    plugin = written(two.config.parent, '<pypimirror:fetcher name="odd" factory="test_plugin_faults.WithoutSelector" />')
    two.settings |= {"zcml": plugin.file, "fetcher": "odd"}
    assert two.run("sync") == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"pypimirror: fetcher 'odd' ({plugin.file}:2): TypeError: selector returned None, not a selector")


# --- what sources and parsers return


GOOD_FILE = File("bad-1.tar.gz", "https://files.example.com/bad-1.tar.gz")


@implementer(interfaces.ISource)
class Source:
    """A source of two projects without files."""

    def __init__(self, upstream: Any, mirror: Any):
        pass

    def listing(self, wanted: Any, etag: Any = None, written: Any = None) -> Any:
        return ProjectList({name: ListedProject(name) for name in ("bad", "good")}, 2)

    def project(self, name: str, etag: Any = None, since: Any = None) -> Any:
        return Project(name), ()


_SOURCE = '<pypimirror:source name="odd" factory="test_plugin_faults.Source" />'


@pytest.mark.parametrize(("page", "message"), [
    (None, "project returned None, not a pair of a Project and a tuple of problems"),
    (Project("bad"), "project returned Project(name='bad',"), (("bad", ()), "project returned 'bad', not a Project"),
    ((Project("other"), ()), "project returned the project 'other' in place of 'bad'"),
    ((Project("bad", ("bad-1.tar.gz",)), ()), "project returned 'bad-1.tar.gz' among the files; they must be Files"),
    ((Project("bad", (GOOD_FILE._replace(hashes="sha256=0"),)), ()), "project returned File(filename='bad-1.tar.gz',"),
    ((Project("bad"), "a problem"), "project returned 'a problem' as problems, not a tuple of lines")])
def test_a_page_that_is_none_fails_for_its_project_alone(two: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch,
                                                         page: Any, message: str) -> None:
    good = Source.project
    monkeypatch.setattr(Source, "project", lambda self, name, *more: page if name == "bad" else good(self, name))
    plugin = written(two.config.parent, _SOURCE)
    two.settings |= {"zcml": plugin.file, "index_url": "odd://index/"}
    assert two.run("sync") == 1
    assert capsys.readouterr().err.startswith(f"pypimirror: bad: source 'odd' ({plugin.file}:2): TypeError: {message}")
    assert (two.root / "good" / "index.html").is_file() and not (two.root / "bad").exists()


@pytest.mark.parametrize(("listing", "message"), [
    (None, "listing returned None, not a ProjectList"), ({"bad": 1}, "listing returned {'bad': 1}, not a ProjectList"),
    (ProjectList({"bad": "bad"}), "listing returned 'bad' as a project, not a ListedProject")])
def test_a_list_that_is_none_is_named(two: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch, listing: Any,
                                      message: str) -> None:
    monkeypatch.setattr(Source, "listing", lambda self, *arguments: listing)
    plugin = written(two.config.parent, _SOURCE)
    two.settings |= {"zcml": plugin.file, "index_url": "odd://index/", "package_matches": "*"}
    assert two.run("sync") == 1
    assert capsys.readouterr().err.startswith(f"pypimirror: source 'odd' ({plugin.file}:2): TypeError: {message}")


def test_names_that_a_source_must_not_return_are_left_out_alone(two: Mirrored, capsys: Captured,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    projects = {name: ListedProject(name) for name in ("../bad", "Bad", "good")}
    monkeypatch.setattr(Source, "listing", lambda self, *arguments: ProjectList(projects, 3))
    files = (File("../../bad-1.tar.gz", "https://files.example.com/x"), File("good-1.tar.gz", "good-1.tar.gz"))
    monkeypatch.setattr(Source, "project", lambda self, name, *more: (Project(name, files), ()))
    two.settings |= {"zcml": written(two.config.parent, _SOURCE).file, "index_url": "odd://index/", "package_matches": "*"}
    assert two.run("sync") == 0
    log = (two.root / ".pypimirror" / "pypimirror.log").read_text()
    for left_out in ("'../bad': not the normalised name of a project", "'Bad': not the normalised name of a project",
                     "'../../bad-1.tar.gz': not the name of a distribution file",
                     "good-1.tar.gz: 'good-1.tar.gz' is not an absolute URL"):
        assert left_out in log
    assert (two.files("good"), (two.root / "bad").exists()) == ([], False)


@implementer(interfaces.IParser)
class Parser(JsonParser):
    """A parser in place of the product's."""


@pytest.mark.parametrize(("method", "result", "message"), [
    ("project", None, "project returned None, not a pair"), ("project", (None, ()), "project returned None, not a Project"),
    ("listing", 3, "listing returned 3, not an IListReader")])
def test_a_parser_that_returns_nonsense_is_named(two: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch, method: str,
                                                 result: Any, message: str) -> None:
    monkeypatch.setattr(Parser, method, lambda self, *arguments: result, raising=False)
    plugin = written(
        two.config.parent,
        '<pypimirror:parser name="application/vnd.pypi.simple.v1+json" factory="test_plugin_faults.Parser" />')
    two.settings |= {"zcml": plugin.file, "package_matches": "*"}
    assert two.run("sync") == 1
    line = capsys.readouterr().err.splitlines()[0]
    assert f"parser 'application/vnd.pypi.simple.v1+json' ({plugin.file}:2): TypeError: {message}" in line


# --- what filters select


def test_a_filter_that_selects_foreign_files_fails_for_its_project_alone(two: Mirrored, capsys: Captured,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    def select(self: Any, project: Any) -> Any:
        return [file._replace(filename="good-9.tar.gz") for file in project.files]

    monkeypatch.setattr(Good, "select", select)
    plugin = written(two.config.parent, '<pypimirror:filter name="odd" factory="test_registry.Good" />')
    assert two.run("sync") == 0
    two.settings["zcml"] = plugin.file
    capsys.readouterr()
    assert two.run("-U") == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ValueError: ") for line in sorted(lines)] == [
        [f"pypimirror: {name}: filter 'odd' ({plugin.file}:2)",
         "select returned 'good-9.tar.gz', which is not among the files that it was given"] for name in ("bad", "good")]
    assert (two.files("bad"), two.files("good")) == (["bad-1.tar.gz"], ["good-1.tar.gz"])


def _yanked(project: Any) -> Any:
    return [file._replace(yanked=True) for file in project.files]


def _without_end(project: Any) -> Any:
    while True:
        yield project.files[0]


def _unverified(project: Any) -> Any:
    project.files[0].hashes.clear()
    return project.files


def _labelled(project: Any) -> Any:
    project.extra["label"] = 1
    return project.files


@pytest.mark.parametrize(("result", "message"), [
    (_yanked, "ValueError: select returned 'bad-1.tar.gz' with other values; return the files that it was given"),
    (_without_end, "ValueError: select returned 'bad-1.tar.gz' twice"),
    (_unverified, "TypeError: values are read-only; build a new mapping"),
    (_labelled, "TypeError: values are read-only; build a new mapping")])
def test_a_filter_that_changes_what_it_was_given_fails_for_its_project_alone(
        two: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch, result: Any, message: str) -> None:
    monkeypatch.setattr(Good, "select", lambda self, project: result(project) if project.name == "bad" else project.files)
    plugin = written(two.config.parent, '<pypimirror:filter name="odd" factory="test_registry.Good" />')
    two.settings["zcml"] = plugin.file
    assert two.run("sync") == 1
    assert capsys.readouterr().err == f"pypimirror: bad: filter 'odd' ({plugin.file}:2): {message}\n"
    assert two.files("good") == ["good-1.tar.gz"]
    assert not (two.root / "bad").exists()


def test_what_a_component_must_not_change_can_be_copied_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(NOTHING)) == {}
    assert json.dumps(ReadOnlyDict(a=1)) == '{"a": 1}'
    for change in (lambda values: values.update(b=2), lambda values: values.pop("a"), lambda values: values.setdefault("b")):
        with pytest.raises(TypeError, match="read-only"):
            change(ReadOnlyDict(a=1))


@implementer(interfaces.INameFilter)
class Forgetful:
    """A name filter that forgot to return something."""

    active, applies_to_pins, exact = True, True, None

    def __init__(self, settings: Any):
        pass

    def __call__(self, name: str) -> Any:
        return None if name == "bad" else True


@pytest.mark.parametrize("applies_to_pins", [True, False])
def test_a_name_filter_that_returns_nothing_removes_nothing(two: Mirrored, capsys: Captured, applies_to_pins: bool,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Forgetful, "applies_to_pins", applies_to_pins)
    assert two.run("sync") == 0
    plugin = written(two.config.parent, '<pypimirror:nameFilter name="odd" factory="test_plugin_faults.Forgetful" />')
    two.settings["zcml"] = plugin.file
    capsys.readouterr()
    assert two.run("-U") == 1
    assert capsys.readouterr().err == \
        f"pypimirror: bad: name filter 'odd' ({plugin.file}:2): TypeError: returned None, not True or False\n"
    assert (two.files("bad"), two.files("good")) == (["bad-1.tar.gz"], ["good-1.tar.gz"])


@implementer(interfaces.ITimedFilter)
class Timed(Good):
    """A filter that takes a moment for a time."""

    def next_change(self, project: Any) -> Any:
        return "tomorrow" if project.name == "bad" else None


def test_a_time_that_is_none_fails_for_its_project_alone(two: Mirrored, capsys: Captured) -> None:
    plugin = written(two.config.parent, '<pypimirror:filter name="odd" factory="test_plugin_faults.Timed" />')
    two.settings["zcml"] = plugin.file
    assert two.run("sync") == 1
    assert capsys.readouterr().err == (f"pypimirror: bad: filter 'odd' ({plugin.file}:2): TypeError: next_change returned "
                                       "'tomorrow', not seconds since 1970 or None\n")
    assert two.files("good") == ["good-1.tar.gz"]


# --- observers


_OBSERVER = '<pypimirror:observer name="hook" factory="test_plugin_faults.Observer" />'


@pytest.mark.parametrize("error", [FetchError("https://hook.example.com/", "503"), KeyError("boom"), SystemExit(3)],
                         ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("when", ["RunStarted", "RunFinished", ""])
def test_an_observer_that_fails_is_one_warning_and_no_status(two: Mirrored, capsys: Captured, error: BaseException,
                                                             when: str) -> None:
    def behave(event: Any) -> None:
        if type(event).__name__ == when or not when:
            raise error

    BEHAVIOUR[0] = behave
    plugin = written(two.config.parent, _OBSERVER)
    two.settings["zcml"] = plugin.file
    assert two.run("sync") == 0
    what = str(error) if isinstance(error, FetchError) else f"{type(error).__name__}: {error}"
    assert capsys.readouterr().err == \
        f"pypimirror: observer 'hook' ({plugin.file}:2): {what}; this observer may miss more of this run\n"


def test_an_observer_that_hangs_holds_no_run_up(two: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    over, events = threading.Event(), []

    def behave(event: Any) -> None:
        events.append(event)
        over.wait()

    BEHAVIOUR[0] = behave
    monkeypatch.setattr(plugin_observers, "PATIENCE", 0.2)
    plugin = written(two.config.parent, _OBSERVER)
    two.settings["zcml"] = plugin.file
    try:
        assert two.run("sync") == 0
    finally:
        over.set()
    assert capsys.readouterr().err == (f"pypimirror: observer 'hook' ({plugin.file}:2): still busy after 0.2 seconds; "
                                       "this observer misses the rest of this run\n")
    assert two.files("good") == ["good-1.tar.gz"]
    assert len(events) == 1


def test_an_observer_that_is_slow_hears_all_events_in_order_before_the_program_ends(two: Mirrored) -> None:
    names: list[str] = []
    threads: set[str] = set()

    def behave(event: Any) -> None:
        names.append(type(event).__name__)
        threads.add(threading.current_thread().name)
        if type(event).__name__ == "RunStarted":
            threading.Event().wait(0.3)  # the run is over before

    BEHAVIOUR[0] = behave
    two.settings["zcml"] = written(two.config.parent, _OBSERVER).file
    assert two.run("sync") == 0
    assert (names[0], names[-1]) == ("RunStarted", "RunFinished")
    assert names.index("FileStored") < names.index("ProjectPublished") < names.index("RunFinished")
    assert len(threads) == 1 and threading.main_thread().name not in threads
    for thread in threading.enumerate():  # it ends with the run
        if thread.name in threads:
            thread.join(60)
            assert not thread.is_alive()


def test_a_full_queue_is_no_obstacle(two: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    BEHAVIOUR[0] = heard.append
    monkeypatch.setattr(plugin_observers, "_MOST_WAITING", 1)
    two.settings["zcml"] = written(two.config.parent, _OBSERVER).file
    assert two.run("sync") == 0
    assert len(heard) > 5
