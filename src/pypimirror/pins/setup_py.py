"""Reads arguments of ``setup()``, such as ``setup_requires``, from a setup.py without running it.

Only the expressions assigned to them are parsed, with limits on each: the depth of recursion in Python's parser must not depend
on the content of an sdist.
"""

import ast
import io
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

#: Bytes of a setup.py; characters of one expression; nested brackets; variables that refer to variables.
_MAX_LENGTH, _MAX_EXPRESSION, _MAX_DEPTH, _MAX_NAMES = 1 << 18, 5000, 20, 5
_KEY = "setup_requires"
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_END = frozenset({tokenize.NEWLINE, tokenize.ENDMARKER})
_BLANK = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT})


class SetupRequires(NamedTuple):
    """The texts of one argument."""

    requires: tuple[str, ...]
    #: Whether all assigned expressions are literals.
    complete: bool


def setup_requires(content: bytes) -> SetupRequires:
    """Return the requirements that are literals in a setup.py."""
    return literals(content, _KEY)


def literals(content: bytes, key: str) -> SetupRequires:
    """Return the texts that are literals in the values of an argument of ``setup()``."""
    if key.encode() not in content:
        return SetupRequires((), True)
    if len(content) > _MAX_LENGTH:
        return SetupRequires((), False)
    try:
        tokens = [token for token in tokenize.tokenize(io.BytesIO(content).readline) if token.type not in _BLANK]
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError, MemoryError):
        return SetupRequires((), False)
    reader = _SetupReader(tokens, key)
    reader.read(key)
    return SetupRequires(tuple(dict.fromkeys(reader.requires)), reader.complete)


class _SetupReader:
    """Collects literal values of variables and arguments."""

    def __init__(self, tokens: list[tokenize.TokenInfo], key: str):
        self._tokens, self._key = tokens, key
        self._names: set[str] = set()
        self.requires: list[str] = []
        self.complete = True

    def read(self, name: str) -> None:
        """Add all values that are assigned to a name or passed as an argument of that name."""
        if name in self._names or len(self._names) >= _MAX_NAMES:
            return
        self._names.add(name)
        for start in self._values(name):
            expression = self._expression(start)
            try:
                # Parentheses join several lines into one expression.
                node = ast.parse(f"({expression})", mode="eval").body if expression else None
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                node = None
            if node is None:
                self.complete = False
            else:
                self._add(node)

    def _values(self, name: str) -> Iterator[int]:
        """Yield the positions of expressions that are assigned to a name, added to it or passed as it."""
        for at, token in enumerate(self._tokens[:-3]):
            after = [each.string for each in self._tokens[at + 1:at + 4]]
            if token.type == tokenize.NAME and token.string == name:
                if after[0] in ("=", "+="):
                    yield at + 2
                elif after[0] == "." and after[1] in ("append", "extend") and after[2] == "(":
                    yield at + 4
            elif token.type == tokenize.STRING and token.string.strip("\"'") == name:
                if after[0] == ":":
                    yield at + 2
                elif after[0] == "]" and after[1] in ("=", "+="):
                    yield at + 3

    def _expression(self, start: int) -> str | None:
        """Return the expression that starts at a token, or None if it exceeds a limit."""
        parts: list[str] = []
        length = depth = 0
        for token in self._tokens[start:]:
            if token.string in _CLOSE:
                depth -= 1
            if depth < 0 or (depth == 0 and (token.string in (",", ";") or token.type in _END)):
                break
            if token.string in _OPEN:
                depth += 1
            length += len(token.string) + 1
            if length > _MAX_EXPRESSION or depth > _MAX_DEPTH:
                return None
            if token.type != tokenize.NEWLINE:
                parts.append(token.string)
        return " ".join(parts)

    def _add(self, node: ast.expr) -> None:
        """Add the strings of a literal expression; without recursion, since a sum can have many operands."""
        nodes = [node]
        while nodes:
            match nodes.pop():
                case ast.Constant(value=str(text)):
                    self.requires += [line.strip() for line in text.splitlines() if line.strip()]
                case ast.Constant(value=None):
                    pass
                case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                    nodes += reversed(parts)
                case ast.BinOp(left=left, op=ast.Add(), right=right):
                    nodes += (right, left)
                case ast.IfExp(body=one, orelse=other):
                    nodes += (other, one)
                case ast.Starred(value=value):
                    nodes.append(value)
                case ast.Name(id=name) if name == self._key or self._is_known(name):
                    self.read(name)
                case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="split"), args=[]):
                    self.requires += text.split()
                case _:
                    self.complete = False

    def _is_known(self, name: str) -> bool:
        return next(self._values(name), None) is not None
