"""The keys of the configuration: name, kind, default and what each is for.

``config --example``, the options reference and the recipe are made from this table, so a key is described here and nowhere else.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from . import kinds
from ..names import SUFFIXES


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
    Key("mirror_file_path", kinds.path, "",
        "Where the mirror goes. Made if it is not there; must be empty or a mirror otherwise.", "Place", required=True),
    Key("base_url", kinds.web_address, "",
        "The address that clients reach the mirror by.", "Place", "pages"),
    Key("lock_file_name", kinds.text, ".pypimirror/lock",
        "Held for the whole run. A relative path starts at the mirror.", "Place"),
    Key("state_path", kinds.path, "",
        "Where the mirror's database lies, .pypimirror in the mirror unless given. Must be on a local disk.", "Place"),
    Key("index_url", kinds.words, "",
        "The Simple API root to mirror; PyPI unless given.", "Upstream"),
    Key("package_matches", kinds.words, "",
        "Projects to mirror: shell globs on normalised names. A name without wildcards is one project; * is every project.",
        "Selection", "files"),
    Key("package_excludes", kinds.words, "",
        "Projects left out whatever else asks for them: globs like package_matches.", "Selection", "files"),
    Key("filename_matches", kinds.words, " ".join(f"*{suffix}" for suffix in SUFFIXES),
        "Files to mirror: shell globs on file names. Every distribution format unless given.", "Selection", "files"),
    Key("filename_excludes", kinds.words, "",
        "Files left out: globs that win over filename_matches.", "Selection", "files"),
    Key("filters", kinds.words, "",
        "Names of the file filters to use, in order; all that are registered unless given.", "Selection", "files"),
    Key("create_indexes", kinds.boolean, "True",
        "Whether to write pages at all.", "Index", "pages"),
    Key("index_formats", kinds.words, "html json",
        "Names of the index writers.", "Index", "pages"),
    Key("fetcher", kinds.text, "requests",
        "Name of the component that gets things by HTTP.", "Work"),
    Key("engine", kinds.text, "threads",
        "Name of the component that runs the work.", "Work"),
    Key("workers", kinds.positive, "8",
        "How many files and pages are in flight at once.", "Work"),
    Key("timeout", kinds.positive, "30",
        "Seconds to wait for a connection and for the next bytes.", "Work"),
    Key("retries", kinds.integer, "5",
        "How often to ask again after a failure that may pass.", "Work"),
    Key("trash_days", kinds.integer, "30",
        "How many days removed files wait in the trash.", "Safety"),
    Key("tls_certificate", kinds.path, "",
        "For the web server's site where base_url is https: the certificate with its chain; Let's Encrypt's unless given.", "Web"),
    Key("tls_key", kinds.path, "",
        "The private key of that certificate.", "Web"),
    Key("verbose", kinds.boolean, "False",
        "Whether the log tells of every file.", "Log"),
    Key("log_filename", kinds.path, "",
        "The log; .pypimirror/pypimirror.log in the mirror unless given.", "Log"),
)
