"""Converts the enabled plugins: each has a counterpart or a note."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from glob import glob

from packaging.requirements import InvalidRequirement, Requirement

from ..regular_file import open_regular
from .conversion import Conversion
from .regex_globs import globs

#: The opposite of each operator of a version specifier.
_OPPOSITES = {"==": "!=", "!=": "==", ">=": "<", "<": ">=", "<=": ">", ">": "<="}
_KINDS = {"sdist": "sdist", "bdist_wheel": "wheel", "bdist_egg": "egg", "bdist_wininst": "wininst", "bdist_msi": "msi",
          "bdist_rpm": "rpm", "bdist_dmg": "dmg", "bdist_dumb": "dumb"}
#: Globs of file names for platforms to leave out.
_PLATFORMS = {
    "windows": "*-win32.whl *-win_amd64.whl *-win_arm64.whl *win32*.egg *-win-amd64.egg *.exe *.msi",
    "macos": "*-macosx_*.whl *-macosx-*.egg *.dmg",
    "linux": "*-linux_*.whl *-manylinux*.whl *-musllinux*.whl *-linux-*.egg *.rpm",
    "freebsd": "*-freebsd*.whl *-freebsd*.egg *.freebsd-*",
}
_ALIASES = {"win": "windows", "macosx": "macos"}
#: Fields of core metadata by the name in JSON.
_FIELDS = {"classifiers": "Classifier", "classifier": "Classifier"}


def convert(found: Conversion) -> None:
    """Convert all enabled plugins, and note those that are unknown."""
    enabled = found.text("plugins", "enabled").split()
    names = list(_PLUGINS) if "all" in enabled else enabled
    for name in names:
        plugin = _PLUGINS.get(_OLD_NAMES.get(name, name))
        if plugin is None:
            found.note(f"[plugins] {name}", "does not belong to bandersnatch; a plugin of pypimirror can do the same")
        else:
            plugin(found)
    if not found.has("package_matches") and not found.has("requirements"):
        found.take("package_matches", ["*"], "no plugin selects projects: all of upstream, many terabytes of PyPI")
    _note_unused(found, {_OLD_NAMES.get(name, name) for name in names})


def _note_unused(found: Conversion, enabled: Collection[str]) -> None:
    """Note the sections that no enabled plugin reads."""
    for section in ("allowlist", "blocklist"):
        if not any(section in _SECTIONS.get(name, ()) for name in enabled) and found.section(section):
            found.note(f"[{section}]", "is not used, because no enabled plugin reads it")
    unread = ((name, section) for name, sections in _SECTIONS.items() if name not in enabled for section in sections)
    for name, section in unread:
        if section not in ("allowlist", "blocklist", "filter_regex") and found.section(section):
            found.note(f"[{section}]", f"is not used, because the plugin {name} is not enabled")


def _parse_requirement(found: Conversion, origin: str, line: str) -> Requirement | None:
    """Parse a requirement; note a line that is not one, and return None."""
    try:
        return Requirement(line)
    except InvalidRequirement:
        found.note(origin, f"{line!r} is not a requirement")
        return None


def _parse_packages(found: Conversion, section: str) -> list[Requirement]:
    """Return the requirements in the option ``packages`` of a section."""
    origin = f"[{section}] packages"
    return [one for line in found.lines(section, "packages") if (one := _parse_requirement(found, origin, line)) is not None]


def _convert_allowlist_project(found: Conversion) -> None:
    found.take("package_matches", [one.name for one in _parse_packages(found, "allowlist")], "[allowlist] packages")


def _convert_allowlist_release(found: Conversion) -> None:
    origin = "[allowlist] packages"
    wanted = _parse_packages(found, "allowlist")
    found.take("package_matches", [one.name for one in wanted], origin)
    names = [one.name.lower() for one in wanted if one.specifier]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.note(origin, f"{name}: all lines for a project must allow a release here, and any of them with bandersnatch")
    found.take("specifiers", [f"{one.name} {one.specifier}" for one in wanted if one.specifier], origin)


def _find_requirement_files(found: Conversion) -> list[str]:
    """Return the paths of requirement files."""
    folder = os.path.join(found.folder, found.text("allowlist", "requirements_path"))
    paths: list[str] = []
    for line in found.lines("allowlist", "requirements"):
        path = os.path.join(folder, line)
        if "*" not in line:
            paths.append(path)
            continue
        matching = sorted(glob(path))
        paths += matching
        found.note("[allowlist] requirements", f"{line!r} names {len(matching)} files at present; later ones must be added")
    return paths


def _convert_project_requirements(found: Conversion) -> None:
    origin = "[allowlist] requirements"
    for path in _find_requirement_files(found):
        try:
            with open_regular(path) as stream:
                lines = [line.partition("#")[0].strip() for line in stream.read().decode().splitlines()]
        except (OSError, UnicodeDecodeError):
            found.note(origin, f"{path} can't be read; its names must be added to package_matches")
            continue
        wanted = [_parse_requirement(found, f"{origin}, {path}", line) for line in lines if line and not line.startswith("-")]
        found.take("package_matches", [one.name for one in wanted if one is not None], f"{origin}, {path}")
        found.note(origin, "package_matches has the names that the files have now; with the plugin project_requirements_pinned "
                           "alone, the key requirements follows the files")


def _convert_project_requirements_pinned(found: Conversion) -> None:
    files = _find_requirement_files(found)
    if not files:
        return
    found.take("requirements", files, "[allowlist] requirements")
    found.note("[allowlist] requirements", "only exact pins (==) are mirrored; other specifiers belong into the key specifiers")


def _convert_blocklist_project(found: Conversion) -> None:
    names = [one.name for one in _parse_packages(found, "blocklist") if not one.specifier]
    found.take("package_excludes", names, "[blocklist] packages")


def _convert_blocklist_release(found: Conversion) -> None:
    origin = "[blocklist] packages"
    for one in _parse_packages(found, "blocklist"):
        clauses = list(one.specifier)
        if not clauses:
            continue
        if len(clauses) == 1 and clauses[0].operator in _OPPOSITES:
            opposite = _OPPOSITES[clauses[0].operator]
            found.take("specifiers", [f"{one.name} {opposite}{clauses[0].version}"], f"{origin}, the opposite")
        else:
            found.note(origin, f"{one}: specifiers name what is mirrored, and can't leave out this range; filename_excludes "
                               "can leave out its files")


def _convert_exclude_platform(found: Conversion) -> None:
    origin = "[blocklist] platforms"
    for word in found.text("blocklist", "platforms").lower().split():
        name = _ALIASES.get(word, word)
        if name in _PLATFORMS:
            found.take("filename_excludes", _PLATFORMS[name].split(), origin)
        elif re.fullmatch(r"py3\.\d+|py2\.\d", word):
            digits = word[2:].replace(".", "")
            found.take("filename_excludes", [f"*-cp{digits}-*.whl", f"*-py{digits}-*.whl", f"*-pp{digits}*.whl",
                                             f"*-{word}*.egg"], origin)
        elif re.fullmatch(r"[a-z0-9]+[_-][a-z0-9_]+", word):
            found.take("filename_excludes", [f"*{word}*.whl"], origin)
        else:
            found.note(origin, f"{word!r} has no counterpart; python_versions and platforms name what is mirrored")


def _convert_latest_release(found: Conversion) -> None:
    if keep := found.text("latest_release", "keep"):
        found.take("latest_releases", [keep], "[latest_release] keep")
    if found.text("latest_release", "sort_by") == "time":
        found.note("[latest_release] sort_by", "the newest releases are those with the highest versions")


def _convert_prerelease_release(found: Conversion) -> None:
    if names := found.lines("filter_prerelease", "packages"):
        found.note("[filter_prerelease] packages", "prereleases are left out of all projects or of none; of these alone, "
                                                   f"filename_excludes can leave them out: {', '.join(names)}")
    else:
        found.take("prereleases", ["False"], "[plugins] prerelease_release")


def _convert_regex_project(found: Conversion) -> None:
    _take_regexes(found, "package_excludes", "[filter_regex] packages", found.lines("filter_regex", "packages"))


def _convert_regex_release(found: Conversion) -> None:
    for pattern in found.lines("filter_regex", "releases"):
        found.note("[filter_regex] releases", f"{pattern!r} has no counterpart; prereleases = False leaves out all "
                                              "prereleases, specifiers and filename_excludes single versions")


def _take_regexes(found: Conversion, key: str, origin: str, patterns: list[str], search: bool = False,
                  head: str = "") -> None:
    """Add regular expressions to a key as globs after ``head``; note those that are too complex for a glob."""
    for pattern in patterns:
        converted = globs(pattern, search)
        if converted is None:
            found.note(origin, f"{pattern!r} is too complex for a glob of {key}")
        else:
            found.take(key, [head + one for one in converted], origin)


def _convert_metadata_section(found: Conversion, section: str,
                              take: Callable[[str, str, list[str], bool, list[str]], None]) -> None:
    """Convert a section whose names are ``[tag:]path.to.field``; ``take`` converts one option."""
    options = dict(found.section(section))
    search = options.pop("search", "").lower() in ("1", "yes", "true", "on")
    for name, text in options.items():
        *tags, path = name.split(":")
        patterns = [line.strip() for line in text.splitlines() if line.strip()]
        if "all" in tags and len(patterns) > 1:
            found.note(f"[{section}] {name}", "a release stays if any pattern matches, not only if all do")
        take(f"[{section}] {name}", path, patterns, search, tags)


def _convert_regex_project_metadata(found: Conversion) -> None:
    def take(origin: str, path: str, patterns: list[str], search: bool, tags: list[str]) -> None:
        if not path.startswith("info."):
            found.note(origin, "only fields of core metadata can be compared (metadata_matches)")
            return
        field = path.removeprefix("info.")
        header = _FIELDS.get(field, field.replace("_", "-").capitalize())
        key = "metadata_excludes" if "none" in tags else "metadata_matches"
        _take_regexes(found, key, origin, patterns, search, f"{header}: ")
        if key == "metadata_matches" and "not-null" not in tags:
            found.note(origin, "releases without the field are left out; bandersnatch keeps them")

    _convert_metadata_section(found, "regex_project_metadata", take)


def _convert_regex_release_file_metadata(found: Conversion) -> None:
    def take(origin: str, path: str, patterns: list[str], search: bool, tags: list[str]) -> None:
        if path == "release_file.filename":
            _take_regexes(found, "filename_excludes" if "none" in tags else "filename_matches", origin, patterns, search)
        elif path == "release_file.packagetype" and "none" not in tags:
            words = [word.strip("^$()") for pattern in patterns for word in pattern.split("|")]
            kinds = [_KINDS[word] for word in words if word in _KINDS]
            if len(kinds) < len(words):
                found.note(origin, f"not all of {', '.join(map(repr, patterns))} are types of distributions")
            found.take("package_types", kinds, origin)
        else:
            found.note(origin, "has no counterpart; files can be selected by name, type, size, Python and platform")

    _convert_metadata_section(found, "regex_release_file_metadata", take)


def _convert_version_range(found: Conversion) -> None:
    section = "version_range_release_file_metadata"
    for name, text in found.section(section).items():
        origin = f"[{section}] {name}"
        if not name.endswith("release_file.requires_python"):
            found.note(origin, "has no counterpart")
            continue
        found.take("python_versions", text.split(), origin)
        found.note(origin, "python_versions also compares the tags of wheels, and keeps all sdists")


def _convert_size_project_metadata(found: Conversion) -> None:
    if size := found.section("size_project_metadata").get("max_package_size", ""):
        found.note("[size_project_metadata] max_package_size",
                   f"{size}: the size of whole projects has no counterpart; max_file_size limits single files, latest_releases "
                   "the number of releases")


def _convert_versions_count(found: Conversion) -> None:
    if found.section("versions_count_project_metadata"):
        found.note("[versions_count_project_metadata]", "the number of releases of a project has no counterpart; "
                                                        "latest_releases limits what is mirrored of it")


_PLUGINS: dict[str, Callable[[Conversion], None]] = {
    "allowlist_project": _convert_allowlist_project,
    "allowlist_release": _convert_allowlist_release,
    "project_requirements": _convert_project_requirements,
    "project_requirements_pinned": _convert_project_requirements_pinned,
    "blocklist_project": _convert_blocklist_project,
    "blocklist_release": _convert_blocklist_release,
    "exclude_platform": _convert_exclude_platform,
    "latest_release": _convert_latest_release,
    "prerelease_release": _convert_prerelease_release,
    "regex_project": _convert_regex_project,
    "regex_release": _convert_regex_release,
    "regex_project_metadata": _convert_regex_project_metadata,
    "regex_release_file_metadata": _convert_regex_release_file_metadata,
    "version_range_release_file_metadata": _convert_version_range,
    "size_project_metadata": _convert_size_project_metadata,
    "versions_count_project_metadata": _convert_versions_count,
}
#: Names before bandersnatch 5.
_OLD_NAMES = {"whitelist_project": "allowlist_project", "whitelist_release": "allowlist_release",
              "blacklist_project": "blocklist_project", "blacklist_release": "blocklist_release"}
#: The sections that each plugin reads.
_SECTIONS = {
    **dict.fromkeys(("allowlist_project", "allowlist_release", "project_requirements", "project_requirements_pinned"),
                    ("allowlist",)),
    **dict.fromkeys(("blocklist_project", "blocklist_release", "exclude_platform"), ("blocklist",)),
    "latest_release": ("latest_release",), "prerelease_release": ("filter_prerelease",),
    **{name: (name,) for name in (
        "regex_project_metadata", "regex_release_file_metadata", "version_range_release_file_metadata",
        "size_project_metadata", "versions_count_project_metadata")},
}
