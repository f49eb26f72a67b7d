"""A check of values against the part of JSON Schema that the schemas of this product use."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "null": (type(None),)}
_KNOWN = {"$schema", "title", "description", "type", "required", "additionalProperties", "properties", "items", "enum", "const",
          "oneOf", "minimum", "format"}


def violations(value: Any, schema: Mapping[str, Any], place: str = "report") -> Iterator[str]:
    """Yield where and how a value violates a schema. Raises AssertionError for a keyword that is not implemented here."""
    assert not schema.keys() - _KNOWN
    if "type" in schema and not _is_of_type(value, schema["type"]):
        yield f"{place}: {value!r} is no {schema['type']}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{place}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of {schema['enum']}"
    if "oneOf" in schema and sum(not list(violations(value, one)) for one in schema["oneOf"]) != 1:
        yield f"{place}: {value!r} fits not exactly one of {schema['oneOf']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{place}: {value!r} is below {schema['minimum']}"
    if schema.get("format") == "date-time" and value is not None and datetime.datetime.fromisoformat(value).tzinfo is None:
        yield f"{place}: {value!r} has no time zone"
    if isinstance(value, dict):
        yield from _object(value, schema, place)
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from violations(item, schema.get("items", {}), f"{place}[{number}]")


def _object(value: dict[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}: {name} is missing"
    for name, item in value.items():
        if name in properties:
            yield from violations(item, properties[name], f"{place}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{place}: {name} is unknown"


def _is_of_type(value: Any, types: str | list[str]) -> bool:
    names = [types] if isinstance(types, str) else types
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)
