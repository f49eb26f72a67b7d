"""CONTRIBUTING names what a contributor can set."""

from __future__ import annotations

import re

from support.wheelhouse import CHECKOUT


def test_every_variable_that_chooses_tests_is_in_its_table() -> None:
    read = {name for path in (CHECKOUT / "tests").rglob("*.py")
            for name in re.findall(r"environ\.get\(\"(PYPIMIRROR_\w+)\"", path.read_text(encoding="utf-8"))}
    assert read == set(re.findall(r"``(PYPIMIRROR_\w+)``", (CHECKOUT / "CONTRIBUTING.rst").read_text(encoding="utf-8")))
