"""Conditions of buildout sections, ``[versions:python_version < "3.11"]``, decided without running them.

zc.buildout takes a marker (PEP 508), else any Python expression. Here an expression is read as a tree and only what is listed
here has a meaning.
"""

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from packaging.markers import InvalidMarker, Marker

from .environments import Environment, marker_values

#: Longer ones are nothing that people write.
_LONGEST = 1000
_PYTHON_NAME = re.compile(r"python(\d)(\d{0,2})")
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: a == b, ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b, ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b, ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}
_METHODS: Mapping[str, Callable[..., Any]] = {
    "startswith": str.startswith, "endswith": str.endswith, "lower": str.lower, "upper": str.upper,
}
_NARROW = frozenset({"x86", "i386", "i586", "i686", "armv6l", "armv7l", "ppc"})
_BIG_ENDIAN = frozenset({"s390x", "ppc", "ppc64"})


class Undecided(Exception):
    """The condition means something that can't be told from a Python version and a platform."""


def holds(expression: str, environment: Environment) -> bool:
    """Decide a condition as it stands in a section's header. Raises Undecided."""
    condition = _parsed(expression)
    if isinstance(condition, Marker):
        try:
            return condition.evaluate({**marker_values(environment)})
        except (ValueError, KeyError, TypeError) as error:
            raise Undecided(str(error)) from error
    try:
        return bool(_value(condition, environment))
    except (TypeError, ValueError, IndexError, RecursionError) as error:
        raise Undecided(str(error)) from error


@lru_cache(1024)
def _parsed(expression: str) -> Marker | ast.expr:
    # ``#`` and ``;`` would start a comment in a header, so they are written so.
    text = expression.replace(r"\x23", "#").replace(r"\x3b", ";").strip()
    if len(text) > _LONGEST:
        raise Undecided("too long")
    try:
        return Marker(text)
    except (InvalidMarker, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as for escapes in strings
            tree = ast.parse(f"[{text}]", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Undecided("not a condition") from error
    if not isinstance(tree, ast.List) or not tree.elts:
        raise Undecided("not a condition")
    return tree.elts[0]


def _value(node: ast.expr, environment: Environment) -> Any:
    """Work out an expression, one kind of node at a time."""

    def of(child: ast.expr) -> Any:
        return _value(child, environment)

    match node:
        case ast.Constant(value=str() | int() | None as value):
            return value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(of(item) for item in items)
        case ast.BoolOp(op=ast.And()):
            return all(of(value) for value in node.values)
        case ast.BoolOp():
            return any(of(value) for value in node.values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not of(operand)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return of(body) if of(test) else of(orelse)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARISONS for op in ops):
            values = [of(left), *(of(other) for other in others)]
            return all(_COMPARISONS[type(op)](a, b) for op, a, b in zip(ops, values, values[1:], strict=False))
        case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper, step=None)):
            return of(value)[slice(lower and of(lower), upper and of(upper))]
        case ast.Subscript(value=value, slice=index):
            return of(value)[of(index)]
        case ast.Call(func=ast.Name(id="bool"), args=[argument], keywords=[]):
            return bool(of(argument))
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=arguments, keywords=[]) if name in _METHODS:
            return _METHODS[name](of(value), *(of(argument) for argument in arguments))
        case ast.Call(func=function, args=[], keywords=[]):
            return _named(f"{ast.unparse(function)}()", environment)
        case ast.Name() | ast.Attribute():
            return _named(ast.unparse(node), environment)
    raise Undecided(f"{type(node).__name__} has no meaning in a condition")


def _named(name: str, environment: Environment) -> Any:
    if match := _PYTHON_NAME.fullmatch(name):
        version = environment.python.split(".")
        return version[0] == match[1] and match[2] in ("", version[1])
    values = _names(environment)
    if name not in values:
        raise Undecided(f"{name} is not known")
    return values[name]


@lru_cache
def _names(environment: Environment) -> dict[str, Any]:
    """Give what zc.buildout's documentation offers to conditions, and the facts people ask of Python's own modules."""
    markers = marker_values(environment)
    system, machine = markers["sys_platform"], markers["platform_machine"]
    version = tuple(int(part) for part in markers["python_full_version"].split("."))
    narrow, order = machine in _NARROW, "big" if machine in _BIG_ENDIAN else "little"
    return {
        "cpython": True, "pypy": False, "jython": False, "ironpython": False,
        "linux": system == "linux", "windows": system == "win32", "macosx": system == "darwin",
        "cygwin": False, "solaris": False, "posix": markers["os_name"] == "posix",
        "bits32": narrow, "bits64": not narrow, "little_endian": order == "little", "big_endian": order == "big",
        "sys.version_info": (*version, "final", 0), "sys.version_info.major": version[0],
        "sys.version_info.minor": version[1], "sys.version_info.micro": version[2],
        "sys.version": markers["python_full_version"], "sys.platform": system, "sys.byteorder": order,
        "sys.maxsize": (1 << (31 if narrow else 63)) - 1, "sys.implementation.name": "cpython",
        "os.name": markers["os_name"],
        "platform.system()": markers["platform_system"], "platform.machine()": machine,
        "platform.python_version()": markers["python_full_version"],
        "platform.python_version_tuple()": tuple(map(str, version)),
        "platform.python_implementation()": "CPython",
    }
