"""Formats errors of zope.configuration as one line that starts with file and line number."""

from __future__ import annotations

import re
import traceback
from typing import Any

from zope.configuration.config import ConfigurationConflictError
from zope.configuration.exceptions import ConfigurationError, ConfigurationWrapperError
from zope.configuration.xmlconfig import ConfigurationHandler, ParserInfo

from .suggestions import add_suggestions, complete_xml_error

#: As zope.configuration writes the place of a directive, and as the XML parser does.
_DIRECTIVE = re.compile(r'File "(.+)", line (\d+)')
_XML = re.compile(r"(?:[\w.]+: )?(.+):(\d+):\d+: (.+)")
_WRAPPING = re.compile(r"^(?:zope\.[\w.]+|ConfigurationError): ")


def format_error(error: ConfigurationError, context: Any) -> str:
    """Return the message with the innermost place: the faulty directive, not those that include its file.

    context: the configuration context, which knows the directives.
    """
    if isinstance(error, ConfigurationConflictError):
        return _describe_conflict(error)
    info = getattr(error, "info", None)
    if isinstance(error, ConfigurationWrapperError) and isinstance(info, ParserInfo):
        message = f"{error.etype.__name__}: {' '.join(str(error.evalue).split())}"
        return f"{info.file}:{info.line}: {add_suggestions(message, info.file, info.line, context)}"
    place: tuple[str, int] | None = None
    words = []
    for line in map(str.strip, str(error).splitlines()):
        directive, xml = _DIRECTIVE.match(line), _XML.fullmatch(line)
        if directive:
            place = directive[1], int(directive[2])  # the innermost one comes last
        elif xml:
            return f"{xml[1]}:{xml[2]}: {complete_xml_error(xml[3])}"
        elif line:
            words.append(_WRAPPING.sub("", line))
    if len(error.args) > 1:
        words[0] = " ".join(map(str, error.args))
    message = ": ".join(words)
    if place is None:
        return message
    file, number = place
    return f"{file}:{number}: {add_suggestions(message, file, number, context)}"


def place_of_parser(error: BaseException) -> str:
    """Return file and line of the ZCML that was parsed when the exception was raised, or an empty text."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        handler = frame.f_locals.get("self")
        if isinstance(handler, ConfigurationHandler) and handler.locator is not None:
            return f"{handler.locator.getSystemId()}:{handler.locator.getLineNumber()}"
    return ""


def _describe_conflict(error: ConfigurationConflictError) -> str:
    found = []
    for discriminator, infos in sorted(error._conflicts.items(), key=repr):
        places = " and ".join(dict.fromkeys(f"{info.file}:{info.line}" for info in infos))
        found.append(f"{_describe_discriminator(discriminator)} is claimed by {places}")
    return "; ".join(found)


def _describe_discriminator(discriminator: Any) -> str:
    """Return the registration of a discriminator in words: of a directive of the mirror, or of zope.component."""
    if not isinstance(discriminator, tuple):
        return repr(discriminator)
    kind, *between, name = discriminator
    words = [getattr(each, "__name__", "*") for one in between for each in (one if isinstance(one, tuple) else (one,))]
    return " ".join([str(kind), *words, repr(name)])
