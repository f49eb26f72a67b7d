"""Formats errors of zope.configuration as one line that starts with file and line number."""

from __future__ import annotations

import re

from zope.configuration.config import ConfigurationConflictError
from zope.configuration.exceptions import ConfigurationError, ConfigurationWrapperError
from zope.configuration.xmlconfig import ParserInfo

#: As zope.configuration writes the place of a directive, and as the XML parser does.
_DIRECTIVE = re.compile(r'File "(.+)", line (\d+)')
_XML = re.compile(r"(?:[\w.]+: )?(.+):(\d+):\d+: (.+)")
_WRAPPING = re.compile(r"^(?:zope\.[\w.]+|ConfigurationError): ")


def in_one_line(error: ConfigurationError) -> str:
    """Return the message with the innermost place: the faulty directive, not those that include its file."""
    if isinstance(error, ConfigurationConflictError):
        return _conflict(error)
    info = getattr(error, "info", None)
    if isinstance(error, ConfigurationWrapperError) and isinstance(info, ParserInfo):
        return f"{info.file}:{info.line}: {error.etype.__name__}: {' '.join(str(error.evalue).split())}"
    places, words = [], []
    for line in map(str.strip, str(error).splitlines()):
        directive, xml = _DIRECTIVE.match(line), _XML.fullmatch(line)
        if directive:
            places.append(f"{directive[1]}:{directive[2]}")
        elif xml:
            return f"{xml[1]}:{xml[2]}: {xml[3]}"
        elif line:
            words.append(_WRAPPING.sub("", line))
    if len(error.args) > 1:
        words[0] = " ".join(map(str, error.args))
    return ": ".join([*places[-1:], *words])  # the innermost one comes last


def _conflict(error: ConfigurationConflictError) -> str:
    found = []
    for discriminator, infos in sorted(error._conflicts.items(), key=repr):
        kind, name = discriminator if isinstance(discriminator, tuple) and len(discriminator) == 2 else ("", discriminator)
        places = " and ".join(dict.fromkeys(f"{info.file}:{info.line}" for info in infos))
        found.append(f"{kind} {name!r} is claimed by {places}".lstrip())
    return "; ".join(found)
