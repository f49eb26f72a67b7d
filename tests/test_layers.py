"""No import runs upwards, and none in a circle: each folder and module of the package imports only from those before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pypimirror

ROOT = Path(pypimirror.__file__).parent
#: From the bottom to the top.
ORDER = (
    "names", "atomic_file", "written_file", "regular_file", "secret", "read_only", "interfaces", "advisory", "model", "errors",
    "tracebacks", "events", "older_distributions",
    "http", "metadata", "settings", "zcml", "storage", "state", "advisories",
    "filters", "pins", "upstream", "index",
    "bandersnatch", "engine", "selected", "selection", "sync", "snapshots", "maintenance", "sbom", "bundles",
    "report", "clients", "serve", "mirror", "doctor", "jobs", "recipe", "commands", "verbs", "verb_help", "cli", "__main__",
    "testing",
)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the top-level name of each import from the package; those for type checkers alone are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {inner for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
              for inner in ast.walk(node)}
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    for node in ast.walk(tree):
        if node in typing or not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = parts[:len(parts) - node.level]
        target = [*base[1:], *(node.module.split(".") if node.module else [])]
        for alias in node.names:
            yield node.lineno, (target or [alias.name])[0]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path: Path) -> None:
    here = path.relative_to(ROOT).with_suffix("").parts[0]
    if here == "__init__":
        return
    found = [(line, there) for line, there in imports(path) if there in ORDER and ORDER.index(there) > ORDER.index(here)]
    assert not found


def test_every_folder_and_module_has_its_place() -> None:
    there = {path.stem for path in ROOT.iterdir() if (path.suffix == ".py" and path.stem != "__init__")
             or (path / "__init__.py").is_file()}
    assert there == set(ORDER)


def test_no_folder_is_imported_by_a_module_outside_of_its_place(tmp_path: Path) -> None:
    """The reader of imports sees those that it has to see."""
    assert ("names" in {there for _, there in imports(ROOT / "model.py")})
    assert ("sync" in {there for _, there in imports(ROOT / "commands" / "sync.py")} | {there for _, there in imports(
        ROOT / "commands" / "session.py")})
