"""The help of one verb: its options and examples.

The man page and the completions of shells are made from the same declarations.
"""

from __future__ import annotations

import argparse
import copy
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .verbs import Verb


class Example(NamedTuple):
    """A command line without program and configuration file, and what it does."""

    arguments: str
    text: str


EXAMPLES = {
    "sync": (Example("sync", "update the mirror; the first time, fill it"),
             Example("sync zope.interface --report last.json", "look at one project again, with a JSON report")),
    "verify": (Example("verify", "print every fault; nothing is changed"),
               Example("verify --repair", "fetch missing and damaged files again, and rewrite pages")),
    "trash": (Example("trash list --json", "list removed files as JSON"),
              Example("trash restore demo-1.0.tar.gz", "bring a removed file back onto its page")),
    "status": (Example("status", "show the run under way, the last one, and the size of the mirror"),
               Example("status -q --max-age 24", "for monitoring: end with 1 if the last good run is older than a day")),
    "adopt": (Example("adopt /srv/old-mirror", "take over the files of an older mirror"),
              Example("adopt /srv/pypi -v", "adopt the mirror's own directory in place, and log every file")),
    "plan": (Example("plan", "show what the next sync would fetch, remove and leave out"),
             Example("plan --files zope.interface", "the same for one project, with each file that is left out")),
    "audit": (Example("audit", "show the vulnerable releases of the mirror, and where their fixes are"),
              Example("audit requirements.txt --severity high --format sarif", "check pins; end with 1 from high on")),
    "sbom": (Example("sbom --output mirror.cdx.json", "write a bill of materials of the mirror, in CycloneDX"),
             Example("sbom requirements.txt --licenses", "show the licences of pinned releases")),
    "allow": (Example("allow demo==3.2 --why 'fix, reviewed' --until 2026-12-31", "let a release in at once"),
              Example("allow --missed --dry-run", "show what mirroring the missing names would fetch")),
    "deny": (Example("deny 'demo<2' --why 'insecure defaults'", "keep old releases out"),
             Example("deny demo --why 'not maintained' --dry-run", "show what would be removed")),
    "waive": (Example("waive PYSEC-2026-1 demo --why 'feature not used'", "an advisory does not count for a project"),
              Example("waive MAL-2026-7 --why 'false positive, checked'", "let a release in that was called malicious")),
    "who": (Example("who demo==2.0 --access-log /var/log/nginx/access.log", "show the hosts that fetched a release"),
            Example("who demo --access-log access.log --access-log access.log.1.gz --json", "of all releases, as JSON")),
    "export": (Example("export /media/stick/first --full", "write everything into a directory, in parts of at most 4 GB"),
               Example("export /media/stick/may --sign ~/.ssh/id_ed25519", "write the changes since the last export, signed")),
    "import": (Example("import /media/stick/may", "check a bundle, then publish it"),
               Example("import /media/stick/may --allow-deletions", "the same, after it ended with 4 and you have read why")),
    "webserver": (Example("webserver nginx", "print a site for nginx"),
                  Example("webserver apache --before-certificate", "print the one with which certbot gets the certificate")),
    "client": (Example("client pip", "print a pip.conf"),
               Example("client uv --lock uv.lock", "print a uv.lock with the files of the mirror")),
    "serve": (Example("serve", "serve the mirror at http://127.0.0.1:8080/"),
              Example("serve --host 0.0.0.0 --port 80 --monitoring", "serve it to other machines, with /healthz and /metrics")),
    "config": (Example("config", "show every setting and component, each with where it is set"),
               Example("config --example", "print a configuration file that explains every key")),
    "doctor": (Example("doctor buildout.cfg", "report what would keep a buildout from installing from this mirror alone"),
               Example("doctor requirements.txt --prove", "also install it, with no way to any other host")),
    "snapshot": (Example("snapshot create tested-1", "keep the index as it is now, at /snapshots/tested-1/simple/"),
                 Example("snapshot promote tested-1", "show it at /snapshots/production/simple/")),
    "job": (Example("job cron --install user", "update the mirror every six hours, by your crontab"),
            Example("job systemd --times '17 3 * * *' --install system", "update it at night, by a timer of the system")),
    "init": (Example("init", "ask three questions and write pypimirror.cfg"),
             Example("init mirrors --packages 'requests zope.*' --pythons 3.12", "write mirrors/pypimirror.cfg, unasked")),
    "from-bandersnatch": (
        Example("from-bandersnatch /etc/bandersnatch.conf > pypimirror.cfg", "convert it; notes are at the end of the file"),
        Example("from-bandersnatch -q mirror.conf", "print it on the terminal, without the number of notes")),
    "help": (Example("help", "show all verbs and options"), Example("help sync", "show the options and examples of sync")),
    "plugin": (Example("plugin new our_policy", "create the package of a plugin in the folder our_policy"),
               Example("plugin new project_list", "create one that mirrors the projects of a list")),
}
_CONFIG = "pypimirror.cfg"
_ALWAYS = frozenset({"quiet", "help"})


def options(verb: Verb, parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the options that a verb takes, in the order of the parser."""
    return [action for action in parser._actions if action.option_strings and action.dest in verb.options | _ALWAYS]


def command(example: Example, verb: Verb, program: str, builtin: bool) -> str:
    """Return the whole command line of an example."""
    needs_config = verb.configured and not builtin and example.arguments != "config --example"
    return " ".join([program, *([_CONFIG] if needs_config else []), example.arguments])


def usage(name: str, verb: Verb, builtin: bool) -> str:
    """Return the usage of a verb without the program."""
    return " ".join(filter(None, ["CONFIG" if verb.configured and not builtin else "", name, verb.words, "[OPTIONS]"]))


def verb_help(name: str, verb: Verb, parser: argparse.ArgumentParser, builtin: bool) -> str:
    """Return the help of a verb. parser: with all options."""
    lines = [f"  {command(example, verb, parser.prog, builtin)}\n      {example.text}" for example in EXAMPLES[name]]
    made = argparse.ArgumentParser(
        prog=parser.prog, usage=f"%(prog)s {usage(name, verb, builtin)}", add_help=False,
        description=f"{verb.help[0].upper()}{verb.help[1:]}.",
        epilog="examples:\n" + "\n".join(lines), formatter_class=argparse.RawDescriptionHelpFormatter)
    for action in options(verb, parser):
        made._add_action(copy.copy(action))
    return made.format_help()
