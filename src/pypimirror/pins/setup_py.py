"""``setup_requires`` in a setup.py, read without running it.

Only the expressions that give it its value are parsed, each of them bounded: how deep Python's own parser goes must not depend
on the content of an sdist.
"""

import ast
import io
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

#: Bytes of a setup.py; characters of one expression; brackets within brackets; variables that stand for variables.
_MAX_LENGTH, _MAX_EXPRESSION, _MAX_DEPTH, _MAX_NAMES = 1 << 18, 5000, 20, 5
_KEY = "setup_requires"
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_END = frozenset({tokenize.NEWLINE, tokenize.ENDMARKER})
_BLANK = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT})


class SetupRequires(NamedTuple):
    requires: tuple[str, ...]
    #: Whether that is all of it, as far as can be seen.
    complete: bool


def setup_requires(content: bytes) -> SetupRequires:
    """Return the requirements that are written out in a setup.py."""
    if _KEY.encode() not in content:
        return SetupRequires((), True)
    if len(content) > _MAX_LENGTH:
        return SetupRequires((), False)
    try:
        tokens = [token for token in tokenize.tokenize(io.BytesIO(content).readline) if token.type not in _BLANK]
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError, MemoryError):
        return SetupRequires((), False)
    found = _SetupReader(tokens)
    found.read(_KEY)
    return SetupRequires(tuple(dict.fromkeys(found.requires)), found.complete)


class _SetupReader:
    """The values of variables and arguments, as far as they are literals."""

    def __init__(self, tokens: list[tokenize.TokenInfo]):
        self._tokens = tokens
        self._names: set[str] = set()
        self.requires: list[str] = []
        self.complete = True

    def read(self, name: str) -> None:
        """Add all that is ever assigned to a name, or passed under it."""
        if name in self._names or len(self._names) >= _MAX_NAMES:
            return
        self._names.add(name)
        for start in self._values(name):
            expression = self._expression(start)
            try:
                # Braces make lines of it one expression.
                node = ast.parse(f"({expression})", mode="eval").body if expression else None
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                node = None
            if node is None:
                self.complete = False
            else:
                self._add(node)

    def _values(self, name: str) -> Iterator[int]:
        """Yield the positions of expressions that give a name its value."""
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
        """Return the expression that starts at a token, or None if it exceeds the bounds."""
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
        """Add the texts of an expression that is written out; sums of any length, hence no recursion."""
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
                case ast.Name(id=name) if name == _KEY or self._is_known(name):
                    self.read(name)
                case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="split"), args=[]):
                    self.requires += text.split()
                case _:
                    self.complete = False

    def _is_known(self, name: str) -> bool:
        return next(self._values(name), None) is not None
