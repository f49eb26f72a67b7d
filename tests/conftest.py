"""What the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("worlds")

import tried  # noqa: E402
from mirrored import Mirrored  # noqa: E402
from upstream import Upstream  # noqa: E402

pytest_plugins = ["buildouts"]
pytest.register_assert_rewrite("pypimirror.testing.storage")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which versions of other programs were tried."""
    if tried.VERSIONS:
        terminalreporter.section("tried with")
    for program, versions in sorted(tried.VERSIONS.items()):
        terminalreporter.line(f"{program} {', '.join(sorted(versions))}")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A real upstream index on loopback, empty."""
    with Upstream() as started:
        yield started


@pytest.fixture
def mirrored(tmp_path: Path, upstream: Upstream) -> Mirrored:
    """A mirror of that upstream, not yet synced, with ``package_matches = *``."""
    return Mirrored(tmp_path / "mirror", upstream.url)


@pytest.fixture(params=["requests", "pycurl"])
def each_fetcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have all mirrors of the test use one fetcher, then the other."""
    if request.param == "pycurl":
        pytest.importorskip("pycurl", reason="pycurl is not installed")
    monkeypatch.setattr(Mirrored, "fetcher", request.param)
    return request.param
