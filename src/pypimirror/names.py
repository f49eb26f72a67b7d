"""Names of projects and files: normal forms and validation."""

import re
from collections.abc import Sequence

#: The mirror's private folder: state, temporary files, trash.
OWN = ".pypimirror"
#: The folder of published pin files.
PINS = "pins"
#: The folder of snapshots.
SNAPSHOTS = "snapshots"
#: File names of pages: of a project or of all projects, and of all projects with their files.
HTML_PAGE, JSON_PAGE, FULL_PAGE = "index.html", "index.v1_json", "full.html"
#: The page for people of a project or of all projects, with its style sheet and script, which are in the root only.
BROWSE_PAGE, BROWSE_STYLE, BROWSE_SCRIPT = "browse.html", "browse.css", "browse.js"
#: Media types of a project's pages by file name (PEP 691), the preferred format first.
PAGES = {JSON_PAGE: "application/vnd.pypi.simple.v1+json", HTML_PAGE: "application/vnd.pypi.simple.v1+html"}
#: Reserved names in the mirror's root; a project of such a name is served under ``/simple/`` only.
OURS = frozenset({HTML_PAGE, JSON_PAGE, FULL_PAGE, BROWSE_PAGE, BROWSE_STYLE, BROWSE_SCRIPT, PINS, SNAPSHOTS, "simple",
                   OWN})

#: Suffixes of distribution files: wheels, and all formats of setuptools and distutils. Longer suffixes come first.
SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tar.Z", ".tar", ".tgz", ".tbz", ".zip", ".whl", ".egg", ".exe", ".msi",
            ".rpm", ".deb", ".dmg", "-variants.json")
#: The suffix of files that describe a release's wheel variants (PEP 825).
VARIANTS = SUFFIXES[-1]

#: The source of advisories that ``import`` brings, as the key ``advisories`` names it.
BUNDLE_ADVISORIES = "bundle"
#: The prefix of ids of advisories about malicious releases (OSV).
MALICIOUS = "MAL-"

#: Suffixes of sidecar files: core metadata (PEP 658), provenance (PEP 740), signature (PEP 503).
METADATA, PROVENANCE, SIGNATURE = BESIDE = (".metadata", ".provenance", ".asc")

#: The supported version of the index API (PEP 629, PEP 792). Of the additions since 1.0 only versions and sizes are mandatory
#: (PEP 700), and the mirror's pages always have them; a project without a status is active.
API_VERSION = "1.4"

_SEPARATORS = re.compile(r"[-_.]+")
_PROJECT = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
#: A name in normal form, of any length.
_NORMAL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_REGISTERED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!~@=, ()-]*")
#: The name with ``.metadata`` or ``.provenance`` must fit the 255 bytes that file systems allow.
LONGEST_FILE = 240
_LONGEST_PROJECT = 200
#: File names that need no quoting in URLs and HTML: nearly all.
_PLAIN_FILE = re.compile(r"[A-Za-z0-9._-]+")
#: Reserved device names of Windows; a tree with them can't be copied there.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})


def normalize(name: str) -> str:
    """Return the normalised form of a project name (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def is_project(name: str) -> bool:
    """Whether a normalised name is valid (PEP 508) and not too long, and so safe as a folder name."""
    return len(name) <= _LONGEST_PROJECT and _PROJECT.fullmatch(name) is not None


def project_name(display: str) -> str | None:
    """Return the normalised form of a registered name, or None if it is invalid."""
    # Most names are in normal form.
    if _NORMAL.fullmatch(display) and len(display) <= _LONGEST_PROJECT:
        return display
    name = normalize(display)
    return name if display.isascii() and is_project(name) else None


def is_legacy_folder(display: str, name: str) -> bool:
    """Whether a registered name is valid as a second folder of the project: safe and not reserved."""
    return (normalize(display) == name and _REGISTERED.fullmatch(display) is not None and len(display) <= _LONGEST_PROJECT
            and display.lower() not in OURS and display.partition(".")[0].lower() not in _DEVICES)


def is_distribution(filename: str) -> bool:
    """Whether a file name is that of a distribution, and safe as a file name in a project's folder."""
    return (len(filename) <= LONGEST_FILE
            and _FILE.fullmatch(filename) is not None
            and filename.endswith(SUFFIXES)
            and filename.partition(".")[0].lower() not in _DEVICES)


def distribution(filename: str) -> str:
    """Return the distribution's name of a sidecar; other names unchanged."""
    suffix = next((suffix for suffix in BESIDE if filename.endswith(suffix)), "")
    return filename.removesuffix(suffix)


def shown(text: str, limit: int = 120) -> str:
    """Return foreign text in a form that is safe for logs and terminals: printable, one line, limited length."""
    clean = text[:limit]
    if not clean.isprintable():
        clean = "".join(c if c.isprintable() else repr(c)[1:-1] for c in clean)
    return clean + "..." if len(text) > limit else clean


def list_first(texts: Sequence[str], most: int) -> str:
    """Return the first texts as a list, and the number of the others."""
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def is_plain(filename: str) -> bool:
    """Whether a file name needs no quoting in URLs and no escaping in HTML."""
    return _PLAIN_FILE.fullmatch(filename) is not None
