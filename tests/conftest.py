"""What the tests share."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("pypimirror.testing", "support.run_scenarios")

from pypimirror import older_distributions, secret  # noqa: E402
from pypimirror.http import ssrf  # noqa: E402
from pypimirror.zcml import plugins  # noqa: E402
from support import fetchers, object_store, program_versions  # noqa: E402
from support.mirror import Mirrored  # noqa: E402
from support.upstream import Upstream  # noqa: E402

pytest_plugins = ["support.buildouts"]

# How long an example takes is a matter of what else the machine does. The fuzz targets try many more.
settings.register_profile("tests", settings(), max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


#: Cases of a parametrized test that are not heavy: the first, the last, and one between them.
_SAMPLE = 3


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs everything."""
    parser.addoption("--all", action="store_true", help="run the heavy tests, too, as when a file or a test is named")


def pytest_configure(config: pytest.Config) -> None:
    """Run all tests of what is named or was chosen otherwise."""
    if config.args_source is pytest.Config.ArgsSource.ARGS or config.option.markexpr or config.option.lf:
        config.option.all = True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark most cases of parametrized tests as heavy; leave heavy tests out, or run them without tracing.

    Tracing adds half to the time of the code, and the hundredth case of a matrix runs the lines of the first ones.
    """
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for found in cases.values():
        sample = {number * (len(found) - 1) // (_SAMPLE - 1) for number in range(_SAMPLE)}
        for number, item in enumerate(found):
            if number not in sample:
                item.add_marker("heavy")
    heavy = [item for item in items if item.get_closest_marker("heavy")]
    if config.option.all:
        for item in heavy if config.getoption("cov_source", None) else ():
            item.add_marker("no_cover")
    else:
        config.hook.pytest_deselected(items=heavy)
        items[:] = [item for item in items if not item.get_closest_marker("heavy")]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name archives by their argument: the time that is in some would give a test another name in each process."""
    return argname if isinstance(val, bytes) and not val.isascii() else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what was tried to the process that tells it, from one of several that run tests side by side."""
    if hasattr(session.config, "workeroutput"):
        versions = program_versions.VERSIONS
        session.config.workeroutput["tried"] = {program: sorted(tried) for program, tried in versions.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what one of those processes has tried; it has nothing to say if it broke down."""
    for program, versions in getattr(node, "workeroutput", {}).get("tried", {}).items():
        program_versions.VERSIONS.setdefault(program, set()).update(versions)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell which versions of other programs were tried, and that heavy tests were left out."""
    if program_versions.VERSIONS:
        terminalreporter.section("tried with")
    for program, versions in sorted(program_versions.VERSIONS.items()):
        terminalreporter.line(f"{program} {', '.join(sorted(versions))}")
    if not config.option.all:
        terminalreporter.section("heavy tests were left out; bin/test --all runs them")


class _OwnPath:
    """``sys`` without the libraries of the tests, for modules that search ``sys.path``."""

    _libraries = frozenset(folder for folder in sys.path if folder.endswith(".egg"))

    @property
    def path(self) -> list[str]:
        return [folder for folder in sys.path if folder not in self._libraries]


@pytest.fixture(scope="session", autouse=True)
def _quick_searches() -> Iterator[None]:
    """Each run searches ``sys.path``, where bin/test has a hundred folders: a fifth of the time of a run without changes."""
    if plugins._may_be_installed() or list(older_distributions.warnings()):
        yield
        return
    with pytest.MonkeyPatch.context() as patched:
        for module in (plugins, older_distributions):
            patched.setattr(module, "sys", _OwnPath())
        yield


@pytest.fixture(autouse=True)
def _forgotten_hosts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test knows what another one found out of a host."""
    ssrf.forget()
    yield
    ssrf.forget()


@pytest.fixture(autouse=True)
def _forgotten_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test's messages miss another one's secrets."""
    monkeypatch.setattr(secret, "_known", {})
    monkeypatch.setattr(secret, "_pattern", None)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A real upstream index on loopback, empty."""
    with Upstream() as started:
        yield started


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object_store.Store]:
    """A real object store on loopback."""
    # Each run makes a client of its own; what it needs of boto's files, which takes most of the time, is read once.
    from botocore import session

    session.create_loader = functools.cache(session.create_loader)
    with object_store.started(tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture
def mirrored(request: pytest.FixtureRequest, tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Mirrored:
    """A mirror of that upstream, not yet synced, with ``package_matches = *``; in a bucket, too, for tests of ``storages``."""
    if getattr(request, "param", "file") == "file":
        return Mirrored(tmp_path / "mirror", upstream.url)
    store = request.getfixturevalue("store")
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    return object_store.MirroredInBucket(tmp_path / "mirror", upstream.url, store)


@pytest.fixture
def unconfigured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without proxies, certificates and netrc; returns its home directory, which is empty."""
    fetchers.clear_environment(monkeypatch)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


@pytest.fixture(params=fetchers.WAYS)
def way(request: pytest.FixtureRequest, unconfigured: Path) -> str:
    """Each way in which a fetcher is called."""
    if request.param != "requests":
        pytest.importorskip("pycurl", reason="pycurl is not installed")
    return request.param


@pytest.fixture(params=fetchers.FETCHERS)
def each_fetcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have all mirrors of the test use one fetcher, then the other."""
    if request.param == "pycurl":
        pytest.importorskip("pycurl", reason="pycurl is not installed")
    fetchers.clear_environment(monkeypatch)
    monkeypatch.setattr(Mirrored, "fetcher", request.param)
    return request.param


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests on a mirror in a directory and on one in a bucket.

    Those that are marked ``bucket`` always; those of modules that are marked ``storages`` with ``PYPIMIRROR_STORAGES=all`` in
    the environment.
    """
    marked = metafunc.definition.get_closest_marker
    everything = os.environ.get("PYPIMIRROR_STORAGES") == "all" and marked("storages") and not marked("directory")
    if "mirrored" in metafunc.fixturenames and (everything or marked("bucket")):
        metafunc.parametrize("mirrored", ["file", "s3"], indirect=True)
