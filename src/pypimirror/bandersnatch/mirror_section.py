"""Converts the section ``[mirror]``."""

from __future__ import annotations

import math
import re

from ..http.urls import strip_credentials
from ..settings.index_settings import has_final_files
from .conversion import Conversion

_TRUE = frozenset({"1", "yes", "true", "on"})
#: Options without a counterpart, each with a note that is given if the option has another value than the second one.
_NOTES = {
    "global-timeout": ("", "a transfer ends when no bytes arrive for the time of the key timeout"),
    "verifiers": ("", "verify hashes files in the order of the disk, and needs no number"),
    "hash-index": ("false", "folders of one letter have no counterpart; pip can't use them"),
    "stop-on-error": ("false", "a failure of one project does not stop the others; the run ends with 1"),
    "keep-index-versions": ("0", "old pages are not kept; a safety brake holds removals back (max_deletions)"),
    "compare-method": ("hash", "the database remembers size and hash of each file; verify reads the files"),
    "digest_name": ("sha256", "links have sha256; other hashes of upstream are passed on"),
    "release-files": ("true", "pages link to files of the mirror; a mirror of the pages alone has no counterpart"),
    "root_uri": ("", "links are relative, so that the mirror may have any URL"),
    "download-mirror": ("", "index_url names the index that pages and files come from; it may be that of a nearer mirror"),
    "download-mirror-no-fallback": ("false", "see download-mirror"),
    "diff-append-epoch": ("false", "report_filename is replaced by each run"),
    "log-config": ("", "the log is set by log_filename and verbose"),
    "core-metadata": ("true", "core metadata are always mirrored"),
    "cleanup": ("false", "pages under names that are not normalised are set by legacy_names"),
    "cleanup_todo": ("false", "a project that upstream does not have needs no list to be removed from"),
    "storage-filesystem-manage-permissions": ("true", "files get the permissions that the umask leaves"),
}
#: Options that need none.
_IGNORED = ("api-method", "allow-non-https")
_FORMATS = {"all": "html json full", "html": "html full", "json": "json"}


def convert(found: Conversion) -> None:
    """Convert the section."""
    _convert_directory(found)
    _convert_upstream(found)
    formats = found.text("mirror", "simple-format").lower() or "all"
    if formats not in _FORMATS:
        found.note("[mirror] simple-format", f"{formats!r} is unknown; it was taken as ALL")
    names = _FORMATS.get(formats, _FORMATS["all"]).split()
    if _is_true(found, "json"):
        names.append("legacy-json")
    if names != _FORMATS["all"].split():
        found.take("index_formats", [" ".join(names)], "[mirror] simple-format, json")
    for name, key in (("timeout", "timeout"), ("workers", "workers")):
        if text := found.text("mirror", name):
            _take_rounded_number(found, name, key, text)
    if diff := found.text("mirror", "diff-file"):
        found.take("report_filename", [re.sub(r"\{\{.*?\}\}", found.text("mirror", "directory"), diff) + ".json"],
                   "[mirror] diff-file: the JSON report has the files, and more")
    if not _is_true(found, "delete_missing_packages"):
        found.note("[mirror] delete_missing_packages", "what upstream removes is removed here, too, and kept in the trash for "
                                                       "trash_days; set cleanup = False to keep it, as bandersnatch does")
    for name, (usual, text) in _NOTES.items():
        if found.text("mirror", name).lower() not in ("", usual):
            found.note(f"[mirror] {name}", text)
    for name in _IGNORED:
        found.text("mirror", name)


def _convert_directory(found: Conversion) -> None:
    """Convert the directory, or the bucket, in which the mirror is."""
    directory = found.text("mirror", "directory").rstrip("/")
    backend = found.text("mirror", "storage-backend").lower() or "filesystem"
    if not directory:
        found.note("[mirror] directory", "is missing; set mirror_file_path")
        directory = "mirror"
    if backend == "s3":
        bucket = directory.removeprefix("s3:").strip("/")
        found.take("mirror_file_path", [f"s3://{bucket}-pypimirror"], "[mirror] directory: the layout is another one")
        found.take("state_path", ["pypimirror-state"], "database, lock and log of a mirror in an object store")
        found.section("s3")
        found.note("[s3]", "credentials and endpoint come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
                           "AWS_ENDPOINT_URL, or ~/.aws")
        return
    if backend != "filesystem":
        found.section(backend)
        found.note("[mirror] storage-backend", f"{backend!r} has no counterpart; use a directory, or S3")
    found.take("mirror_file_path", [f"{directory}-pypimirror"],
               f"[mirror] directory: the layout is another one; pypimirror THIS-FILE adopt {directory} takes over the files")


def _convert_upstream(found: Conversion) -> None:
    """Convert the URL of the index, and the proxy."""
    if master := found.text("mirror", "master").rstrip("/"):
        url = f"{strip_credentials(master)}/simple/"
        if not has_final_files({"local_packages": None, "external_links": False, "index_url": (url,)}):
            found.take("index_url", [url], "[mirror] master")
        if url != f"{master}/simple/":
            found.note("[mirror] master", "user and password are left out here; put them into ~/.netrc")
    proxy = found.text("mirror", "proxy")
    if proxy.startswith(("http://", "https://")):
        found.take("proxy", [strip_credentials(proxy)], "[mirror] proxy")
        if strip_credentials(proxy) != proxy:
            found.note("[mirror] proxy", "user and password are left out here; add them to the key proxy")
    elif proxy:
        found.note("[mirror] proxy", "only http and https proxies can be used")


def _take_rounded_number(found: Conversion, name: str, key: str, text: str) -> None:
    """Add a number to a key, rounded up to a whole one; other texts stay as they are."""
    try:
        number = str(math.ceil(float(text)))
    except (ValueError, OverflowError):
        number = text
    found.take(key, [number], f"[mirror] {name}")


def _is_true(found: Conversion, name: str) -> bool:
    return found.text("mirror", name).lower() in _TRUE
