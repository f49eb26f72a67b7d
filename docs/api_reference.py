"""Describes the public interfaces, values and functions from their source: signatures, types, comments and docstrings."""

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import fill, indent

import pypimirror
from pypimirror import interfaces

_PACKAGE = Path(pypimirror.__file__).parent
#: The version that made a name public, where it is not the first one.
_SINCE: dict[str, str] = {}
_FIRST = "1.0.0"
#: Interfaces of the inside of a run.
_PRIVATE = {"IRunContext"}
#: Values, by module in order: the public names.
_VALUES = {
    "model": ("Project", "File", "Stored", "ListedProject", "ProjectList", "Upstream", "Head", "Entry", "RequiredReleases",
              "Change", "Totals"),
    "metadata/filenames": ("Distribution", "parse", "release"),
    "names": ("normalize", "is_project", "is_distribution"),
    "filters/globs": ("NameGlobs", "name_globs"),
    "filters/age": ("uploaded",),
    "settings/text_file": ("TextFile",),
    "storage/wrapper": ("StorageWrapper",),
    "secret": ("Secret", "SecretURL", "reveal"),
    "zcml/plugins": ("read",),
    "mirror": ("Mirror",),
}
#: Modules whose classes are all public; of those for tests only the classes and functions without an underscore.
_WHOLE = ("events", "errors")
_TESTING = ("checks", "filters", "index_writers", "sources", "fetchers", "storage", "engines", "observers", "clients",
            "loopback", "index", "mirror")
Entry = Callable[..., str]


def contracts(entry: Entry) -> Iterator[str]:
    """Yield the interfaces in the order in which data passes them."""
    found = {}
    for module in ("mirror", "http", "upstream", "selection", "storage", "index", "run", "clients"):
        found.update(_definitions(f"interfaces/{module}"))
    assert found.keys() == set(interfaces.__all__)
    for name, (node, lines) in found.items():
        if name not in _PRIVATE:
            yield _described(entry, name, node, lines)


def values(entry: Entry) -> Iterator[str]:
    """Yield the values and functions."""
    for module, names in _VALUES.items():
        found = _definitions(module)
        for name in names:
            yield _described(entry, f"pypimirror.{module.replace('/', '.')}.{name}", *found[name])


def events(entry: Entry) -> Iterator[str]:
    """Yield the events and the exceptions."""
    for module in _WHOLE:
        for name, (node, lines) in _definitions(module).items():
            if isinstance(node, ast.ClassDef):
                yield _described(entry, f"pypimirror.{module}.{name}", node, lines)


def testing(entry: Entry) -> Iterator[str]:
    """Yield what tests of plugins may use: functions, and classes with all but their tests."""
    for module in _TESTING:
        for name, (node, lines) in _definitions(f"testing/{module}").items():
            name_of = f"pypimirror.testing.{module}.{name}"
            if isinstance(node, ast.ClassDef):
                node.body = [each for each in node.body if not getattr(each, "name", "").startswith("test_")]
                init = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
                yield _described(entry, name_of + (_signature(init[0]).removesuffix(" -> None") if init else ""), node, lines,
                                 *(_paragraphs(init[0]) if init else ()))
            elif name in ("settings", "wheel", "sdist", "file", "published"):
                yield _described(entry, name_of, node, lines)


def _definitions(module: str) -> dict[str, tuple[ast.ClassDef | ast.FunctionDef, list[str]]]:
    """Return the public classes and functions of a module, each with the lines of the source."""
    text = (_PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    return {node.name: (node, text.splitlines()) for node in ast.parse(text).body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")}


def _described(entry: Entry, name: str, node: ast.ClassDef | ast.FunctionDef, lines: list[str], *more: str) -> str:
    """Return the entry of a class or function. more: further paragraphs."""
    if isinstance(node, ast.FunctionDef):
        return entry(f"``{name}{_signature(node)}``", *_paragraphs(node))
    bases = [base for base in map(ast.unparse, node.bases)
             if base.startswith("I") and base not in ("Interface", "Mapping[str, Any]")]
    extends = f"Extends ``{bases[0]}``. " if bases and bases[0] != "Interface" else ""
    since = _SINCE.get(name.partition("(")[0].rpartition(".")[2], _FIRST)
    head = entry(f"``{name}``", *_paragraphs(node), *more, f"{extends}Since {since}.")
    members = (_member(entry, each, lines) for each in node.body)
    return head + "\n" + "\n".join(indent(each, "    ") for each in members if each)


def _member(entry: Entry, node: ast.stmt, lines: list[str]) -> str:
    if isinstance(node, ast.AnnAssign) and not ast.unparse(node.target).startswith("_"):
        kind = ast.unparse(node.annotation)
        attribute = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "Attribute"
        text = ast.literal_eval(node.value.args[0]) if attribute else _comment(lines, node.lineno)
        default = f" = {ast.unparse(node.value)}" if node.value is not None and not attribute else ""
        return entry(f"``{ast.unparse(node.target)}: {kind}{default}``", *filter(None, (text,)))
    public = isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name in ("__call__", "__getitem__"))
    if isinstance(node, ast.FunctionDef) and public and ast.get_docstring(node):
        is_property = any(ast.unparse(each) == "property" for each in node.decorator_list)
        returns = f": {ast.unparse(node.returns)}" if is_property and node.returns else _signature(node)
        return entry(f"``{node.name}{returns}``", *_paragraphs(node))
    return ""


def _signature(node: ast.FunctionDef) -> str:
    arguments = ast.unparse(node.args).removeprefix("self, ").removeprefix("self")
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"({arguments}){returns}"


def _paragraphs(node: ast.ClassDef | ast.FunctionDef) -> Iterable[str]:
    return [" ".join(part.split()) for part in (ast.get_docstring(node) or "").split("\n\n") if part.strip()]


def _comment(lines: list[str], line: int) -> str:
    """Return the ``#:`` comment before a line, or before the fields that share it."""
    found: list[str] = []
    for text in reversed(lines[:line - 1]):
        if not text.strip().startswith("#:"):
            break
        found.insert(0, text.strip()[2:].strip())
    return " ".join(found)


def wrapped(term: str, *paragraphs: str) -> str:
    """Return one entry of a definition list."""
    texts = [fill(text, 116, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)
             for text in paragraphs]
    return f"{term}\n" + ("\n\n".join(texts) or "    .. no text") + "\n"
