"""Names files of other tools that are not read, for a better message than that a line is not a requirement."""

import re

from .model import InvalidPins, redact

_EXPORT = "is not read; name its requirements or pylock.toml, as its tool exports them"
_CONDA = "; a package of conda is not a release of an index"
#: Patterns of lines that neither requirements nor buildout files have; the first that matches counts.
_KINDS = tuple((re.compile(pattern, re.MULTILINE), message) for pattern, message in (
    (r"^[ \t]*-[ \t]+pypi:[ \t]", f"a lock file of pixi {_EXPORT}"),
    (r"^[ \t]*-[ \t]+conda:[ \t]", f"a lock file of pixi {_EXPORT}{_CONDA}"),
    (r"^@EXPLICIT[ \t]*\r?$", f"a list of packages of conda {_EXPORT}{_CONDA}"),
    (r"^[ \t]*manager:[ \t]*(?:conda|pip)[ \t]*\r?$", f"a lock file of conda {_EXPORT}{_CONDA}"),
    (r"^(?:channels|dependencies):", f"an environment of conda {_EXPORT}{_CONDA}"),
    (r"^\[(?:\[source]|(?:dev-)?packages)][ \t]*\r?$", "a Pipfile has ranges; name its Pipfile.lock"),
    (r"^Package +Version\b.*\r?\n-+ -+", "the output of pip list is not read; use that of pip freeze"),
    (r"^\[options(?:\.[a-z_.]+)?][ \t]*\r?$", "a setup.cfg has ranges; name requirements or a lock file"),
    (r"\A\s*\{", f"a JSON file {_EXPORT}"),
    (r"\A(?:\s*#.*\n)*\s*[A-Za-z_]+:(?:[ \t]|\r?$)", f"a YAML file {_EXPORT}")))


def check_supported(text: str, source: str) -> None:
    """Raise InvalidPins for a file of an unsupported kind. text: of a file whose content shows no other kind."""
    start = text[:1 << 16]
    message = next((message for pattern, message in _KINDS if pattern.search(start)), None)
    if message is not None:
        raise InvalidPins(f"{redact(source)}: {message}")
