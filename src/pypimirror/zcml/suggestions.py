"""Completes messages about ZCML: what was written, the nearest known word, and the choices."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from xml.parsers import expat

from zope.configuration.docutils import makeDocStructures
from zope.schema import getFieldsInOrder
from zope.schema.interfaces import IChoice

from ..names import shown
from ..settings.reader import nearest
from .builtin import KINDS, NAMESPACE

#: What ``zcml:condition`` starts with.
_CONDITIONS = ("have", "not-have", "installed", "not-installed")
#: The directives of zope.configuration itself, in every namespace.
_COMMON = ("configure", "include", "includeOverrides", "exclude")
_REPEATED = re.compile(r"(Missing parameter: '([^']+)'): \2")
_INVALID = re.compile(r"Invalid value for '([^']+)'")
_ZCML = "http://namespaces.zope.org/zcml"


class _Element(NamedTuple):
    namespace: str
    name: str
    attributes: Mapping[str, str]


def add_suggestions(message: str, file: str, line: int, context: Any) -> str:
    """Return a message about a directive with suggestions.

    file, line: the place of the directive. context: the configuration context with the registered directives.
    """
    message += _nearest_name(message) + _nearest_file(message)
    for element in _elements_in_line(file, line):
        found = _complete_directive_error(message, element, context)
        if found != message:
            return found
    return message


def _nearest_name(message: str) -> str:
    """Return the suggestion about a name that a module does not have."""
    match = re.search(r"Module (\S+) has no global (\S+)", message)
    module = sys.modules.get(match[1]) if match else None
    return nearest(match[2], vars(module)) if match and module else ""


def _nearest_file(message: str) -> str:
    """Return the suggestion about a file that does not exist."""
    match = re.search(r"FileNotFoundError: .*'(.+)'$", message)
    if match:
        folder, name = os.path.split(match[1])
        with suppress(OSError):
            return nearest(name, os.listdir(folder))
    return ""


def complete_xml_error(message: str) -> str:
    """Return a message of the XML parser with a suggestion."""
    hint = {"unbound prefix": f'; declare it in the first element: xmlns:pypimirror="{NAMESPACE}"',
            "mismatched tag": "; an element ends with /> or with an end tag of its name"}.get(message, "")
    return f"{message}{hint}"


def complete_condition_error(message: str) -> str:
    """Return a message about an invalid ``zcml:condition`` with suggestions."""
    match = re.search(r"condition: '(\S+)", message)
    return f"{message}{nearest(match[1] if match else '', _CONDITIONS)}; it starts with one of {', '.join(_CONDITIONS)}"


def _complete_directive_error(message: str, element: _Element, context: Any) -> str:
    """Return a message about a directive with the nearest known name, and the fields that it has."""
    directives, _ = makeDocStructures(context)
    known = directives.get(element.namespace, {})
    if message.startswith("Unknown directive"):
        if not message.endswith(f" {element.name}"):
            return message
        if element.namespace not in directives:
            return f"{message}; the namespace is unknown{nearest(element.namespace, directives)}"
        names = sorted({*known, *_COMMON})
        if element.name in KINDS or element.name == "setting":
            return f"{message}; did you mean 'pypimirror:{element.name}'?"
        return f"{message}{nearest(element.name, names)}; known: {', '.join(names)}"
    fields = {} if element.name not in known else {
        name.removesuffix("_"): field for name, field in getFieldsInOrder(known[element.name][0])}
    invalid = _INVALID.match(message)
    if invalid:
        return _complete_value_error(message, element, invalid[1], fields)
    if fields and message.startswith(("Unrecognized parameters", "Missing parameter")):
        message = _REPEATED.sub(r"\1", message)
        unknown = [name for name in element.attributes if name not in fields]
        if unknown:
            hints = "".join(f"; {name!r} is unknown{nearest(name, fields)}" for name in unknown)
            return f"{message}{hints}; {element.name} has {', '.join(fields)}"
    return message


def _complete_value_error(message: str, element: _Element, name: str, fields: Mapping[str, Any]) -> str:
    """Return the message about the invalid value of an attribute with suggestions."""
    name = name.removesuffix("_")
    if name not in element.attributes:
        return message
    value, field = element.attributes[name], fields.get(name)
    message = re.sub(r": \(.*\)$", "", message)  # the arguments of an exception
    if IChoice.providedBy(field):
        choices = [str(term.value) for term in field.vocabulary]
        return f"{message}: {shown(value)!r} is not one of {', '.join(choices)}{nearest(value, choices)}"
    module, _, last = value.rpartition(".")
    if value and module in message and last in message:
        return message
    if field is None or ":" in message:
        return f"{message} (written: {shown(value)!r})"
    return f"{message}: {shown(value)!r}; {field.description or field.title}"


def _elements_in_line(file: str, line: int) -> Iterator[_Element]:
    """Yield the elements of a ZCML file that start in a line."""
    found = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def begin(element: str, attributes: dict[str, str]) -> None:
        if parser.CurrentLineNumber == line:
            namespace, _, name = element.rpartition(" ")
            found.append(_Element(namespace, name, {key: text for key, text in attributes.items()
                                                    if not key.startswith(f"{_ZCML} ")}))

    parser.StartElementHandler = begin
    with suppress(OSError, expat.ExpatError), open(file, "rb") as stream:
        parser.ParseFile(stream)
    yield from found
