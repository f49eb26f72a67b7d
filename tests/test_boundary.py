"""Whatever is raised in the work on one project, pin file or component fails that one alone, and is tried again."""

from __future__ import annotations

import asyncio
import importlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pypimirror.errors import ConfigurationError, FetchError, Locked, MirrorError
from pypimirror.settings.plugin_types import with_sorted_sets
from pypimirror.settings.values import fingerprint
from pypimirror.sync import pipeline, worklist
from pypimirror.zcml.plugins import read
from support import faulty_components, sampling
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]

RAISED = [
    KeyError("boom"), RecursionError("maximum recursion depth exceeded"), MemoryError(), OverflowError("too large"),
    UnicodeEncodeError("utf-8", "\udc80", 0, 1, "surrogates not allowed"), ValueError("\udcff\x1b[31m" + "x" * 100_000),
    StopIteration(), asyncio.CancelledError("line\nline"), OSError(36, "File name too long"), SystemExit(7)]
#: With their modules.
STEPS = {"evaluate_page": "sync.pipeline", "publish": "sync.tasks", "sweep": "sync.tasks"}


@pytest.fixture(autouse=True)
def _no_faults() -> Iterator[None]:
    yield
    faulty_components.FAULTS.clear()


@pytest.fixture
def three(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    """A mirror, not yet synced, of the projects ``bad``, ``good`` and ``zope.demo``."""
    for name in ("bad", "good", "zope.demo"):
        upstream.add(name, wheel(name, "1"), sdist(name, "1"))
    return mirrored


def named(value: object) -> str:
    return value if isinstance(value, str) else type(value).__name__


def published(mirrored: Mirrored) -> list[str]:
    """Return the names on the root page of JSON, after a check that all pages are true."""
    assert mirrored.untrue() == []
    return [project["name"] for project in json.loads(mirrored.read("index.v1_json"))["projects"]]


def failure(mirrored: Mirrored, capsys: Captured, *arguments: str) -> str:
    """Run, which must end with 1 and one printable line on stderr without a traceback; return that line."""
    capsys.readouterr()
    assert mirrored.run(*(arguments or ("-U",))) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1, line
    assert line.rstrip("\n").isprintable()
    assert len(line) < 1200
    return line


def healed(mirrored: Mirrored, capsys: Captured) -> None:
    """Check that the next run finishes the work, and that nothing is left of the failure."""
    faulty_components.FAULTS.clear()
    assert mirrored.run("-U") == 0
    assert capsys.readouterr().err == ""
    assert published(mirrored) == ["bad", "good", "zope.demo"]
    assert len(mirrored.files("bad")) == 2
    assert mirrored.run("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["errors"] == []
    assert mirrored.run("verify") == 0


@pytest.mark.parametrize(("kind", "error"), sampling.pairs(
    ["source", "parser", "fetcher", "storage", "indexWriter", "nameFilter", "filter"], RAISED, 3), ids=named)
def test_a_component_that_fails_on_one_project_fails_there_alone(three: Mirrored, capsys: Captured, kind: str,
                                                                 error: Exception) -> None:
    path = faulty_components.zcml(three.config.parent, kind)
    three.settings["zcml"] = path
    faulty_components.FAULTS[kind] = error
    line = failure(three, capsys, "sync")
    assert published(three) == ["good", "zope.demo"]
    assert line.startswith("pypimirror: bad: ")
    assert type(error).__name__ in line
    assert f"{faulty_components.COMPONENTS[kind][0]!r} ({path}:2)" in line
    log = (three.root / ".pypimirror/pypimirror.log").read_text()
    assert "Traceback (most recent call last)" in log
    assert "faulty_components.py" in log
    assert type(error).__name__ in failure(three, capsys)  # as long as it fails, and nothing new came
    healed(three, capsys)


@pytest.mark.parametrize("kind", ["source", "storage", "indexWriter"])
def test_an_error_of_the_configuration_that_a_plugin_raises_for_one_project_fails_it_alone(
        three: Mirrored, capsys: Captured, kind: str) -> None:
    three.settings["zcml"] = faulty_components.zcml(three.config.parent, kind)
    faulty_components.FAULTS[kind] = ConfigurationError("policy of bad: can't be read")
    assert failure(three, capsys, "sync") == "pypimirror: bad: policy of bad: can't be read\n"
    assert published(three) == ["good", "zope.demo"]
    healed(three, capsys)


@contextmanager
def failing_for_bad(monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str, error: Exception) -> Iterator[None]:
    """Let a step of a module raise an exception for the project ``bad``."""
    right = getattr(module, step)

    def wrong(mirror: Any, task: Any, *more: Any) -> Any:
        if task.name == "bad":
            raise error
        return right(mirror, task, *more)

    with monkeypatch.context() as patched:
        patched.setattr(module, step, wrong)
        yield


@pytest.mark.parametrize(("step", "error"), sampling.pairs(tuple(STEPS), RAISED, 4), ids=named)
def test_a_step_that_fails_on_one_project_fails_there_alone(
        three: Mirrored, upstream: Upstream, capsys: Captured, monkeypatch: pytest.MonkeyPatch, step: str,
        error: Exception) -> None:
    assert three.run("sync") == 0
    for name in ("bad", "good"):
        upstream.remove(name, sdist(name, "1")[0])
        upstream.add(name, sdist(name, "2"))
    with failing_for_bad(monkeypatch, importlib.import_module(f"pypimirror.{STEPS[step]}"), step, error):
        line = failure(three, capsys)
        assert line.startswith("pypimirror: bad: ")
        assert type(error).__name__ in line
        assert published(three) == ["bad", "good", "zope.demo"]
        assert sdist("good", "2")[0] in three.files("good")
        assert not (three.root / "good" / sdist("good", "1")[0]).exists()
        if step == "publish":
            assert sdist("bad", "2")[0] not in three.files("bad")
    healed(three, capsys)
    assert sorted(three.files("bad")) == sorted([wheel("bad", "1")[0], sdist("bad", "2")[0]])


@pytest.mark.parametrize("step", ["evaluate_page", "publish_evaluated"])
def test_a_step_that_fails_on_one_new_project_fails_there_alone(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    upstream.add("zope.demo", wheel("zope.demo", "1"), sdist("zope.demo", "1"))
    assert mirrored.run("sync") == 0
    for name in ("bad", "good"):
        upstream.add(name, wheel(name, "1"), sdist(name, "1"))
    with failing_for_bad(monkeypatch, pipeline, step, RecursionError()):
        assert failure(mirrored, capsys).startswith("pypimirror: bad: RecursionError")
        assert published(mirrored) == ["good", "zope.demo"]
        assert not (mirrored.root / "bad").exists()
    healed(mirrored, capsys)


def test_a_component_that_returns_nonsense_is_named(three: Mirrored, capsys: Captured) -> None:
    three.settings["zcml"] = path = faulty_components.zcml(three.config.parent, "filter", factory="Nothing")
    line = failure(three, capsys, "sync")
    assert line.startswith(f"pypimirror: bad: filter 'team-approved' ({path}:2): TypeError: select returned None, not files")
    assert published(three) == ["good", "zope.demo"]


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_it_is_the_same_in_every_engine(three: Mirrored, capsys: Captured, engine: str) -> None:
    three.settings |= {"zcml": faulty_components.zcml(three.config.parent, "filter", factory="Nothing"), "engine": engine}
    line = failure(three, capsys, "sync")
    assert "bad: filter 'team-approved'" in line
    assert published(three) == ["good", "zope.demo"]
    assert "Traceback" in (three.root / ".pypimirror/pypimirror.log").read_text()
    del three.settings["zcml"]
    healed(three, capsys)


def test_ctrl_c_ends_the_run(three: Mirrored) -> None:
    three.settings["zcml"] = faulty_components.zcml(three.config.parent, "filter")
    faulty_components.FAULTS["filter"] = KeyboardInterrupt()
    assert three.run("sync") == 130


@pytest.mark.parametrize("error", RAISED, ids=named)
def test_an_observer_that_fails_is_warned_of_once_and_changes_nothing(three: Mirrored, capsys: Captured,
                                                                      error: Exception) -> None:
    path = faulty_components.zcml(three.config.parent, "observer")
    three.settings |= {"zcml": path, "report_filename": "report.json"}
    faulty_components.FAULTS["observer"] = error
    assert three.run("sync") == 0
    line = capsys.readouterr().err
    assert line.startswith(f"pypimirror: observer 'aaa' ({path}:2): {type(error).__name__}")
    assert line.count("\n") == 1
    report = json.loads((three.config.parent / "report.json").read_text())  # the observer that comes after it
    assert report["status"] == 0
    assert len(report["notices"]) == 1
    assert published(three) == ["bad", "good", "zope.demo"]


def test_a_page_about_all_projects_that_fails_is_no_matter_of_the_others(three: Mirrored, capsys: Captured,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    from pypimirror.index.full import FullIndex

    with monkeypatch.context() as patched:
        patched.setattr(FullIndex, "projects", _raising)
        line = failure(three, capsys, "sync")
        assert line.startswith("pypimirror: full.html: index writer 'full' (")
        assert "configure.zcml:" in line and "ZeroDivisionError" in line
        assert published(three) == ["bad", "good", "zope.demo"]
        assert not (three.root / "full.html").exists()
        failure(three, capsys)
    healed(three, capsys)
    assert "zope_demo-1.tar.gz" in three.read("full.html")


def _raising(self: object, *more: object) -> Iterator[bytes]:
    yield b"half a page"
    raise ZeroDivisionError("nothing there")


def test_an_obstructed_page_about_all_projects_is_no_matter_of_the_others(three: Mirrored, upstream: Upstream,
                                                                           capsys: Captured) -> None:
    assert three.run("sync") == 0
    (three.root / "full.html").unlink()
    (three.root / "full.html").mkdir()
    (three.root / "full.html/mine").write_text("mine")
    upstream.add("new", wheel("new", "1"))
    for _ in range(2):
        assert f"full.html: {three.root}/full.html: " in failure(three, capsys)
        names = [project["name"] for project in json.loads(three.read("index.v1_json"))["projects"]]
        assert names == ["bad", "good", "new", "zope.demo"]
    (three.root / "full.html/mine").unlink()
    (three.root / "full.html").rmdir()
    assert three.run("-U") == 0
    assert "new-1" in three.read("full.html")


# --- pins


@pytest.mark.parametrize("error", RAISED, ids=named)
def test_a_pin_file_that_fails_does_so_alone(three: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                             error: Exception) -> None:
    from pypimirror.pins import pin_files

    (tmp_path / "one.cfg").write_text("[versions]\nbad = 1\n")
    (tmp_path / "two.cfg").write_text("[versions]\ngood = 1\n")
    three.settings |= {"package_matches": None, "versions": "one.cfg two.cfg", "build_requirements": False}
    right = pin_files.read_versions

    def wrong(chain: Any, *more: Any) -> Any:
        if "one.cfg" in chain.root:
            raise error
        return right(chain, *more)

    with monkeypatch.context() as patched:
        patched.setattr(pin_files, "read_versions", wrong)
        line = failure(three, capsys, "sync")
        assert line.startswith(f"pypimirror: {tmp_path}/one.cfg: {type(error).__name__}")
        assert published(three) == ["good"]
    assert three.run("-U") == 0
    assert published(three) == ["bad", "good"]


# --- what is made before anything is touched


def refusal(mirrored: Mirrored, capsys: Captured) -> str:
    """Run a sync that is refused before anything is touched; return its one line."""
    assert mirrored.run("sync") == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert not mirrored.root.exists()
    return line


@pytest.mark.parametrize("error", [*RAISED, Locked("another program"), FetchError("http://x.example.com/", "500")], ids=named)
def test_a_component_that_cant_be_made_is_refused_and_config_shows_the_rest(
        three: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(self: object, settings: object) -> None:
        raise error

    three.settings["zcml"] = path = faulty_components.zcml(three.config.parent, "filter")
    monkeypatch.setattr(faulty_components.Filter, "__init__", fails)
    line = refusal(three, capsys)
    what = str(error) if isinstance(error, MirrorError) else type(error).__name__
    assert line.startswith(f"pypimirror: {path}:2: filter 'team-approved' can't be created: {what}")
    assert three.run("config") == 2
    printed = capsys.readouterr()
    assert "Filter 'team-approved': support.faulty_components.Filter" in printed.out
    assert printed.err == line


@pytest.mark.parametrize("error", [KeyError("boom"), SystemExit(7), asyncio.CancelledError(), Locked("x")], ids=named)
def test_a_parser_that_cant_be_made_is_refused(three: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch,
                                               error: BaseException) -> None:
    """It is made while the ZCML is loaded."""
    def fails(self: object) -> None:
        raise error

    three.settings["zcml"] = path = faulty_components.zcml(three.config.parent, "parser")
    monkeypatch.setattr(faulty_components.Parser, "__init__", fails)
    assert refusal(three, capsys).startswith(f"pypimirror: {path}:2: {type(error).__name__}")


def test_config_works_whatever_fails_in_runs(three: Mirrored, capsys: Captured) -> None:
    three.settings["zcml"] = faulty_components.zcml(three.config.parent, *faulty_components.COMPONENTS)
    faulty_components.FAULTS.update(dict.fromkeys(faulty_components.COMPONENTS, KeyError("boom")))
    assert three.run("config") == 0
    assert capsys.readouterr().err == ""


def odd(value: str, folder: str) -> str:
    """The kind of a plugin's key."""
    raise KeyError(value)


def test_the_kind_of_a_plugins_key_that_fails_is_named(three: Mirrored, capsys: Captured) -> None:
    path = faulty_components.zcml(three.config.parent)
    path.write_text(path.read_text().replace(
        "</configure>", '<pypimirror:setting name="colour" help="x" type="test_boundary.odd" /></configure>'))
    three.settings |= {"zcml": path, "colour": "green"}
    assert three.run("sync") == 2
    line = capsys.readouterr().err
    assert line.startswith(f"pypimirror: {three.config}: colour = 'green': can't be read by test_boundary.odd: KeyError: ")
    assert line.count("\n") == 1


class Opaque:
    """A value that shows nothing of itself."""


#: What the type ``plain`` returns or raises.
VALUES: list[Any] = []


def plain(value: str, folder: str) -> Any:
    """The type of a plugin's key."""
    if isinstance(VALUES[0], ValueError):
        raise VALUES[0]
    return VALUES[0]


def short(value: str) -> str:
    """A function that is no type of a key: it takes no folder."""
    return value


def _with_key(mirrored: Mirrored, type: str) -> Path:
    path = faulty_components.zcml(mirrored.config.parent)
    directive = f'<pypimirror:setting name="colour" help="x" type="test_boundary.{type}" affects="files" />'
    path.write_text(path.read_text().replace("</configure>", f"{directive}</configure>"))
    mirrored.settings |= {"zcml": path, "colour": "green"}
    return path


@pytest.mark.parametrize(("value", "message"), [
    (Opaque(), "can't be read by test_boundary.plain: TypeError: it returned <test_boundary.Opaque object at "),
    (threading.Lock(), "can't be read by test_boundary.plain: TypeError: it returned <unlocked "),
    (lambda: 1, "can't be read by test_boundary.plain: TypeError: it returned <function "),
    (ValueError(), "must be a value that test_boundary.plain accepts")], ids=lambda value: type(value).__name__)
def test_a_value_that_can_not_be_compared_between_runs_is_refused(three: Mirrored, capsys: Captured, value: Any,
                                                                  message: str) -> None:
    _with_key(three, "plain")
    VALUES[:] = [value]
    assert three.run("sync") == 2
    line = capsys.readouterr().err
    assert line.startswith(f"pypimirror: {three.config}: colour = 'green': {message}")
    assert line.count("\n") == 1


def test_a_set_is_the_same_in_any_order(three: Mirrored) -> None:
    _with_key(three, "plain")
    found = set()
    for names in (["a", "b", "c"], ["c", "a", "b"]):
        VALUES[:] = [("x", dict.fromkeys("k", dict.fromkeys(names)), frozenset(names))]
        found.add(fingerprint(read(str(three.write())), "files"))
        VALUES[:] = [(frozenset({frozenset(names), frozenset("z")}),)]
        found.add(fingerprint(read(str(three.write())), "files"))
    assert with_sorted_sets((frozenset({"b", "a"}), {"k": {"d", "c"}})) == (["a", "b"], {"k": ["c", "d"]})
    assert len(found) == 3  # the order of a dictionary counts


def test_a_type_that_takes_no_folder_is_refused_where_it_is_declared(three: Mirrored, capsys: Captured) -> None:
    path = _with_key(three, "short")
    assert three.run("config") == 2
    assert capsys.readouterr().err == (f"pypimirror: {path}:3: setting 'colour': test_boundary.short is to be called with a "
                                       "text and a folder: too many positional arguments\n")


def test_what_plugins_print_is_not_in_json(three: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    three.settings["zcml"] = faulty_components.zcml(three.config.parent, "filter")
    monkeypatch.setattr(faulty_components.Filter, "select", lambda self, project: print("found") or project.files)
    assert three.run("plan", "--json") == 0
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["fetch"]) == 6
    assert printed.err == "found\n" * 3


# --- the last line of defence


def test_what_fails_outside_of_any_step_is_one_line_with_the_traceback_in_the_log(
        three: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(worklist, "draw_up", lambda *_: 1 // 0)
    line = failure(three, capsys, "sync")
    assert "ZeroDivisionError: " in line
    assert "ZeroDivisionError" in (three.root / ".pypimirror/pypimirror.log").read_text()


@pytest.mark.parametrize("verb", ["status", "plan", "client", "webserver", "config"])
def test_no_verb_ends_with_a_traceback(three: Mirrored, capsys: Captured, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    module = importlib.import_module(f"pypimirror.commands.{verb}")
    monkeypatch.setattr(module, "read", lambda *_: 1 // 0)
    words = {"client": ("pip",), "webserver": ("nginx",)}.get(verb, ())
    line = failure(three, capsys, verb, *words)
    assert line.startswith(f"pypimirror: {verb} failed: ZeroDivisionError")
