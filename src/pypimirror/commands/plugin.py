"""``plugin new``: creates the package of a plugin with one filter, its ZCML, its tests and a buildout."""

from __future__ import annotations

import argparse
import keyword
import os
import re
import sys
from collections.abc import Mapping

from ..errors import ConfigurationError
from ..names import shown
from ..settings.keys import KEYS

_TEMPLATES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "templates", "plugin")
#: Paths of the files by name of the template.
_FILES = {
    "setup.py": "setup.py", "README.rst": "README.rst", "buildout.cfg": "buildout.cfg", "init.py": "src/@NAME@/__init__.py",
    "filter.py": "src/@NAME@/project_list.py", "configure.zcml": "src/@NAME@/configure.zcml",
    "test_plugin.py": "tests/test_@NAME@.py",
}
_NAME = re.compile(r"[a-z][a-z0-9_]*").fullmatch


def run(config: str, arguments: argparse.Namespace) -> int:
    """Create the package in the current folder."""
    words = arguments.words
    if len(words) != 2 or words[0] != "new":
        raise ConfigurationError(f"plugin takes 'new' and the name of a package, not {' '.join(words)!r}")
    name = _module_name(words[1])
    try:
        os.mkdir(name)
        for template, path in _FILES.items():
            _write_from_template(os.path.join(name, _fill_in(path, _template_values(name))), template, _template_values(name))
    except FileExistsError:
        raise ConfigurationError(f"{name}: exists already; choose another name, or remove it") from None
    except OSError as error:
        raise ConfigurationError(f"{error.filename or name}: {error.strerror}") from error
    if not arguments.quiet:
        print(f"created {name}/: a filter, its ZCML, its tests and a buildout. Next:\n"
              f"    cd {name}\n    pip install --editable '.[test]' && pytest")
    return 0


def _module_name(written: str) -> str:
    """Return the name as the name of a module. Raises ConfigurationError."""
    name = written.lower().replace("-", "_")
    taken = name in sys.stdlib_module_names or name in ("pypimirror", "tests", "test") or keyword.iskeyword(name)
    if not _NAME(name) or taken or f"{name}_projects" in {key.name for key in KEYS}:
        raise ConfigurationError(f"{shown(written)!r}: must be the name of a new Python package such as team_policy: letters, "
                                 "digits and underscores")
    return name


def _template_values(name: str) -> Mapping[str, str]:
    key = f"{name}_projects"
    return {"NAME": name, "RULE": "=" * len(name), "KEY": key, "OPTION": key.replace("_", "-"),
            "FILTER": key.replace("_", "-")}


def _write_from_template(path: str, template: str, values: Mapping[str, str]) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(os.path.join(_TEMPLATES, f"{template}.in"), encoding="utf-8") as stream:
        text = stream.read()
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(_fill_in(text, values))


def _fill_in(text: str, values: Mapping[str, str]) -> str:
    """Return a text with each ``@NAME@`` replaced by its value."""
    return re.sub("@([A-Z]+)@", lambda found: values[found[1]], text)
