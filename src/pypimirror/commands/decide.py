"""``allow``, ``deny`` and ``waive``: write a decision into the file of the key ``decisions``."""

from __future__ import annotations

import argparse
import getpass
import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from .. import written_file
from ..errors import ConfigurationError, StorageError
from ..settings.decisions import ALLOW, WAIVE, Decision, Decisions, decision, render
from ..settings.values import Settings
from ..zcml.plugins import read
from . import plan
from .session import overrides_of
from .status_values import missed_names


def run(config: str, arguments: argparse.Namespace) -> int:
    """Append decisions, or with ``--dry-run`` show what they would do. Raises ConfigurationError for an invalid one."""
    settings = read(config, overrides_of(arguments))
    present: Decisions = settings["decisions"]
    if not present.path:
        raise ConfigurationError(f"{arguments.verb}: decisions is not set; name a TOML file there")
    new = [_decision(arguments, entry) for entry in _entries(settings, arguments)]
    for each in new:
        for other in present.active:
            if other[:4] == each[:4]:
                raise ConfigurationError(f"{present.path}: has this decision already: {other}; edit it there")
    if arguments.dry_run:
        return _plan(settings, arguments, new)
    _write(present.path, "".join(map(render, new)))
    if not arguments.quiet:
        for each in new:
            print(each)
    return 0


def _entries(settings: Settings, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the subjects of the decisions: fields of entries."""
    words = list(arguments.words)
    if arguments.verb == WAIVE:
        if not 1 <= len(words) <= 2:
            raise ConfigurationError("waive takes the id of an advisory, and may take a project, with or without versions")
        return [{"advisory": words[0]} | ({"release": words[1]} if len(words) > 1 else {})]
    if arguments.missed:
        if words:
            raise ConfigurationError("allow --missed takes no names")
        words = [one.project for one in missed_names(settings, arguments.access_log or ())]
    if not words and not arguments.missed:
        raise ConfigurationError(f"{arguments.verb} takes projects, with or without versions, such as demo==1.0")
    return [{"release": word} for word in words]


def _decision(arguments: argparse.Namespace, entry: dict[str, Any]) -> Decision:
    more = {"why": arguments.why or "", "by": arguments.by or _user(), "until": arguments.until or ""}
    if arguments.verb == ALLOW and arguments.missed and not arguments.why:
        more["why"] = "requested by clients"
    if not more["why"]:
        raise ConfigurationError(f"{arguments.verb}: --why is missing, the reason")
    try:
        return decision(arguments.verb, {**entry, **more})
    except ValueError as error:
        raise ConfigurationError(f"{arguments.verb}: {error}") from None


def _user() -> str:
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return ""


def _plan(settings: Settings, arguments: argparse.Namespace, new: Iterable[Decision]) -> int:
    """Show what a sync would do with further decisions."""
    present: Decisions = settings["decisions"]
    changed = settings.replaced("decisions", present._replace(active=(*present.active, *new)))
    arguments.words, arguments.initial_fetch, arguments.allow_deletions = [], False, False
    return plan.show(changed, arguments)


def _write(path: str, text: str) -> None:
    """Append text to a file, atomically."""
    try:
        before = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as stream:
                before = stream.read()
        written_file.write(path, before.rstrip("\n") + "\n" * bool(before) + (text if before else text.lstrip("\n")))
    except OSError as error:
        raise StorageError(f"decisions: {path}: can't be written: {error.strerror}") from error
