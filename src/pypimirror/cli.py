"""The command line: parses the arguments, imports the module of the verb, and reports errors as one line and an exit status.

Imports no expensive modules, so that ``--help`` is fast.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from typing import NoReturn

from . import GARBAGE_THRESHOLDS, __version__
from .errors import ConfigurationError, Locked, MirrorError
from .names import shown
from .report.safe_stream import results_alone, safe_output
from .verbs import VERBS

#: Options that every verb takes.
_COMMON = frozenset({"words", "quiet", "help"})
#: A message of argparse about a value that a type does not take, and what the types are for.
_INVALID = re.compile(r"argument (\S+): invalid (float|int) value: (.*)", re.DOTALL)
_TYPES = {"float": "a number", "int": "a whole number"}


class _Parser(argparse.ArgumentParser):
    """Reports wrong options in the words of this program, with the nearest known option."""

    def error(self, message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ").split()[0] if "unrecognized" in message else ""
        if unknown:
            flag = unknown.partition("=")[0]
            known = [option for action in self._actions for option in action.option_strings]
            message = f"unknown option {flag!r}{_nearest(flag, known)}"
        elif match := _INVALID.fullmatch(message):
            message = f"{match[1].rpartition('/')[2]} {match[3]}: must be {_TYPES[match[2]]}"
        super().error(message)


def parser(builtin: bool) -> argparse.ArgumentParser:
    """Return the parser. builtin: whether the script has its configuration built in."""
    made = unlabelled(builtin)
    for action in made._actions:
        takers = [name for name, verb in VERBS.items() if action.dest in verb.options]
        if takers:
            action.help = f"{', '.join(takers)}: {action.help}"
    return made


def unlabelled(builtin: bool) -> argparse.ArgumentParser:
    """Return the parser without the names of verbs in the help of options."""
    config = "" if builtin else "CONFIG "
    verbs = "\n".join(f"  {(name + ' ' + verb.words).strip():<18} {verb.help}" for name, verb in VERBS.items())
    made = _Parser(
        prog=None if builtin else "pypimirror",
        usage=f"%(prog)s {config}[VERB] [OPTIONS]",
        description="A mirror of PyPI or of any other Simple API index. help VERB: options and examples of a verb.\n\n"
                    f"verbs:\n{verbs}\n\nWithout a verb, one of -I, -U and -i is needed.",
        epilog="exit status: 0 done; 1 something failed and will be retried; 2 wrong usage or configuration; "
               "3 another run holds the lock; 4 a safety brake held removals back; 5 status: the age is unknown",
        # Each option makes a formatter, which would import shutil for the width of the terminal.
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=100), allow_abbrev=False, add_help=False)
    made.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    add = made.add_argument
    add("-h", "--help", action="store_true", help="show this help, or that of a verb, and exit")
    kind = made.add_mutually_exclusive_group()
    kind.add_argument("-I", "--initial-fetch", action="store_true", help="check all projects again")
    kind.add_argument("-U", "--update-fetch", action="store_true", help="check only changed projects")
    kind.add_argument("-i", "--indexes-only", action="store_true", help="only rewrite the pages, from the mirrored files")
    add("-v", "--verbose", action="store_true", help="log every file")
    add("-f", "--log-filename", metavar="FILE", help="log to this file")
    add("-c", "--log-console", action="store_true", help="also log to the terminal")
    add("--report", metavar="FILE", help="write a JSON report of the run to this file")
    add("-d", "--fetch-since-days", metavar="DAYS",
        help="how many days an update of an upstream without serials looks back")
    add("-e", "--follow-external-links", action="store_true", help="external_links = True for this run")
    add("-x", "--follow-external-index-pages", action="store_true",
        help="follow_external_index_pages = True for this run")
    add("--allow-deletions", action="store_true", help="allow any number of removals")
    add("--dry-run", action="store_true", help="show what a sync would do, and change nothing")
    add("-y", "--yes", action="store_true", help="confirm a first fetch above confirm_above")
    add("-q", "--quiet", action="store_true",
        help="print only errors and output for programs: JSON, --example, the files of client and webserver")
    add("--files", action="store_true", help="list every file that is left out, with the reason")
    add("--json", action="store_true", help="print JSON")
    add("--repair", action="store_true", help="repair the faults that are found")
    add("--format", metavar="FORMAT", help="for audit: table, json, sarif or cyclonedx (VEX); for sbom: cyclonedx or spdx")
    add("--severity", metavar="SEVERITY", help="exit with 1 from this severity on: low (default), medium, high or critical")
    add("--pinned", action="store_true", help="only the releases that the mirror's pins name")
    add("--advisories", action="store_true", help="name the known vulnerabilities, too")
    add("--licenses", action="store_true", help="print a table of the licences, or JSON with --json")
    add("--output", metavar="FILE", help="write it to this file")
    add("--extract", metavar="DIRECTORY", help="copy the SBOMs in wheels (PEP 770) to this directory")
    add("--why", metavar="REASON", help="the reason")
    add("--until", metavar="DATE", help="the last day on which the decision counts, such as 2026-12-31")
    add("--by", metavar="NAME", help="who decides; by default the user")
    add("--missed", action="store_true", help="the names that clients requested and the mirror does not have")
    add("--force", action="store_true", help="restore malicious files, too")
    add("--max-age", metavar="HOURS", type=float,
        help="exit with 1 if the last good run is older, with 5 if its age is unknown")
    add("--access-log", metavar="FILE", action="append",
        help="an access log of Apache or nginx (repeatable)")
    scope = made.add_mutually_exclusive_group()
    scope.add_argument("--since", metavar="MARK", help="the changes since this mark; by default since that of the last export")
    scope.add_argument("--full", action="store_true", help="everything, for a site that has nothing yet")
    scope.add_argument("--against", metavar="FILE",
                       help="what the other site lacks by this receipt of import, or by this output of sha256sum")
    add("--split", metavar="SIZE", default="4G", help="the size that no part reaches (4G, which FAT file systems need)")
    add("--sign", metavar="KEY", help="sign the bundle with this key of OpenSSH")
    add("--tree", action="store_true", help="a plain tree and a list of removed files, for a site without this program")
    add("--before-certificate", action="store_true",
        help="print the site for port 80 alone, which answers the challenges of an ACME client")
    add("--lock", metavar="FILE", help="for uv: print this uv.lock with the files of the mirror")
    add("--host", help="the address to listen on (127.0.0.1)")
    add("--monitoring", action="store_true", help="answer /healthz, and /metrics with the file of metrics_filename")
    add("--port", type=int, help="the port (8080); for serve, 0 takes a free one")
    add("--example", action="store_true", help="print a commented configuration file")
    add("--install", metavar="PLACE", help="install it for the user who calls this, or for the system: user or system")
    add("--times", metavar="TIMES", help="cron's five fields, or a word such as @daily; by default every six hours")
    add("--user", metavar="USER", help="the user of a job of the system; by default the owner of the mirror")
    add("--command", metavar="COMMAND", help="the shell command; by default an update")
    add("--serve", action="store_true", help="with systemd: a service that runs serve, in place of updates")
    add("--socket", action="store_true", help="with systemd: the same, started by a socket of systemd")
    add("--root", metavar="DIRECTORY", help="install below this directory, as for an image, and start nothing")
    what = made.add_mutually_exclusive_group()
    what.add_argument("--packages", metavar="NAMES", action="append",
                      help="names or patterns of the projects to mirror (repeatable)")
    what.add_argument("--all", action="store_true", help="mirror all projects")
    add("--pins", metavar="FILE", action="append", help="mirror what this file or URL pins (repeatable)")
    add("--pythons", metavar="VERSIONS",
        help="the Pythons to mirror wheels for, or to examine, such as '3.11 3.12'; for doctor, by default those of the mirror")
    add("--platforms", metavar="TAGS",
        help="the platforms to examine, such as manylinux_2_28_x86_64; by default those of the mirror")
    add("--at", metavar="DATE", help="with create: only files that were uploaded before this date or time (ISO 8601)")
    add("--as", metavar="NAME", dest="promote_as", help="with promote: the name that clients use (production)")
    add("--url", metavar="URL", help="examine the mirror at this URL, as its clients see it; needs no CONFIG")
    add("--prove", action="store_true", help="install into an empty home, with no way to any other host than the mirror")
    add("--python", metavar="PROGRAM", help="with --prove: the Python to install for; by default the one that runs this")
    add("--mirror", metavar="PLACE", help="the directory or s3://bucket/prefix of the mirror")
    add("--version", action="version", version=f"z3c.recipe.pypimirror {__version__}")
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    return made


def main(config: str | None = None, argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    config: the configuration file that is built into the script, or None. argv: the arguments; by default those of the process.
    """
    is_alone = argv is None  # in a process of this program alone
    if is_alone:
        gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        with safe_output():
            return _main(config, argv)
    finally:
        if is_alone:
            gc.freeze()  # otherwise the interpreter searches all objects for garbage, several times, before it ends


