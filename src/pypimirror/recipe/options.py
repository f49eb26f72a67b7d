"""The options of the part, and the check of their values.

The options are the keys of the configuration, written with dashes, and options of the recipe itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from zc.buildout import UserError

from ..http.configured_url import hidden
from ..jobs import schedule
from ..secret import reveal
from ..settings import converters
from ..settings.converters import Kind
from ..settings.keys import KEYS
from ..settings.reader import nearest
from ..zcml.registry import SCHEMES
from . import environment

_NOT_DECLARED = "; no installed plugin declares it; is one missing in eggs?"
#: Options that zc.buildout itself adds to a part or reads from it.
_BUILDOUT = frozenset({"recipe", "<", "__buildout_installed__", "__buildout_signature__"})


class RecipeOption(NamedTuple):
    """One option of the recipe itself."""

    name: str
    kind: Kind
    #: The text that stands for a missing option.
    default: str
    #: One or two sentences.
    help: str


#: Values of ``cron-install`` and ``systemd-install``.
PLACES = ("none", "user", "system")


def user(text: str, folder: str) -> str:
    """The name of a user, as a cron entry can hold it."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.@\\-]*\$?", text):
        raise ValueError("the name of a user")
    return text


OPTIONS = (
    RecipeOption("script", converters.text, "",
           "Name of the script in the bin directory, by default the part's name. Other parts read the script's path from it."),
    RecipeOption("eggs", converters.lines, "",
           "Additional distributions that the script can import, such as plugins; one requirement a line."),
    RecipeOption("zcml-additional", converters.lines, "",
           "ZCML for this mirror only: directives, or a complete file. It overrides the registrations of plugins."),
    RecipeOption("environment-vars", environment.parse_variables, "",
           "Environment variables that the script sets for itself, one line each: NAME value."),
    RecipeOption("relative-paths", converters.boolean, "",
           "Whether script and configuration use relative paths for everything inside the buildout; by default the buildout's "
           "relative-paths."),
    RecipeOption("pinned", converters.boolean, "false",
           "Whether to mirror the releases that this buildout's versions section pins."),
    RecipeOption("webserver", converters.words, "",
           "Web servers to write a site configuration for: apache, caddy, nginx, or those of plugins. The files are "
           "parts/<part>/apache.conf and so on."),
    RecipeOption("cron-times", schedule.parse, "",
           "The times of the updates: cron's five fields or a word such as @daily. Without it there is no job."),
    RecipeOption("cron-command", converters.text, "",
           "The shell command of the job; by default the script with --update-fetch."),
    RecipeOption("cron-user", user, "",
           "The user of the job for the system's cron or systemd; for cron by default the user who runs buildout."),
    RecipeOption("cron-install", converters.choice(*PLACES), "none",
           "The place of the job: none only writes the entry to parts/<part>/cron-entry; user is the crontab of the user who "
           "runs buildout; system is a file in cron-directory."),
    RecipeOption("cron-directory", converters.path, "/etc/cron.d",
           "The directory of the system's cron for entries."),
    RecipeOption("systemd-install", converters.choice(*PLACES), "none",
           "The place of a systemd timer and its service: none only writes them to parts/<part>/; user is the configuration "
           "of the user who runs buildout; system is the machine's. cron-times has the times."),
)


class OptionKey(NamedTuple):
    """An option that is a key of the configuration."""

    option: str
    key: str
    kind: Kind


def configuration_keys() -> tuple[OptionKey, ...]:
    """Return the keys of the configuration as options."""
    return tuple(OptionKey(key.name.replace("_", "-"), key.name, key.kind) for key in KEYS)


def check_names(part: str, names: Iterable[str], more: Iterable[OptionKey] = ()) -> None:
    """Raise UserError for unknown options, with the nearest known name. more: the keys of plugins."""
    known = {option.name for option in OPTIONS} | {key.option for key in (*configuration_keys(), *more)}
    for name in names:
        if name not in known and name not in _BUILDOUT:
            raise UserError(f"[{part}] unknown option {name!r}{nearest(name, sorted(known)) or _NOT_DECLARED}")


def check_components(part: str, texts: Mapping[str, str], components: Mapping[str, Sequence[str]]) -> None:
    """Raise UserError for an option with the name of a component that is not registered.

    texts: by option name. components: the registered names, see ``zcml.registry.components_by_key``.
    """
    for key, names in components.items():
        option = key.replace("_", "-")
        for word in converters.words(texts.get(option, ""), ""):
            # Keys with paths and URLs name components by their schemes.
            name = word if key not in SCHEMES else word.partition("://")[0].lower() if "://" in word else None
            if name is not None and name not in names:
                raise UserError(f"[{part}] {option} = {hidden(word)}: unknown; available: {', '.join(sorted(names))}"
                                f"{nearest(name, names) or _NOT_DECLARED}")


def convert_option(part: str, options: Mapping[str, str], name: str, kind: Kind, folder: str, default: str = "") -> Any:
    """Return the value of an option, or None if it is empty and has no default.

    folder: the base of relative paths, the buildout's directory. Raises UserError.
    """
    text = options.get(name, "").strip() or default
    if not text:
        return None
    try:
        return kind(text, folder)
    except ValueError as error:
        safe = environment.hidden_values(text) if kind is environment.parse_variables else hidden(text)
        raise UserError(f"[{part}] {name} = {safe}: must be {error}") from None


def collect_texts(part: str, options: Mapping[str, str], folder: str, which: Iterable[OptionKey]) -> dict[str, str]:
    """Return the texts of the configuration keys that the part sets, by option name, with absolute paths.

    which: the keys. Raises UserError for an invalid value.
    """
    found = {}
    for key in which:
        checked = convert_option(part, options, key.option, key.kind, folder)
        if checked is None:
            continue
        if key.kind is converters.path:
            found[key.option] = reveal(checked)
        elif key.kind is converters.file:
            found[key.option] = checked.path
        elif key.kind in (*converters.PATH_LISTS, converters.zcml):
            found[key.option] = "\n".join(map(reveal, checked))
        else:
            found[key.option] = options[key.option].strip()
    return found
