"""The verbs of the command line: their modules, arguments and options."""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """One verb: the module with its ``run(config, arguments)``, its positional arguments and options."""

    module: str
    help: str
    words: str = ""
    options: frozenset[str] = frozenset()
    #: Whether it reads a configuration file, so that CONFIG is needed.
    configured: bool = True
    #: The option with which it needs no configuration file.
    unconfigured: str = ""


_SYNC = frozenset({"allow_deletions", "dry_run", "fetch_since_days", "follow_external_index_pages",
                   "follow_external_links", "indexes_only", "initial_fetch", "log_console", "log_filename",
                   "report", "update_fetch", "verbose", "yes"})
_LOG = frozenset({"log_console", "log_filename", "verbose"})
_DECISION = frozenset({"by", "dry_run", "files", "json", "until", "why"})
VERBS = {
    "sync": Verb("sync", "update the mirror to upstream and the configuration (NAME: these projects only)",
                 "[NAME ...]", _SYNC),
    "verify": Verb("verify", "check every file against its hash, every page, stray files; --repair repairs them",
                   options=frozenset({"repair"}) | _LOG),
    "trash": Verb("trash", "list, restore or delete removed files", "list | restore NAME | empty",
                  frozenset({"json", "force"}) | _LOG),
    "status": Verb("status", "show runs under way and past, projects, files, bytes, free space, errors",
                   options=frozenset({"json", "max_age", "access_log"})),
    "adopt": Verb("adopt", "take intact files from an older mirror's tree instead of fetching them", "DIRECTORY",
                  frozenset({"verbose", "log_filename", "log_console"})),
    "plan": Verb("plan", "show what sync would fetch, remove and rewrite, and why; changes nothing",
                 "[NAME ...]", _SYNC - {"indexes_only", "dry_run", "report", "yes"} | {"files", "json"}),
    "audit": Verb("audit", "show known vulnerabilities of the mirror or of pin files, and their fixes; sends no requests",
                  "[FILE ...]", frozenset({"json", "format", "severity"})),
    "sbom": Verb("sbom", "print a bill of materials (SBOM) of the mirror or of pin files, or their licences; sends no requests",
                 "[FILE ...]", frozenset({"advisories", "extract", "format", "json", "licenses", "output", "pinned"})),
    "allow": Verb("decide", "write a decision: let a project or release in, although it is new or vulnerable",
                  "[NAME[==VERSION] ...]", _DECISION | {"missed", "access_log"}),
    "deny": Verb("decide", "write a decision: keep a project or release out, also a pinned one", "[NAME[==VERSION] ...]",
                 _DECISION),
    "waive": Verb("decide", "write a decision: an advisory does not count", "ADVISORY [NAME[==VERSION]]", _DECISION),
    "who": Verb("who", "show the hosts that fetched a project or release, from access logs", "NAME[==VERSION]",
                frozenset({"access_log", "json"})),
    "export": Verb("export_bundle", "write a bundle of this mirror, or of its changes, for a site without a network",
                   "DIRECTORY", frozenset({"since", "full", "against", "split", "sign", "tree"}) | _LOG),
    "import": Verb("import_bundle", "bring this mirror to what a bundle contains", "DIRECTORY",
                   frozenset({"allow_deletions"}) | _LOG),
    "webserver": Verb("webserver", "print a complete site configuration for this mirror: apache, caddy, nginx, or a plugin's",
                      "NAME", frozenset({"before_certificate"})),
    "client": Verb("client", "print a client's configuration for this mirror: pip, uv, buildout, poetry, pdm, pixi, "
                   "conda-lock, or one of a plugin", "NAME", frozenset({"lock"})),
    "serve": Verb("serve", "run an index server, by default on loopback", options=frozenset({"host", "port", "monitoring"})),
    "config": Verb("config", "show the effective settings and components; --example prints a commented file",
                   options=frozenset({"example"}), unconfigured="example"),
    "doctor": Verb("doctor", "report whether a deployment installs from this mirror alone: a buildout file, requirements, a "
                   "lock file or a project's folder; by default the mirror's pins", "[FILE or URL]",
                   frozenset({"json", "url", "prove", "pythons", "platforms", "python"}), unconfigured="url"),
    "snapshot": Verb("snapshot", "keep the index as it is, or as it was at a moment, at its own URL; show it to "
                     "production by name",
                     "create | list | diff | promote | delete [NAME ...]",
                     frozenset({"json", "at", "promote_as", "log_filename", "log_console", "verbose"})),
    "job": Verb("job", "print, install or remove the job that updates the mirror, and units that serve it",
                "cron | systemd | remove",
                frozenset({"install", "times", "user", "command", "serve", "socket", "host", "port", "root"})),
    "init": Verb("init", "write a short configuration file; asks what to mirror, for which Pythons, where", "[DIRECTORY]",
                 frozenset({"packages", "pins", "all", "pythons", "mirror"}), configured=False),
    "from-bandersnatch": Verb("from_bandersnatch", "print a configuration made from one of bandersnatch, with notes", "FILE",
                              configured=False),
    "help": Verb("help", "show the options and examples of a verb", "[VERB]", configured=False),
    "plugin": Verb("plugin", "create the package of a plugin in the current folder; needs no CONFIG", "new NAME",
                   configured=False),
}
