"""CONTRIBUTING names what a contributor can set."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from support.wheelhouse import CHECKOUT


def test_every_variable_that_chooses_tests_is_in_its_table() -> None:
    read = {name for path in (CHECKOUT / "tests").rglob("*.py")
            for name in re.findall(r"environ\.get\(\"(PYPIMIRROR_\w+)\"", path.read_text(encoding="utf-8"))}
    assert read == set(re.findall(r"``(PYPIMIRROR_\w+)``", (CHECKOUT / "CONTRIBUTING.rst").read_text(encoding="utf-8")))


@pytest.mark.heavy
@pytest.mark.parametrize(("arguments", "heavy"), [
    (["-o", "testpaths=tests/test_filter_times.py"], False), (["tests/test_filter_times.py"], True),
    (["-o", "testpaths=tests/test_filter_times.py", "--all"], True)], ids=["no argument", "file", "all"])
def test_heavy_tests_run_with_all_or_where_their_file_is_named(arguments: list[str], heavy: bool) -> None:
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "--collect-only", *arguments], cwd=CHECKOUT, text=True,
                          stdout=subprocess.PIPE, check=True)
    assert ("test_a_slow_filter_is_named_with_its_time" in done.stdout) == heavy
    assert ("heavy tests were left out; bin/test --all runs them" in done.stdout) == (not heavy)
