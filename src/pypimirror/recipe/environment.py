"""Environment variables that the script sets for itself."""

import re

from ..http.configured_url import hidden
from ..secret import MASK

#: Variables whose values are secrets, by their names.
_SECRET = re.compile(r"SECRET|TOKEN|PASSW|KEY|CREDENTIAL", re.IGNORECASE)


def parse_variables(text: str, folder: str = "") -> tuple[tuple[str, str], ...]:
    """Return pairs of name and value, one a line; a single line may have several pairs of words. Raises ValueError."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = text.split()
    if len(lines) == 1 and len(words) % 2 == 0:
        pairs = list(zip(words[::2], words[1::2], strict=True))
    else:
        pairs = [(name, value.strip()) for name, _, value in (" ".join(line.split(None, 1)).partition(" ") for line in lines)]
    for name, value in pairs:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or not value:
            safe = MASK if value and _SECRET.search(name) else hidden(value)
            raise ValueError(f"one NAME value per line, not {name} {safe}".rstrip())
    return tuple(pairs)


def hidden_values(text: str) -> str:
    """Return the option without secrets; only a mask if a variable's name is that of a secret."""
    return MASK if _SECRET.search(text) else hidden(text)


def has_secrets(pairs: tuple[tuple[str, str], ...]) -> bool:
    """Return whether the variables have secrets, by their names or by credentials in a URL."""
    return any(_SECRET.search(name) or hidden(value) != value for name, value in pairs)


def render_source(pairs: tuple[tuple[str, str], ...]) -> str:
    """Return the Python source that sets the variables."""
    if not pairs:
        return ""
    return "\n".join(["import os", *(f"os.environ[{name!r}] = {value!r}" for name, value in pairs)])
