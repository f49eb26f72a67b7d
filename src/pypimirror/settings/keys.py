"""The keys of the configuration: name, converter, default and help.

``config --example``, the reference in the documentation and the recipe's options are generated from this table.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from zope.interface import Interface, implementer

from ..metadata.filenames import KINDS as DISTRIBUTIONS
from ..names import SUFFIXES
from . import converters, decisions, exemptions, quantities


class ISetting(Interface):
    """A key that a plugin declares, registered as a utility with the key's name."""


@implementer(ISetting)
class Key(NamedTuple):
    """One key of the configuration file."""

    name: str
    kind: Callable[[str, str], Any]
    #: The text that stands for a missing key, as in a configuration file.
    default: str
    #: One or two sentences.
    help: str
    #: The heading in the example and in the reference.
    group: str
    #: The parts of the tree that depend on it: ``files`` for the selection, ``pages`` for their content, both separated by a
    #: blank, or an empty text.
    affects: str = ""
    #: Whether the key must be set.
    required: bool = False


KEYS = (
    Key("mirror_file_path", converters.path, "",
        "The place of the mirror: a directory, or s3://bucket/prefix in an object store. It is created if it does not exist; "
        "an existing one must be empty or a mirror.", "Place", required=True),
    Key("relative_to", converters.path, "",
        "The folder that relative paths in this configuration start from, by default that of the configuration file; in a "
        "buildout, the buildout's directory.", "Place"),
    Key("base_url", converters.public_address, "",
        "The URL at which clients reach the mirror.", "Place", "pages"),
    Key("lock_file_name", converters.text, ".pypimirror/lock",
        "The lock file of runs. A relative path starts at the mirror, or at state_path for a mirror in an object store.",
        "Place"),
    Key("state_path", converters.path, "",
        "The directory of the mirror's database, which must be on a local disk; by default .pypimirror in the mirror. "
        "Required for a mirror in an object store; lock and log are then there, too.", "Place"),
    Key("folder_keys", converters.boolean, "True",
        "In an object store: whether each index.html is also stored under the key of its folder, with a slash at the end, for "
        "web fronts that do not support index documents.", "Place"),
    Key("folder_key_format", converters.choice("html", "json"), "html",
        "In an object store: the page under the key of a folder. json has upload times without a web front; "
        "pip, uv, Poetry and PDM read it, zc.buildout does not.", "Place"),
    Key("index_url", converters.paths, "",
        "The URL of the Simple API to mirror, by default PyPI; or a directory with an index or with distribution files. "
        "Several are used in order of precedence: a project is taken only from the first index that has it.", "Upstream"),
    Key("local_packages", converters.path, "",
        "A directory of the site's local distributions. They are mirrored regardless of package_matches, and their projects "
        "are never looked up elsewhere.", "Upstream", "files"),
    Key("fetch_since_days", converters.integer, "0",
        "For an upstream without serials: how many days an update looks back, 0 for no limit. "
        "Older changes are found by an initial fetch.",
        "Upstream"),
    Key("external_links", converters.boolean, "False",
        "Whether to fetch files from links to other hosts that have no hash on upstream's page.",
        "Upstream", "files"),
    Key("follow_external_index_pages", converters.boolean, "False",
        "With external_links: whether pages at such links are searched for files of the project; the newest 20 are taken.",
        "Upstream", "files"),
    Key("package_matches", converters.words, "",
        "Projects to mirror: shell globs on normalised names. A name without wildcards is one project; * is every project.",
        "Selection", "files"),
    Key("package_excludes", converters.words, "",
        "Projects to leave out even if they are matched or pinned: globs like package_matches.", "Selection", "files"),
    Key("filename_matches", converters.words, " ".join(f"*{suffix}" for suffix in SUFFIXES),
        "Files to mirror: shell globs on file names. By default every distribution format.", "Selection", "files"),
    Key("filename_excludes", converters.words, "",
        "Files to leave out: globs that take precedence over filename_matches.", "Selection", "files"),
    Key("versions", converters.paths, "",
        "versions.cfg files or URLs. The releases pinned in them and in the files that they extend are mirrored.",
        "Pins", "files"),
    Key("requirements", converters.paths, "",
        "Requirements, constraints or lock files (pylock.toml, and those of uv, Poetry, PDM and Pipenv) or URLs. The releases "
        "pinned in them are mirrored.", "Pins", "files"),
    Key("dependencies", converters.boolean, "False",
        "Whether to mirror the run-time requirements of the selected releases, recursively: the newest release that fits and "
        "that no filter for safety, such as min_age, holds back.",
        "Pins", "files"),
    Key("build_requirements", converters.boolean, "True",
        "Whether to mirror the build requirements of the sdists among pins and dependencies, recursively, as for "
        "dependencies.",
        "Pins", "files"),
    Key("ignore_build_problems", converters.words, "",
        "Projects whose unknown requirements or build requirements, such as of a broken pyproject.toml, are no failure of a "
        "run: globs like package_matches.", "Pins", "files"),
    Key("retain_days", converters.integer, "90",
        "How many days a release stays listed after a pin moved away from it.", "Pins", "files"),
    Key("extends_cache", converters.path, "",
        "A directory for copies of the pin files, in the layout of zc.buildout's extends-cache.", "Pins"),
    Key("specifiers", converters.specifiers, "",
        "Versions to mirror of matched projects, one line each: Plone >=6.0,<7. Several lines for one project are combined.",
        "Selection", "files"),
    Key("latest_releases", converters.integer, "0",
        "How many of the newest releases of each project to mirror, 0 for all. Prereleases and yanked releases do not count.",
        "Selection", "files"),
    Key("prereleases", converters.boolean, "True",
        "Whether to mirror alpha, beta, candidate and development releases.", "Selection", "files"),
    Key("package_types", converters.package_types, "",
        f"Kinds of distributions to mirror, of {' '.join(DISTRIBUTIONS)}; all by default.", "Selection", "files"),
    Key("python_versions", converters.python_versions, "",
        "Versions of Python, such as 3.11 3.12; wheels that none of them can install are left out. Sdists are kept.",
        "Selection", "files"),
    Key("platforms", converters.platforms, "",
        "Platform tags as in the names of wheels, such as manylinux_2_28_x86_64 win_amd64; wheels that none of them can "
        "install are left out. A tag includes its older generations. Sdists are kept.", "Selection", "files"),
    Key("max_file_size", quantities.size, "",
        "Files larger than this are left out: 500M, 1G.", "Selection", "files"),
    Key("sdists", converters.choice("all", "fallback", "none"), "all",
        "Which sdists to mirror. fallback: those of releases without a wheel for each of python_versions and platforms. "
        "Without these, only wheels for all of them (py3-none-any) count.", "Selection", "files"),
    Key("min_age", quantities.duration, "0",
        "Delay before new uploads are mirrored: days, 7d or P7D. See min_age_unknown for files without upload time.",
        "Selection", "files"),
    Key("min_age_unknown", converters.choice("old", "hold"), "old",
        "How min_age treats files without upload time: old lets them in; hold counts from the time when this mirror first saw "
        "them. In both cases sync and status report them.", "Selection", "files"),
    Key("min_age_exempt", exemptions.exemptions, "",
        "Projects or releases that min_age does not hold back: globs like package_matches, or name==version. A line may end in "
        "until DATE and because REASON.", "Selection", "files"),
    Key("min_age_fixes", quantities.duration, "1d",
        "The shorter min_age of a release that an advisory names as the fix of a vulnerability.", "Selection", "files"),
    Key("uploaded_before", quantities.moment, "",
        "Mirror only files that were uploaded before this ISO date or time, by default in UTC: 2025-01-31. "
        "A file without upload time counts as old.", "Selection", "files"),
    Key("yanked", converters.choice("keep", "hide"), "keep",
        "How to treat yanked files: keep marks them, hide leaves them out unless they are pinned.", "Selection", "files"),
    Key("metadata_matches", converters.fields, "",
        "Releases to mirror by their core metadata, one line each: Classifier: Framework :: Plone*. Any line may match.",
        "Selection", "files"),
    Key("metadata_excludes", converters.fields, "",
        "Releases to leave out by their core metadata: lines like metadata_matches.", "Selection", "files"),
    Key("filters", converters.words, "",
        "Names of the file filters to use, in order; by default all registered ones.", "Selection", "files"),
    Key("advisories", converters.advisories, "",
        "Advisories in the OSV format: URLs or paths of zip archives, such as the one about PyPI of the OSV project, or "
        "directories of JSON files; bundle for those that import brings.", "Advisories", "files pages"),
    Key("advisories_max_age", quantities.duration, "7d",
        "A run reports an archive of advisories without any of the last days: it is no longer brought up to date. 0 for "
        "no limit.", "Advisories"),
    Key("malicious", converters.choice("remove", "report"), "remove",
        "How to treat releases that an advisory calls malicious (MAL-...): remove takes them out in the same run, also pinned "
        "ones.", "Advisories", "files"),
    Key("vulnerable", converters.choice("report", "mark", "hide"), "report",
        "How to treat releases with vulnerabilities of at least vulnerable_severity: report names them, mark also marks them "
        "as yanked, hide leaves them out unless they are pinned.", "Advisories", "files pages"),
    Key("vulnerable_severity", converters.choice("low", "medium", "high", "critical"), "high",
        "The severity from which vulnerable counts. An unknown severity counts as high enough.", "Advisories", "files pages"),
    Key("decisions", decisions.convert, "",
        "A TOML file with decisions about releases: allow, deny and waive, each with a reason. The verbs allow, deny and waive "
        "write it.",
        "Advisories", "files pages"),
    Key("decision_log", converters.path, "",
        "A file of JSON lines, to which each run appends what it let in, held back and took out, and by which rule.",
        "Advisories"),
    Key("publishers", converters.choice("report", "hold", "ignore"), "report",
        "How to treat a new release whose provenance (PEP 740) names other publishers than the release before it, or that has "
        "none any more: report names it; hold also leaves it out, unless it is pinned, until it is allowed.", "Advisories",
        "files"),
    Key("trusted_publishers", converters.patterns_by_project, "",
        "Publishers whose releases are neither held back nor reported, one line each: a glob of projects, a colon and a glob "
        "of publishers as a sync names them, or none: demo: GitHub example/demo *.", "Advisories", "files"),
    Key("trusted_root", converters.path, "",
        "Sigstore's trusted root, a JSON file: with it, the attestations (PEP 740) of each new file are verified, without a "
        "request, and a file whose attestations are not valid is refused. Needs the extra attestations.", "Advisories"),
    Key("replaced", converters.choice("take", "refuse"), "take",
        "How to treat a file that upstream has replaced by another one with the same name: take fetches it; refuse keeps the "
        "mirror's own, puts the new one into the trash for examination, and each run reports it.", "Selection", "files"),
    Key("cleanup", converters.boolean, "True",
        "Whether files and projects that upstream removed are removed here, too: from the pages at once, and to the trash. "
        "If False, they stay listed.",
        "Selection", "files"),
    Key("create_indexes", converters.boolean, "True",
        "Whether to write index pages.", "Index", "pages"),
    Key("index_formats", converters.words, "html json full",
        "Names of the index writers. full, one page of all files, is written up to 50,000 files unless this key names it. "
        "Also: browse, pages for people; legacy-json, PyPI's older JSON.",
        "Index", "pages"),
    Key("legacy_names", converters.boolean, "True",
        "Whether a project has a second page under its name as registered, for clients that do not normalise names.",
        "Index", "pages"),
    Key("fetcher", converters.text, "",
        "Name of the component that fetches by HTTP: pycurl, which needs the extra fast, requests, or a plugin's. By default "
        "pycurl where it is installed, else requests.",
        "Work"),
    Key("engine", converters.text, "threads",
        "Name of the component that runs the work: threads, processes, dask, or a plugin's.", "Work"),
    Key("scheduler", converters.scheduler, "",
        "The address of the scheduler of a Dask cluster for engine = dask: tcp://host:8786, or tls://.", "Work"),
    Key("zcml", converters.zcml, "",
        "Plugins to use: packages, my.package or my.package:policy.zcml, or paths of .zcml files. Plugins with an entry point "
        "are always used and need not be named.", "Work"),
    Key("workers", converters.positive, "50",
        "The maximum number of concurrent requests for files and pages; the nearer upstream is, the fewer are useful.", "Work"),
    Key("timeout", converters.positive, "30",
        "Seconds to wait for a connection and for the next bytes.", "Work"),
    Key("retries", converters.integer, "5",
        "The number of retries after a transient failure.", "Work"),
    Key("ca_bundle", converters.path, "",
        "A PEM file with the certificates of the trusted authorities; by default those of the package requests. TLS is always "
        "verified.", "Work"),
    Key("client_cert", converters.certificate, "",
        "A client certificate in PEM for upstreams that request one: one file with its key, or two files, certificate and "
        "key.", "Work"),
    Key("proxy", converters.web_address, "",
        "The URL of a proxy for http and https; by default http_proxy, https_proxy and no_proxy of the environment are used.",
        "Work"),
    Key("trash_days", converters.integer, "30",
        "How many days removed files are kept in the trash.", "Safety"),
    Key("max_deletions", quantities.share, "10%",
        "A run in which upstream or the filter of a plugin would remove more of the mirrored projects or files removes nothing "
        "and ends with 4, unless --allow-deletions is given.", "Safety"),
    Key("confirm_above", quantities.fetch_limit, "10G 5000 projects",
        "A larger first fetch needs a confirmation: sync asks on a terminal, and elsewhere ends with 2 before it fetches "
        "more than that, unless --yes is given. never turns this off; 0 asks always.", "Safety"),
    Key("min_free", quantities.size, "1G",
        "The space to keep free on the mirror's disk; a run stops before it uses more.", "Safety"),
    Key("allowed_signers", converters.path, "",
        "The file of the keys that may sign bundles, in the format of ssh-keygen's allowed signers. With it, import refuses "
        "a bundle that none of them has signed.", "Safety"),
    Key("tls_certificate", converters.path, "",
        "For the web server's site with an https base_url: the file of the certificate with its chain; by default that of "
        "Let's Encrypt.", "Web"),
    Key("tls_key", converters.path, "",
        "The private key of that certificate.", "Web"),
    Key("acme_directory", converters.path, "",
        "The directory in which an ACME client such as certbot places challenges; sites with TLS answer them at port 80. By "
        "default /var/www/acme.", "Web"),
    Key("cross_origin", converters.boolean, "False",
        "Whether serve and the web server's site let web pages of any origin read the index (CORS), as micropip in a browser "
        "does. Such a page, wherever it is from, can read what the browser's user can reach.", "Web"),
    Key("verbose", converters.boolean, "False",
        "Whether to log every file.", "Log"),
    Key("log_filename", converters.path, "",
        "The log file; by default .pypimirror/pypimirror.log in the mirror.", "Log"),
    Key("report_filename", converters.path, "",
        "The file of a JSON report of each sync: changes and failures, with reasons and times. Only its owner can read a new "
        "file; an existing one keeps its permissions.", "Log"),
    Key("metrics_filename", converters.path, "",
        "A text file with the figures of each sync for Prometheus.", "Log"),
)
