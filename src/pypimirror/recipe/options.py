"""The options of the part: which there are, and their texts checked and completed.

They are the keys of the configuration with dashes, and those that only the recipe knows.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from zc.buildout import UserError

from ..http.configured_url import hidden
from ..secret import reveal
from ..settings import converters
from ..settings.converters import Kind
from ..settings.keys import KEYS
from ..settings.reader import nearest
from . import client_files, environment, schedule

#: What zc.buildout itself puts into a part, or lets people put there.
_BUILDOUT = frozenset({"recipe", "<", "__buildout_installed__", "__buildout_signature__"})


class RecipeOption(NamedTuple):
    """One option that only the recipe knows."""

    name: str
    kind: Kind
    #: As the part would say it; an empty text for none.
    default: str
    #: One or two sentences for people.
    help: str


#: Where a job can be installed.
PLACES = ("none", "user", "system")


def user(text: str, folder: str) -> str:
    """The name of a user, as a cron entry can hold it."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.@\\-]*\$?", text):
        raise ValueError("the name of a user")
    return text


def servers(text: str, folder: str) -> tuple[str, ...]:
    """Names of web servers."""
    names = converters.words(text, folder)
    if not set(names) <= client_files.SITES.keys():
        raise ValueError(" and ".join(sorted(client_files.SITES)) + ", one of them or both")
    return names


OPTIONS = (
    RecipeOption("script", converters.text, "",
           "Name of the script in the bin directory, the part's name unless given. Other parts see its path in it."),
    RecipeOption("eggs", converters.lines, "",
           "Distributions that the script can import besides its own, such as plugins; one requirement a line."),
    RecipeOption("zcml-additional", converters.lines, "",
           "ZCML for this mirror alone: directives, or a whole file. It has the last word over what plugins register."),
    RecipeOption("environment-vars", environment.variables, "",
           "Environment variables that the script sets for itself, a line each: NAME value."),
    RecipeOption("relative-paths", converters.boolean, "",
           "Whether script and configuration find each other, and what else lies in the buildout, by relative paths; "
           "the buildout's own relative-paths unless given."),
    RecipeOption("pinned", converters.boolean, "false",
           "Whether what this buildout's own versions section pins is mirrored, in its pinned versions."),
    RecipeOption("webserver", servers, "",
           "Web servers to write a site configuration for, apache and nginx: parts/<part>/apache.conf and nginx.conf."),
    RecipeOption("cron-times", schedule.parse, "",
           "When the mirror is brought up to date: cron's five fields or a word such as @daily. Without it there is no job."),
    RecipeOption("cron-command", converters.text, "",
           "What the job runs, as one writes it for a shell; the script with --update-fetch unless given."),
    RecipeOption("cron-user", user, "",
           "Who runs the job, where the system's cron or systemd does; who runs buildout, for cron, unless given."),
    RecipeOption("cron-install", converters.choice(*PLACES), "none",
           "Where the job goes: none leaves it to people, with the entry in parts/<part>/cron-entry; user is the crontab of "
           "who runs buildout; system is a file in cron-directory."),
    RecipeOption("cron-directory", converters.path, "/etc/cron.d",
           "Where the system's cron looks for files."),
    RecipeOption("systemd-install", converters.choice(*PLACES), "none",
           "Where a systemd timer and its service go: none leaves them in parts/<part>/; user is the configuration of who runs "
           "buildout; system is the machine's. cron-times says when."),
)


class OptionKey(NamedTuple):
    """An option that is a key of the configuration."""

    option: str
    key: str
    kind: Kind


def keys() -> tuple[OptionKey, ...]:
    """Give the keys of the configuration as options."""
    return tuple(OptionKey(key.name.replace("_", "-"), key.name, key.kind) for key in KEYS)


def check(part: str, names: Iterable[str], more: Iterable[OptionKey] = ()) -> None:
    """Refuse options that nobody knows. more: the keys of plugins. Raises UserError, which names the nearest known one."""
    known = {option.name for option in OPTIONS} | {key.option for key in (*keys(), *more)}
    for name in names:
        if name not in known and name not in _BUILDOUT:
            raise UserError(f"[{part}] unknown option {name!r}{nearest(name, sorted(known))}")


def value(part: str, options: Mapping[str, str], name: str, kind: Kind, folder: str, default: str = "") -> Any:
    """Give the value of an option, or None where it is empty and there is no default.

    folder: where relative paths start, the buildout's directory. Raises UserError.
    """
    text = options.get(name, "").strip() or default
    if not text:
        return None
    try:
        return kind(text, folder)
    except ValueError as error:
        told = environment.hidden_values(text) if kind is environment.variables else hidden(text)
        raise UserError(f"[{part}] {name} = {told}: must be {error}") from None


def texts(part: str, options: Mapping[str, str], folder: str, which: Iterable[OptionKey]) -> dict[str, str]:
    """Give the texts of the configuration's keys that the part sets, by name of the option; paths are absolute then.

    which: the keys. Raises UserError for a value that its kind refuses.
    """
    found = {}
    for key in which:
        checked = value(part, options, key.option, key.kind, folder)
        if checked is None:
            continue
        if key.kind is converters.path:
            found[key.option] = reveal(checked)
        elif key.kind in (converters.paths, converters.zcml):
            found[key.option] = "\n".join(map(reveal, checked))
        else:
            found[key.option] = options[key.option].strip()
    return found
