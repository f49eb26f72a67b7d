"""Evaluates conditions of buildout sections, ``[versions:python_version < "3.11"]``, without running them.

A condition of zc.buildout is a marker (PEP 508) or any Python expression. Here expressions are parsed, and only the nodes,
names and methods that this module lists are evaluated.
"""

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from packaging.markers import Marker

from .environments import Environment, marker_values, patches, with_any_host

#: Characters of a condition.
_MAX_LENGTH = 1000
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
#: Any environment: all have the same names.
_ANY = Environment("3.12", "win_amd64")
_NARROW = frozenset({"x86", "i386", "i586", "i686", "armv6l", "armv7l", "ppc"})
_BIG_ENDIAN = frozenset({"s390x", "ppc", "ppc64"})


#: Characters of strings in conditions: none that ends a string, a header or a line.
_TEXT = re.compile(r"[A-Za-z0-9 ._+*-]*")
#: One word of a marker as packaging writes it: a name, an operator or a quoted string.
_MARKER = re.compile(r"\(*(?:and|or|not|in|implementation_(?:name|version)|os_name|python_(?:full_)?version|sys_platform"
                     r"|platform_(?:machine|python_implementation|release|system|version)|\"[A-Za-z0-9 ._+*-]*\")\)*"
                     r"|[<>]=?|[=!~]=|===")


class Undecided(Exception):
    """The condition depends on more than a Python version and a platform."""


class Varies(Undecided):
    """The condition differs between patch releases of the Python version."""


def holds(expression: str, environment: Environment) -> bool:
    """Evaluate the condition of a section header. Raises Undecided; Varies if patch releases differ."""
    found = _decide(expression, environment)
    if isinstance(found, bool):
        return found
    raise (Varies if found == _VARIES else Undecided)(found)


def written(expression: str) -> str | None:
    """Return the condition, rewritten from its parsed form, or None if any part of it is not supported.

    Files for zc.buildout contain only conditions from here: zc.buildout runs a condition that is not a marker as Python.
    """
    try:
        condition = _parse(expression)
        if isinstance(condition, Marker):
            return written_marker(condition)
        return ast.unparse(condition) if _is_understood(condition) else None
    except (Undecided, RecursionError):
        return None


def written_marker(marker: Marker) -> str | None:
    """Return the text of a marker, or None if it has an unknown name, or a character that could end a string or a line."""
    text = str(marker)
    return text if all(map(_MARKER.fullmatch, _words(text))) else None


_VARIES = "patch releases differ"


@lru_cache(1 << 14)
def _decide(expression: str, environment: Environment) -> bool | str:
    """Return the value of the condition, or the reason why it is not known."""
    try:
        condition = _parse(expression)
        found = {_evaluate(condition, one) for one in patches(environment, expression)}
    except Undecided as error:
        return str(error)
    return found.pop() if len(found) == 1 else _VARIES


def _evaluate(condition: Marker | ast.expr, environment: Environment) -> bool:
    try:
        if isinstance(condition, Marker):
            if with_any_host(condition) is not condition:
                raise Undecided("the release of the operating system is not known")
            return condition.evaluate({**marker_values(environment)})
        return bool(_value(condition, environment))
    except (TypeError, ValueError, KeyError, IndexError, RecursionError) as error:
        raise Undecided(str(error)) from error


@lru_cache(1024)
def _parse(expression: str) -> Marker | ast.expr:
    # Headers escape ``#`` and ``;``, which would start a comment.
    text = expression.replace(r"\x23", "#").replace(r"\x3b", ";").strip()
    if len(text) > _MAX_LENGTH:
        raise Undecided("too long")
    try:
        return Marker(text)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as for escapes in strings
            tree = ast.parse(f"[{text}]", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Undecided("not a condition") from error
    if not isinstance(tree, ast.List) or len(tree.elts) != 1:
        raise Undecided("not one condition")
    return tree.elts[0]


def _words(marker: str) -> list[str]:
    """Split a marker into words; a quoted string is one word."""
    return re.findall(r'"[^"]*"[^ ]*|[^ "]*"[^"]*"[^ ]*|[^ ]+', marker)


def _is_understood(node: ast.AST) -> bool:
    """Return whether ``_value`` supports all nodes of a tree, evaluated or not."""
    match node:
        case ast.Constant(value=str() as value):
            return _TEXT.fullmatch(value) is not None
        case ast.Constant(value=int() | None):
            return True
        case ast.Name() | ast.Attribute():
            return _is_name(ast.unparse(node))
        case ast.Call(func=ast.Name(id="bool"), args=[argument], keywords=[]):
            return _is_understood(argument)
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=arguments, keywords=[]) if name in _METHODS:
            return all(map(_is_understood, (value, *arguments)))
        case ast.Call(func=function, args=[], keywords=[]):
            return _is_name(f"{ast.unparse(function)}()")
        case ast.Slice(step=None):
            return all(map(_is_understood, filter(None, (node.lower, node.upper))))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _is_understood(operand)
        case ast.Compare(ops=ops) if not all(type(op) in _COMPARISONS for op in ops):
            return False
        case ast.Compare(left=left, comparators=others):
            return all(map(_is_understood, (left, *others)))
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.BoolOp(values=items):
            return all(map(_is_understood, items))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return all(map(_is_understood, (test, body, orelse)))
        case ast.Subscript(value=value, slice=index):
            return _is_understood(value) and _is_understood(index)
    return False


def _is_name(name: str) -> bool:
    return _PYTHON_NAME.fullmatch(name) is not None or name in _names(_ANY)


def _value(node: ast.expr, environment: Environment) -> Any:
    """Evaluate an expression."""

    def of(child: ast.expr) -> Any:
        return _value(child, environment)

    match node:
        case ast.Constant(value=str() | int() | None as value):
            return value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(of(item) for item in items)
        case ast.BoolOp(op=operator, values=values):
            return _evaluate_operands(values, isinstance(operator, ast.Or), environment)
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
            return _value_of_name(f"{ast.unparse(function)}()", environment)
        case ast.Name() | ast.Attribute():
            return _value_of_name(ast.unparse(node), environment)
    raise Undecided(f"{type(node).__name__} is not supported in conditions")


def _evaluate_operands(values: list[ast.expr], decisive: bool, environment: Environment) -> bool:
    """Evaluate ``or`` (decisive: True) or ``and`` (False). One decisive operand is enough, even if others are unknown."""
    unknown: Undecided | None = None
    for value in values:
        try:
            if bool(_value(value, environment)) == decisive:
                return decisive
        except Undecided as error:
            unknown = unknown or error
    if unknown is not None:
        raise unknown
    return not decisive


def _value_of_name(name: str, environment: Environment) -> Any:
    if match := _PYTHON_NAME.fullmatch(name):
        version = environment.python.split(".")
        return version[0] == match[1] and match[2] in ("", version[1])
    values = _names(environment)
    if name not in values:
        raise Undecided(f"{name} is not known")
    return values[name]


@lru_cache
def _names(environment: Environment) -> dict[str, Any]:
    """Return the names in zc.buildout's documentation of conditions, and common names of the standard library."""
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
