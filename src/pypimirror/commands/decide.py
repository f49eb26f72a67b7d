"""``allow``, ``deny`` and ``waive``: write a decision into the file of the key ``decisions``."""

from __future__ import annotations

import argparse
import fcntl
import getpass
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .. import atomic_file
from ..errors import ConfigurationError, StorageError
from ..regular_file import open_regular
from ..settings import decisions
from ..settings.decisions import ALLOW, WAIVE, Decision, Decisions, parse_decision
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
    new = [_make_decision(arguments, entry) for entry in _parse_subjects(settings, arguments)]
    _check_new(present, new)
    if arguments.dry_run:
        return _print_plan(settings, arguments, new)
    _append_to_file(present.path, new)
    if not arguments.quiet:
        for each in new:
            print(each)
    return 0


def _parse_subjects(settings: Settings, arguments: argparse.Namespace) -> list[dict[str, Any]]:
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


def _make_decision(arguments: argparse.Namespace, entry: dict[str, Any]) -> Decision:
    """Return the decision about a subject. Raises ConfigurationError for one that is not valid."""
    more = {"why": arguments.why or "", "by": arguments.by or _current_user(), "until": arguments.until or ""}
    if arguments.verb == ALLOW and arguments.missed and not arguments.why:
        more["why"] = "requested by clients"
    if not more["why"]:
        raise ConfigurationError(f"{arguments.verb}: --why is missing, the reason")
    try:
        return parse_decision(arguments.verb, {**entry, **more})
    except ValueError as error:
        raise ConfigurationError(f"{arguments.verb}: {error}") from None


def _current_user() -> str:
    """Return the name of this user; empty if it is unknown."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return ""


def _print_plan(settings: Settings, arguments: argparse.Namespace, new: Iterable[Decision]) -> int:
    """Show what a sync would do with further decisions."""
    present: Decisions = settings["decisions"]
    changed = settings.replaced("decisions", present.extended(new))
    arguments.words, arguments.initial_fetch, arguments.allow_deletions = [], False, False
    return plan.show(changed, arguments)


def _append_to_file(path: str, new: Iterable[Decision]) -> None:
    """Append decisions to a file, atomically; several processes may do so. Raises ConfigurationError if it has one already."""
    target = os.path.realpath(path)  # a link to a working copy stays one
    try:
        with _lock_folder(os.path.dirname(target)):
            _check_new(decisions.convert(path, ""), new)
            before, mode = b"", None
            if os.path.exists(target):
                mode = stat.S_IMODE(os.stat(target).st_mode)
                with open_regular(target) as stream:
                    before = stream.read()
            end = "\r\n" if b"\r\n" in before else "\n"
            text = "".join(map(decisions.render, new)).replace("\n", end)
            old = before.rstrip(b"\r\n") + end.encode() if before else b""
            atomic_file.replace(target, old + (text if before else text.lstrip("\r\n")).encode(), mode)
    except OSError as error:
        raise StorageError(f"decisions: {path}: can't be written: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"decisions must be {error}") from error


def _check_new(present: Decisions, new: Iterable[Decision]) -> None:
    """Raise ConfigurationError if a file has one of these decisions already."""
    for each in new:
        for other in present.active:
            if other[:4] == each[:4]:
                raise ConfigurationError(f"{present.path}: has this decision already: {other}; edit it there")


@contextmanager
def _lock_folder(folder: str) -> Iterator[None]:
    """Lock a folder against other processes that add decisions. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network file systems lock no folders; the file is replaced atomically in any case
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
