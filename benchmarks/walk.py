"""Lists the functions that one file name passes in a first sync, by module: python benchmarks/walk.py [--all]

A function counts if the name is in one of its arguments or in what it returns, as text or inside of plain values. With
``--all`` the functions are listed, otherwise their number in each module.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

import pypimirror
from pypimirror.testing.index import LoopbackIndex, wheel
from pypimirror.testing.mirror import LocalMirror

_PACKAGE = str(Path(pypimirror.__file__).parent)
#: How deep values are looked into, and how many entries of each.
_DEPTH, _ENTRIES = 4, 50


def contains(value: Any, name: str, depth: int = _DEPTH) -> bool:
    """Whether a name is in a value."""
    # By type: an instance may not be complete yet, and asking it for its class would fail.
    if issubclass(type(value), str):
        return name in value
    if issubclass(type(value), (bytes, bytearray)):
        return name.encode() in value
    if depth == 0:
        return False
    if type(value) is dict:
        return any(contains(one, name, depth - 1) for pair in list(value.items())[:_ENTRIES] for one in pair)
    if issubclass(type(value), (tuple, list, set, frozenset)):
        return any(contains(one, name, depth - 1) for one in list(value)[:_ENTRIES])
    return False


def passed(name: str, run: Any) -> dict[str, set[str]]:
    """Return the functions that a name passes while a function runs, by module."""
    found: dict[str, set[str]] = defaultdict(set)

    def look(frame: FrameType, event: str, result: Any) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(_PACKAGE) or code.co_name.startswith("<"):
            return
        module = code.co_filename[len(_PACKAGE) + 1:-3].replace("/", ".")
        if module.startswith("testing") or code.co_qualname in found[module]:
            return
        count = code.co_argcount + code.co_kwonlyargcount
        values = [frame.f_locals.get(word) for word in code.co_varnames[:count]] if event == "call" else [result]
        if any(contains(value, name) for value in values):
            found[module].add(code.co_qualname)

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return {module: functions for module, functions in found.items() if functions}


def main() -> None:
    filename, body = wheel("demo", "1.0")
    with tempfile.TemporaryDirectory() as folder, LoopbackIndex() as index:
        index.add("demo", (filename, body))
        mirror = LocalMirror(folder, index.url, fetcher="requests", workers=2)
        functions = passed(filename.partition("-")[0] + "-1.0", lambda: mirror.run("sync"))
    for module, names in sorted(functions.items()):
        print(f"{module:<32} {', '.join(sorted(names)) if '--all' in sys.argv else len(names)}")
    print(f"{sum(map(len, functions.values()))} functions in {len(functions)} modules")


if __name__ == "__main__":
    main()
