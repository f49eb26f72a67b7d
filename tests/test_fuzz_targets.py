"""The targets of the fuzzer take their corpus: small inputs, and those that failed once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "fuzz"
sys.path.append(str(FOLDER))

import targets  # noqa: E402

INPUTS = sorted(targets.CORPUS.glob("*/*"))


def test_each_target_has_a_small_corpus() -> None:
    assert {path.parent.name for path in INPUTS} == set(targets.TARGETS)
    assert sum(path.stat().st_size for path in INPUTS) < 200_000


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_target_takes_its_corpus(path: Path) -> None:
    targets.take(path.parent.name, path.read_bytes())


def test_a_target_fails_by_an_exception_that_is_none_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(body: bytes) -> None:
        raise OverflowError(body)

    monkeypatch.setitem(targets.TARGETS, "toml", fail)
    with pytest.raises(OverflowError):
        targets.take("toml", b"")


def test_the_script_names_the_targets() -> None:
    """It needs atheris only for its work."""
    done = subprocess.run([sys.executable, str(FOLDER / "fuzz.py"), "nothing"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert all(f" {name}" in done.stderr for name in targets.TARGETS)