def _main(config: str | None, argv: Sequence[str] | None) -> int:
    for argument in (*([] if config is None else [config]), *(sys.argv[1:] if argv is None else argv)):
        if not _is_text(argument):
            print(f"pypimirror: argument {shown(argument)!r}: not UTF-8", file=sys.stderr)
            return ConfigurationError.status
    return _run(*_parse(config, argv))


def _parse(config: str | None, argv: Sequence[str] | None) -> tuple[str, str, argparse.Namespace]:
    """Return the configuration file, the name of the verb, and its arguments. Exits with 2 and the usage if they are wrong."""
    builtin = config is not None
    reader = parser(builtin)
    arguments = reader.parse_intermixed_args(argv)
    words = list(arguments.words)
    if arguments.help or words[:1] == ["help"]:
        if words[:1] == ["help"] and len(words) > 1 and words[1] not in VERBS:
            reader.error(f"unknown verb {words[1]!r}{_nearest(words[1])}")
        _help(reader, builtin, words if arguments.help else words[1:])
    if config is None:
        config = _config(reader, words, arguments)
    name = words.pop(0) if words else _implied(arguments)
    if name is None:
        reader.error("a verb or one of -I, -U and -i is needed")
    if name not in VERBS:
        hint = f"; this script uses {config}, leave {name!r} out" if builtin and os.path.exists(name) else _nearest(name)
        reader.error(f"unknown verb {name!r}{hint}")
    if name == "sync" and arguments.dry_run:
        name = "plan"
        arguments.dry_run = arguments.yes = False
    arguments.words = words
    _check(reader, name, arguments)
    arguments.builtin, arguments.verb = builtin, name
    return config, name, arguments


