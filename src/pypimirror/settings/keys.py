"""The keys of the configuration: name, kind, default and what each is for.

``config --example``, the options reference and the recipe are made from this table; a key is described here and nowhere else.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from zope.interface import Interface, implementer

from ..metadata.filenames import KINDS as DISTRIBUTIONS
from ..names import SUFFIXES
from . import converters


class ISetting(Interface):
    """A Key that a plugin declares: a utility, named like the key."""


@implementer(ISetting)
class Key(NamedTuple):
    """One key that a configuration file may hold."""

    name: str
    kind: Callable[[str, str], Any]
    #: As a file would say it; an empty text for none.
    default: str
    #: One or two sentences for people.
    help: str
    #: The heading it stands under in the example and in the reference.
    group: str
    #: What changes in the tree when it changes: ``files`` that are selected, ``pages`` as they are written, or nothing.
    affects: str = ""
    #: Whether a configuration without it is refused.
    required: bool = False


KEYS = (
    Key("mirror_file_path", converters.path, "",
        "Where the mirror goes: a directory, or s3://bucket/prefix in an object store. Made if it is not there; must be empty "
        "or a mirror otherwise.", "Place", required=True),
    Key("base_url", converters.public_address, "",
        "The address that clients reach the mirror by.", "Place", "pages"),
    Key("lock_file_name", converters.text, ".pypimirror/lock",
        "Held for the whole run. A relative path starts at the mirror; at state_path where the mirror is in an object store.",
        "Place"),
    Key("state_path", converters.path, "",
        "Where the mirror's database lies, .pypimirror in the mirror unless given. Must be on a local disk. "
        "Has to be given for a mirror in an object store; lock and log lie there, too, then.", "Place"),
    Key("folder_keys", converters.boolean, "True",
        "In an object store: whether each index.html lies also under the key of its folder, which ends in a slash, for web "
        "fronts that resolve no index document.", "Place"),
    Key("index_url", converters.paths, "",
        "The Simple API root to mirror; PyPI unless given. Also a directory: an index, or a heap of distributions. "
        "Several in order of precedence: a project that an earlier one has is taken from there alone.", "Upstream"),
    Key("local_packages", converters.path, "",
        "A directory of the site's own distributions. They are mirrored whatever package_matches says, and their projects "
        "are never looked up elsewhere.", "Upstream", "files"),
    Key("fetch_since_days", converters.integer, "0",
        "For an upstream without serials: how many days an update looks back, 0 for all. "
        "What is older waits for an initial fetch.",
        "Upstream"),
    Key("external_links", converters.boolean, "False",
        "Whether to fetch what links to other hosts lead to, where upstream's index gives them without a hash.",
        "Upstream", "files"),
    Key("follow_external_index_pages", converters.boolean, "False",
        "With external_links: whether pages behind such links are searched for files of the project; the newest 20 are taken.",
        "Upstream", "files"),
    Key("package_matches", converters.words, "",
        "Projects to mirror: shell globs on normalised names. A name without wildcards is one project; * is every project.",
        "Selection", "files"),
    Key("package_excludes", converters.words, "",
        "Projects left out whatever else asks for them: globs like package_matches.", "Selection", "files"),
    Key("filename_matches", converters.words, " ".join(f"*{suffix}" for suffix in SUFFIXES),
        "Files to mirror: shell globs on file names. Every distribution format unless given.", "Selection", "files"),
    Key("filename_excludes", converters.words, "",
        "Files left out: globs that win over filename_matches.", "Selection", "files"),
    Key("versions", converters.paths, "",
        "versions.cfg files or URLs: what they and the files that they extend pin is mirrored, in its pinned versions.",
        "Pins", "files"),
    Key("requirements", converters.paths, "",
        "Requirements, constraints or pylock.toml files or URLs: likewise.", "Pins", "files"),
    Key("dependencies", converters.boolean, "False",
        "Whether what the selected releases require at run time is mirrored, too, to the end: the newest release that fits.",
        "Pins", "files"),
    Key("build_requirements", converters.boolean, "True",
        "Whether what the sdists among pins and dependencies need to be built is mirrored, too, to the end.",
        "Pins", "files"),
    Key("ignore_build_problems", converters.words, "",
        "Projects whose releases may leave open what they require or what builds them, such as with a broken pyproject.toml, "
        "without a run failing for it: globs like package_matches.", "Pins", "files"),
    Key("retain_days", converters.integer, "90",
        "How many days a release stays listed after a pin moved away from it.", "Pins", "files"),
    Key("extends_cache", converters.path, "",
        "A directory in which the pin files are kept the way zc.buildout's extends-cache does.", "Pins"),
    Key("specifiers", converters.specifiers, "",
        "Versions to mirror of matched projects, a line each: Plone >=6.0,<7. Several lines for one project add up.",
        "Selection", "files"),
    Key("latest_releases", converters.integer, "0",
        "How many of the newest releases of each project to mirror, 0 for all. Prereleases and yanked releases do not count.",
        "Selection", "files"),
    Key("prereleases", converters.boolean, "True",
        "Whether to mirror alpha, beta, candidate and development releases.", "Selection", "files"),
    Key("package_types", converters.package_types, "",
        f"Kinds of distributions to mirror, of {' '.join(DISTRIBUTIONS)}; all unless given.", "Selection", "files"),
    Key("python_versions", converters.python_versions, "",
        "Versions of Python, such as 3.11 3.12; wheels that none of them can install are left out. Sdists stay.",
        "Selection", "files"),
    Key("platforms", converters.platforms, "",
        "Platform tags as in the names of wheels, such as manylinux_2_28_x86_64 win_amd64; wheels that none of them can "
        "install are left out. Older generations are understood. Sdists stay.", "Selection", "files"),
    Key("max_file_size", converters.size, "",
        "Files larger than this are left out: 500M, 1G.", "Selection", "files"),
    Key("min_age", converters.duration, "0",
        "How long new uploads are held back: days, 7d or P7D. See min_age_unknown for files without upload time.",
        "Selection", "files"),
    Key("min_age_unknown", converters.choice("old", "hold"), "old",
        "What min_age does with files whose upload time upstream does not give: old lets them in, hold counts from when this "
        "mirror first saw them. Either way each sync and status report them.", "Selection", "files"),
    Key("min_age_exempt", converters.words, "",
        "Projects that min_age does not hold back: globs like package_matches.", "Selection", "files"),
    Key("uploaded_before", converters.moment, "",
        "Mirror what was uploaded before this ISO date or time (UTC unless it says otherwise): 2025-01-31. "
        "A file without upload time counts as old.", "Selection", "files"),
    Key("yanked", converters.choice("keep", "hide"), "keep",
        "What to do about yanked files: keep marks them, hide leaves them out unless they are pinned.", "Selection", "files"),
    Key("metadata_matches", converters.fields, "",
        "Releases to mirror by their core metadata, a line each: Classifier: Framework :: Plone*. Any line may match.",
        "Selection", "files"),
    Key("metadata_excludes", converters.fields, "",
        "Releases left out by their core metadata: lines like metadata_matches.", "Selection", "files"),
    Key("filters", converters.words, "",
        "Names of the file filters to use, in order; all that are registered unless given.", "Selection", "files"),
    Key("cleanup", converters.boolean, "True",
        "Whether what upstream took away goes here, too: out of the pages at once, its files to the trash. "
        "Off, it stays listed.",
        "Selection", "files"),
    Key("create_indexes", converters.boolean, "True",
        "Whether to write pages at all.", "Index", "pages"),
    Key("index_formats", converters.words, "html json full",
        "Names of the index writers. full, one page of every file, is written up to 50,000 files unless this key names it.",
        "Index", "pages"),
    Key("legacy_names", converters.boolean, "True",
        "Whether a project has a second page under its name as registered, for clients that do not normalise names.",
        "Index", "pages"),
    Key("fetcher", converters.text, "requests",
        "Name of the component that gets things by HTTP: requests, or pycurl, which is faster and comes with the extra fast.",
        "Work"),
    Key("engine", converters.text, "threads",
        "Name of the component that runs the work: threads, processes, dask, or a plugin's.", "Work"),
    Key("scheduler", converters.scheduler, "",
        "The address of the scheduler of a Dask cluster for engine = dask: tcp://host:8786, or tls://.", "Work"),
    Key("zcml", converters.zcml, "",
        "Plugins to use: packages, my.package or my.package:policy.zcml, or paths of .zcml files. Those that register "
        "themselves when they are installed need not be named.", "Work"),
    Key("workers", converters.positive, "50",
        "How many requests for files and pages are under way at once, at most: the nearer upstream is, the fewer pay.", "Work"),
    Key("timeout", converters.positive, "30",
        "Seconds to wait for a connection and for the next bytes.", "Work"),
    Key("retries", converters.integer, "5",
        "How often to ask again after a failure that may pass.", "Work"),
    Key("ca_bundle", converters.path, "",
        "Certificates, in PEM, of the authorities that upstream's is checked against; those that requests comes with unless "
        "given. TLS is always verified.", "Work"),
    Key("client_cert", converters.certificate, "",
        "A certificate, in PEM, for upstreams that ask for one: one file with its key, or two files, certificate and "
        "key.", "Work"),
    Key("proxy", converters.web_address, "",
        "The URL of a proxy for http and https; what http_proxy, https_proxy and no_proxy in the environment say unless given.",
        "Work"),
    Key("trash_days", converters.integer, "30",
        "How many days removed files wait in the trash.", "Safety"),
    Key("max_deletions", converters.share, "10%",
        "A run in which upstream would remove more of the mirrored projects or files removes nothing and ends with 4, "
        "unless --allow-deletions is given.", "Safety"),
    Key("min_free", converters.size, "1G",
        "Space that is kept free where the mirror lies: a run stops before it takes more.", "Safety"),
    Key("tls_certificate", converters.path, "",
        "For the web server's site where base_url is https: the certificate with its chain; "
        "Let's Encrypt's unless given.", "Web"),
    Key("tls_key", converters.path, "",
        "The private key of that certificate.", "Web"),
    Key("verbose", converters.boolean, "False",
        "Whether the log tells of every file.", "Log"),
    Key("log_filename", converters.path, "",
        "The log; .pypimirror/pypimirror.log in the mirror unless given.", "Log"),
    Key("report_filename", converters.path, "",
        "A JSON report of each sync: what was done, which projects failed, why and since when. Only its owner can read a new "
        "one; a report that is there keeps its permissions.", "Log"),
    Key("metrics_filename", converters.path, "",
        "Figures of each sync as a text file for Prometheus.", "Log"),
)
