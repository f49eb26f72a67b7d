"""Names of projects and files: normal forms, and which ones may become a path of ours."""

import re

#: Paths at the mirror's root that are ours; a project of such a name is found under ``/simple/`` only.
OURS = frozenset({"index.html", "index.v1_json", "full.html", "pins", "simple", ".pypimirror"})

#: Endings of distributions, longest first where one contains another. ``*.whl`` and what setuptools and distutils ever made.
SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tar.Z", ".tar", ".tgz", ".tbz", ".zip", ".whl", ".egg", ".exe", ".msi",
            ".rpm", ".deb", ".dmg", "-variants.json")
#: The ending of what describes the variants of a release's wheels (PEP 825).
VARIANTS = SUFFIXES[-1]

#: What the name of a distribution gets at its end for what lies beside it: core metadata (PEP 658), provenance (PEP 740), and
#: the signature (PEP 503).
METADATA, PROVENANCE, SIGNATURE = BESIDE = (".metadata", ".provenance", ".asc")

#: Version of the index whose fields are known (PEP 629, PEP 792). Of what came after 1.0, versions and sizes alone are
#: mandatory (PEP 700), and our pages always have them; without a status a project is active.
API_VERSION = "1.4"

_SEPARATORS = re.compile(r"[-_.]+")
_PROJECT = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
#: A name in normal form, but for its length.
_NORMAL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_REGISTERED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!~@=, ()-]*")
#: ``.metadata`` and ``.provenance`` must still fit into the 255 bytes that file systems allow.
_LONGEST_FILE = 240
_LONGEST_PROJECT = 200
#: File names that are the same in a URL and in HTML: nearly all.
_PLAIN_FILE = re.compile(r"[A-Za-z0-9._-]+")
#: Names that Windows keeps for devices; a tree with them can't be copied there.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})


def normalize(name: str) -> str:
    """Give the normalised form of a project's name (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def is_project(name: str) -> bool:
    """Whether a normalised name is one by the rules (PEP 508), short enough, and so safe as a folder's name."""
    return len(name) <= _LONGEST_PROJECT and _PROJECT.fullmatch(name) is not None


def project_name(display: str) -> str | None:
    """Give the normalised form of a name as registered, or None for one that is not the name of a project."""
    # Most names of a list of all are normal already.
    if _NORMAL.fullmatch(display) and len(display) <= _LONGEST_PROJECT:
        return display
    name = normalize(display)
    return name if display.isascii() and is_project(name) else None


def is_legacy(display: str, name: str) -> bool:
    """Whether a name as registered can have a folder of its own: a safe one, that means the project and no path of ours."""
    return (normalize(display) == name and _REGISTERED.fullmatch(display) is not None and len(display) <= _LONGEST_PROJECT
            and display.lower() not in OURS and display.partition(".")[0].lower() not in _DEVICES)


def is_distribution(filename: str) -> bool:
    """Whether a file name from elsewhere is a distribution's, and safe to write under that very name in a project's folder."""
    return (len(filename) <= _LONGEST_FILE
            and _FILE.fullmatch(filename) is not None
            and filename.endswith(SUFFIXES)
            and filename.partition(".")[0].lower() not in _DEVICES)


def distribution(filename: str) -> str:
    """Give the name of the distribution that a file lies beside; any other name as it is."""
    suffix = next((suffix for suffix in BESIDE if filename.endswith(suffix)), "")
    return filename.removesuffix(suffix)


def shown(text: str, limit: int = 120) -> str:
    """Give text from elsewhere in a form that is safe in a log or on a terminal: printable, one line, not endless."""
    clean = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:limit])
    return clean + "..." if len(text) > limit else clean


def is_plain(filename: str) -> bool:
    """Whether nothing of a file name has to be quoted in a URL, nor escaped in HTML."""
    return _PLAIN_FILE.fullmatch(filename) is not None
