"""The smallest example of each kind of component works, and the documentation has a page about each kind."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from pypimirror.zcml.builtin import KINDS
from support import wheelhouse

_EXAMPLES = wheelhouse.CHECKOUT / "examples" / "kinds"
#: Kinds of examples that are no directives, or special forms of one.
_MORE = {"metadata_filter", "timed_filter", "key"}
NAMES = sorted({re.sub(r"([A-Z])", r"_\1", kind).lower() for kind in KINDS} | _MORE)


@pytest.mark.heavy
def test_their_tests_pass() -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_EXAMPLES), *sys.path])}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(_EXAMPLES / "tests")],
                          env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_has_a_page_with_its_example(name: str) -> None:
    page = (wheelhouse.CHECKOUT / "docs" / f"kind-{name.replace('_', '-')}.rst").read_text(encoding="utf-8")
    for file in (f"kinds/{name}.py", f"kinds/{name}.zcml", f"tests/test_kind_{name}.py"):
        assert f".. literalinclude:: ../examples/kinds/{file}\n" in page


def test_there_are_no_other_examples() -> None:
    assert sorted(path.stem for path in (_EXAMPLES / "kinds").glob("*.zcml")) == NAMES
    assert sorted(path.stem for path in (wheelhouse.CHECKOUT / "docs").glob("kind-*.rst")) == sorted(
        f"kind-{name.replace('_', '-')}" for name in NAMES)