def _help(reader: argparse.ArgumentParser, builtin: bool, words: list[str]) -> NoReturn:
    """Print the help of the first verb among the words, or that of the command line, and exit."""
    name = next((word for word in words[:2] if word in VERBS), None)
    if name is None:
        reader.print_help()
    else:
        from .verb_help import verb_help  # not loaded without --help

        print(verb_help(name, VERBS[name], unlabelled(builtin), builtin), end="")
    reader.exit()


def _nearest(word: str, known: Iterable[str] = VERBS) -> str:
    from .settings.reader import nearest

    return nearest(word, known)


def _config(reader: argparse.ArgumentParser, words: list[str], arguments: argparse.Namespace) -> str:
    """Take CONFIG from the words and return it; an empty text for a verb that needs none. Exits with 2 if it is missing."""
    if not words:
        reader.error(f"CONFIG is missing, the configuration file: {reader.prog} CONFIG VERB; {reader.prog} help lists the "
                     f"verbs, {reader.prog} init writes a configuration")
    verb = VERBS.get(words[0])
    if verb is not None and (not verb.configured or (verb.unconfigured and getattr(arguments, verb.unconfigured))):
        return ""
    if verb is not None and not os.path.exists(words[0]):
        reader.error(f"CONFIG is missing, the configuration file: {reader.prog} CONFIG {words[0]}")
    if len(words) > 1 and words[1] in VERBS and not VERBS[words[1]].configured:
        reader.error(f"{words[1]} takes no CONFIG: {' '.join((reader.prog, *words[1:]))}")
    return words.pop(0)


def _implied(arguments: argparse.Namespace) -> str | None:
    """Return the verb that the options imply, or None."""
    if arguments.initial_fetch or arguments.update_fetch or arguments.indexes_only:
        return "sync"
    return "config" if arguments.example else None


def _check(reader: argparse.ArgumentParser, name: str, arguments: argparse.Namespace) -> None:
    """Exit with 2 and the usage if the verb does not take an argument or option."""
    verb = VERBS[name]
    if arguments.words and not verb.words:
        reader.error(f"{name} takes no {arguments.words[0]!r}")
    given = {key for key, value in vars(arguments).items() if value != reader.get_default(key) and value is not None}
    for option in sorted(given - verb.options - _COMMON):
        reader.error(f"--{option.removeprefix('promote_').replace('_', '-')} is not an option of {name}")


def _run(config: str, name: str, arguments: argparse.Namespace) -> int:
    """Run a verb; return the exit status, also for exceptions."""
    try:
        with results_alone() if arguments.json or arguments.format not in (None, "table") else nullcontext():
            status: int = import_module(f".commands.{VERBS[name].module}", __package__).run(config, arguments)
        return status
    except MirrorError as error:
        if not (arguments.quiet and isinstance(error, Locked)):
            print(f"pypimirror: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("pypimirror: interrupted; the next run continues", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whatever reads the output has closed it, as ``| head`` does
        return 1
    except BaseException as error:
        from .tracebacks import describe

        print(f"pypimirror: {name} failed: {describe(error)}", file=sys.stderr)
        return 1


def _is_text(argument: str) -> bool:
    """Return whether an argument is UTF-8. Other bytes are surrogates (PEP 383), which can't be written or printed."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
