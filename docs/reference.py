"""Generates the parts of the reference from the code: ``python docs/reference.py`` updates them in the documents.

It also updates the man page and the completions of shells (``shell_files.py``).

They are between comments, ``.. begin: NAME`` and ``.. end: NAME``. Tests compare them with the code.
"""

import argparse
import importlib.util
import re
import runpy
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

from zope.configuration.name import resolve
from zope.schema import getFieldsInOrder

import pypimirror
from pypimirror import cli
from pypimirror.recipe.options import OPTIONS
from pypimirror.settings.keys import KEYS
from pypimirror.verbs import VERBS

DOCS = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("api_reference", DOCS / "api_reference.py")
assert _spec is not None and _spec.loader is not None
api_reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(api_reference)
_PACKAGE = Path(pypimirror.__file__).parent
_META = "{http://namespaces.zope.org/meta}"
_OWN = "{http://namespaces.zope.org/pypimirror}"


def keys() -> Iterator[str]:
    """Yield the keys of the configuration, group by group."""
    group = ""
    for key in KEYS:
        if key.group != group:
            group = key.group
            yield f"{group}\n{'-' * len(group)}\n"
        default = "Required." if key.required else _default(key.default)
        yield _entry(f"``{key.name}``", _plain(key.help), f"{_kind(key.kind)} {default}")


def options() -> Iterator[str]:
    """Yield the options that only the recipe knows."""
    for option in OPTIONS:
        yield _entry(f"``{option.name}``", _plain(option.help), _default(option.default))


def verbs() -> Iterator[str]:
    """Yield the verbs, each with the options that go with it."""
    flags = {action.dest: _flags(action)[-1] for action in cli.parser(False)._actions}
    for name, verb in VERBS.items():
        taken = ", ".join(sorted(f"``{flags[option]}``" for option in verb.options))
        more = (f"Takes {taken}.",) if taken else ()
        yield _entry(f"``{f'{name} {verb.words}'.strip()}``", _plain(verb.help), *more)


def arguments() -> Iterator[str]:
    """Yield the options of the command line."""
    for action in cli.parser(False)._actions:
        if action.option_strings:
            metavar = action.metavar or (action.dest.upper() if action.nargs is None else "")
            flags = ", ".join(f"``{f'{flag} {metavar}'.strip()}``" for flag in _flags(action))
            yield _entry(flags, _plain(action.help or ""))


def directives() -> Iterator[str]:
    """Yield the ZCML directives with their attributes."""
    for element in ElementTree.parse(_PACKAGE / "meta.zcml").iter(f"{_META}directive"):
        schema = resolve(f"pypimirror{element.attrib['schema']}")
        handler = resolve(f"pypimirror{element.attrib['handler']}")
        fields = [fill(f"``{name}``: {_plain(' '.join(field.description.split()))}", 120, initial_indent="    * ",
                       subsequent_indent="      ") for name, field in getFieldsInOrder(schema)]
        yield _entry(f"``{element.attrib['name']}``", _plain(handler.__doc__)) + "\n" + "\n".join(fields) + "\n"


def components() -> Iterator[str]:
    """Yield the product's own components in the order of configure.zcml."""
    for element in ElementTree.parse(_PACKAGE / "configure.zcml").iter():
        if element.tag.startswith(_OWN):
            factory = resolve(f"pypimirror{element.attrib['factory']}")
            text = _plain((factory.__doc__ or "").split("\n\n")[0].strip())
            yield _entry(f"{element.tag.removeprefix(_OWN)} ``{element.attrib['name']}``", " ".join(text.split()))


def simulation() -> Iterator[str]:
    """Yield the tables of the simulation of a mirror of all of PyPI, with its own inputs."""
    spec = importlib.util.spec_from_file_location("all_of_pypi", DOCS.parent / "benchmarks" / "all_of_pypi.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    yield from script.told([])


def _api_entry(term: str, *paragraphs: str) -> str:
    return api_reference.wrapped(term, *map(_plain, paragraphs))


#: By document and name of the block.
BLOCKS: dict[str, dict[str, Callable[[], Iterator[str]]]] = {
    "configuration.rst": {"keys": keys},
    "recipe.rst": {"options": options},
    "command-line.rst": {"verbs": verbs, "arguments": arguments},
    "all-of-pypi.rst": {"simulation": simulation},
    "components.rst": {"directives": directives, "components": components},
    "api.rst": {name: partial(getattr(api_reference, name), _api_entry)
                for name in ("contracts", "values", "events", "testing")},
}


def renewed(document: str, text: str) -> str:
    """Return the text of a document with its blocks up to date. Raises ValueError if one is missing."""
    for name, block in BLOCKS[document].items():
        begin, end = f".. begin: {name}\n", f".. end: {name}\n"
        if begin not in text or end not in text:
            raise ValueError(f"{document}: there is no block {name}")
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n" + "\n".join(block()) + f"\n{end}{rest.partition(end)[2]}"
    return text


def main() -> None:
    """Write the blocks."""
    for document in BLOCKS:
        path = DOCS / document
        path.write_text(renewed(document, path.read_text(encoding="utf-8")), encoding="utf-8")
    runpy.run_path(str(DOCS / "shell_files.py"), run_name="__main__")


def _entry(term: str, *paragraphs: str) -> str:
    texts = [fill(text, 120, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)
             for text in paragraphs]
    return f"{term}\n" + "\n\n".join(texts) + "\n"


def _default(text: str) -> str:
    return f"Default: ``{text}``." if text else "Default: empty."


def _kind(kind: Callable[..., Any]) -> str:
    """Return the form of values of a kind: the first sentences of its documentation."""
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


def _plain(text: str) -> str:
    """Return a text escaped for reStructuredText."""
    return re.sub(r"([*\\|]|(?<!`)`(?!`))", r"\\\1", text)


def _flags(action: argparse.Action) -> list[str]:
    return list(action.option_strings) or [action.dest]


if __name__ == "__main__":
    main()
