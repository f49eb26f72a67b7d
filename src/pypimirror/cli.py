"""The command line: reads the arguments, loads what the verb needs, and turns errors into one line and an exit status.

Nothing heavy is imported here, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from . import __version__
from .errors import ConfigurationError, Locked, MirrorError
from .names import shown
from .report.safe_stream import safe_output


class Verb(NamedTuple):
    """One verb: where its ``run(settings, arguments)`` lies, and what it takes."""

    module: str
    help: str
    words: str = ""
    options: frozenset[str] = frozenset()


_SYNC = frozenset({"allow_deletions", "dry_run", "fetch_since_days", "follow_external_index_pages",
                   "follow_external_links", "indexes_only", "initial_fetch", "log_console", "log_filename",
                   "report", "update_fetch", "verbose"})
_LOG = frozenset({"log_console", "log_filename", "verbose"})
VERBS = {
    "sync": Verb("sync", "bring the mirror to what upstream and the configuration say (NAME: these projects only)",
                 "[NAME ...]", _SYNC),
    "verify": Verb("verify", "every file against its hash, every page, strays; with --repair put right",
                   options=frozenset({"repair"}) | _LOG),
    "trash": Verb("trash", "what was taken down: list it, put it back, delete it", "list | restore NAME | empty",
                  frozenset({"json"}) | _LOG),
    "status": Verb("status", "last run, projects, files, bytes, free space, errors",
                   options=frozenset({"json", "max_age", "access_log"})),
    "adopt": Verb("adopt", "take good files over from an older mirror's tree instead of fetching them", "DIRECTORY",
                  frozenset({"verbose", "log_filename", "log_console"})),
    "plan": Verb("plan", "what sync would fetch, remove and rewrite, and why; touches nothing",
                 "[NAME ...]", _SYNC - {"indexes_only", "dry_run", "report"} | {"json"}),
    "webserver": Verb("webserver", "a complete site configuration for this mirror", "apache|nginx"),
    "client": Verb("client", "a client's configuration for this mirror", "pip|uv|buildout"),
    "serve": Verb("serve", "an index server, on loopback unless told otherwise", options=frozenset({"host", "port"})),
    "config": Verb("config", "the effective settings and components; with --example a commented file",
                   options=frozenset({"example"})),
}
#: Options that every verb takes.
_COMMON = frozenset({"words", "quiet"})


def parser(builtin: bool) -> argparse.ArgumentParser:
    """Give the parser; builtin: whether the script has its configuration built in."""
    config = "" if builtin else "CONFIG "
    verbs = "\n".join(f"  {(name + ' ' + verb.words).strip():<18} {verb.help}" for name, verb in VERBS.items())
    made = argparse.ArgumentParser(
        prog=None if builtin else "pypimirror",
        usage=f"%(prog)s {config}[VERB] [OPTIONS]",
        description="A mirror of PyPI or of any other Simple API index.",
        epilog=f"verbs:\n{verbs}\n\nWithout a verb, one of -I, -U and -i is needed.\n"
               "exit status: 0 done; 1 something failed and will be tried again; 2 wrong usage or configuration; "
               "3 another run holds the lock; 4 a safety brake held removals back",
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    made.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    add = made.add_argument
    kind = made.add_mutually_exclusive_group()
    kind.add_argument("-I", "--initial-fetch", action="store_true", help="sync: look at everything again")
    kind.add_argument("-U", "--update-fetch", action="store_true", help="sync: look at what changed only")
    kind.add_argument("-i", "--indexes-only", action="store_true", help="sync: write the pages again from what is there")
    add("-v", "--verbose", action="store_true", help="sync, adopt, verify, trash: log every file")
    add("-f", "--log-filename", metavar="FILE", help="sync, adopt, verify, trash: log to this file")
    add("-c", "--log-console", action="store_true", help="sync, adopt, verify, trash: log to the terminal, too")
    add("--report", metavar="FILE", help="sync: write a JSON report of the run to this file")
    add("-d", "--fetch-since-days", metavar="DAYS", help="sync: how far an update of an upstream without serials looks back")
    add("-e", "--follow-external-links", action="store_true", help="sync: external_links = True for this run")
    add("-x", "--follow-external-index-pages", action="store_true",
        help="sync: follow_external_index_pages = True for this run")
    add("--allow-deletions", action="store_true", help="sync: remove what upstream took away, however much it is")
    add("--dry-run", action="store_true", help="sync: the same as plan")
    add("-q", "--quiet", action="store_true",
        help="print nothing but errors and what is made for programs: JSON, --example, what client and webserver give")
    add("--json", action="store_true", help="status, plan, trash list: as JSON")
    add("--repair", action="store_true", help="verify: put right what is wrong")
    add("--max-age", metavar="HOURS", type=float, help="status: exit 1 if the last good run is older")
    add("--access-log", metavar="FILE", action="append",
        help="status: an access log of Apache's or nginx's; the names asked for in it that are not here are told (repeatable)")
    add("--host", help="serve: the address to listen on (127.0.0.1)")
    add("--port", type=int, help="serve: the port (8080); 0 takes a free one")
    add("--example", action="store_true", help="config: print a commented configuration file")
    add("--version", action="version", version=f"z3c.recipe.pypimirror {__version__}")
    return made


def main(config: str | None = None, argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    config: the configuration file, where the script has it built in; argv: the arguments, those of the process unless given.
    """
    with safe_output():
        return _main(config, argv)


def _main(config: str | None, argv: Sequence[str] | None) -> int:
    for argument in (*([] if config is None else [config]), *(sys.argv[1:] if argv is None else argv)):
        if not _is_text(argument):
            print(f"pypimirror: argument {shown(argument)!r}: not UTF-8", file=sys.stderr)
            return ConfigurationError.status
    reader = parser(config is not None)
    arguments = reader.parse_intermixed_args(argv)
    words = list(arguments.words)
    if config is None:
        if not words:
            reader.error("CONFIG is missing")
        config = words.pop(0)
    fetches = arguments.initial_fetch or arguments.update_fetch or arguments.indexes_only
    name = words.pop(0) if words else "sync" if fetches else "config" if arguments.example else None
    if name is None:
        reader.error("a verb or one of -I, -U and -i is needed")
    if name not in VERBS:
        from .settings.reader import nearest

        reader.error(f"unknown verb {name!r}{nearest(name, VERBS)}")
    if name == "sync" and arguments.dry_run:
        name = "plan"
        arguments.dry_run = False
    verb = VERBS[name]
    if words and not verb.words:
        reader.error(f"{name} takes no {words[0]!r}")
    given = {key for key, value in vars(arguments).items() if value != reader.get_default(key) and value is not None}
    for option in sorted(given - verb.options - _COMMON):
        reader.error(f"--{option.replace('_', '-')} does not go with {name}")
    arguments.words = words
    try:
        return import_module(f".commands.{verb.module}", __package__).run(config, arguments)
    except MirrorError as error:
        if not (arguments.quiet and isinstance(error, Locked)):
            print(f"pypimirror: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("pypimirror: interrupted; the next run goes on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, which is no error of ours
        return 1
    except Exception as error:
        from .tracebacks import describe

        print(f"pypimirror: {name} failed: {describe(error)}", file=sys.stderr)
        return 1


def _is_text(argument: str) -> bool:
    """Whether an argument was UTF-8; bytes that were not are surrogates (PEP 383), which no file and no output takes."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
