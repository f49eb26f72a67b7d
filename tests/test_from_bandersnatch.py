"""``from-bandersnatch``: every option and plugin of bandersnatch has a counterpart or a note."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pypimirror import cli
from pypimirror.bandersnatch import mirror_section, plugins
from pypimirror.bandersnatch.regex_globs import globs
from pypimirror.settings.values import Settings
from pypimirror.zcml.plugins import read

Captured = pytest.CaptureFixture[str]
Convert = Callable[[str], tuple[Settings, str]]


@pytest.fixture
def convert(tmp_path: Path, capsys: Captured) -> Convert:
    """Return a function that converts a configuration; it returns the settings, and the notes."""

    def run(text: str) -> tuple[Settings, str]:
        source, target = tmp_path / "bandersnatch.conf", tmp_path / "pypimirror.cfg"
        source.write_text(text if "[mirror]" in text else f"[mirror]\ndirectory = /srv/pypi\n{text}")
        assert cli.main(None, ["from-bandersnatch", str(source)]) == 0
        shown = capsys.readouterr()
        target.write_text(shown.out)
        notes = shown.out.partition("# Without an exact counterpart:\n")[2]
        number = re.match(r"pypimirror: (\d+) settings", shown.err)
        assert notes.count("# * ") == (int(number[1]) if number else 0)
        return read(str(target)), notes

    return run


def enabled(*names: str) -> str:
    return "[plugins]\nenabled =\n" + "".join(f"    {name}\n" for name in names)


def test_the_section_about_the_mirror(convert: Convert) -> None:
    settings, notes = convert("""[mirror]
directory = /srv/pypi
master = https://user:secret@pypi.example.com
proxy = http://proxy.example.com:3128
json = true
simple-format = HTML
timeout = 9.5
workers = 7
hash-index = true
stop-on-error = true
diff-file = {{mirror_directory}}/new
delete_missing_packages = true
frobnicate = 1
""")
    assert settings["mirror_file_path"] == "/srv/pypi-pypimirror"
    assert settings["index_url"] == ("https://pypi.example.com/simple/",)
    assert settings["proxy"] == "http://proxy.example.com:3128"
    assert settings["index_formats"] == ("html", "full", "legacy-json")
    assert (settings["timeout"], settings["workers"]) == (10, 7)
    assert settings["report_filename"] == "/srv/pypi/new.json"
    assert settings["package_matches"] == ("*",)
    assert [line.split(":")[0] for line in notes.splitlines()] == [
        f"# * [mirror] {name}" for name in ("master", "hash-index", "stop-on-error", "frobnicate")]
    assert "secret" not in notes


def test_a_mirror_in_a_bucket_has_its_state_elsewhere(tmp_path: Path, capsys: Captured) -> None:
    source = tmp_path / "b.conf"
    source.write_text("[mirror]\ndirectory = /bucket/prefix\nstorage-backend = s3\n[s3]\nregion_name = x\n")
    assert cli.main(None, ["from-bandersnatch", str(source)]) == 0
    shown = capsys.readouterr().out
    assert "mirror_file_path = s3://bucket/prefix-pypimirror\n" in shown
    assert "state_path = pypimirror-state\n" in shown
    assert "# * [s3]: credentials and endpoint come from the environment" in shown


@pytest.mark.parametrize("text, key, value", [
    (enabled("allowlist_project") + "[allowlist]\npackages =\n    Foo>=1\n    bar # why\n    # none\n", "package_matches",
     ("Foo", "bar")),
    (enabled("whitelist_project") + "[whitelist]\npackages =\n    foo\n", "package_matches", ("foo",)),
    (enabled("allowlist_release") + "[allowlist]\npackages =\n    foo>=1,<2\n    bar\n", "specifiers", (("foo", "<2,>=1"),)),
    (enabled("blocklist_project") + "[blocklist]\npackages =\n    foo\n    bar==1\n", "package_excludes", ("foo",)),
    (enabled("blocklist_release") + "[blocklist]\npackages =\n    foo\n    bar==1\n    baz>=2\n", "specifiers",
     (("bar", "!=1"), ("baz", "<2"))),
    (enabled("latest_release") + "[latest_release]\nkeep = 3\n", "latest_releases", 3),
    (enabled("prerelease_release"), "prereleases", False),
    (enabled("regex_project") + "[filter_regex]\npackages =\n    .+-evil$\n    bad\n", "package_excludes", ("?*-evil", "bad*")),
    (enabled("regex_project_metadata") + "[regex_project_metadata]\nnot-null:info.classifiers =\n    Framework :: Plone.*\n",
     "metadata_matches", (("classifier", "Framework :: Plone*"),)),
    (enabled("regex_project_metadata") + "[regex_project_metadata]\nnone:info.license = .*GPL\n", "metadata_excludes",
     (("license", "*GPL*"),)),
    (enabled("regex_release_file_metadata")
     + "[regex_release_file_metadata]\nany:release_file.packagetype =\n    sdist\n    bdist_wheel\n", "package_types",
     ("sdist", "wheel")),
    (enabled("regex_release_file_metadata") + "[regex_release_file_metadata]\nnone:release_file.filename = .*\\.exe$\n",
     "filename_excludes", ("*.exe",)),
    (enabled("version_range_release_file_metadata")
     + "[version_range_release_file_metadata]\nany:release_file.requires_python =\n    3.11\n    3.12\n", "python_versions",
     ("3.11", "3.12")),
])
def test_a_plugin_has_a_counterpart(convert: Convert, text: str, key: str, value: object) -> None:
    assert convert(text)[0][key] == value


@pytest.mark.parametrize("text, note", [
    (enabled("latest_release") + "[latest_release]\nsort_by = time\n", "[latest_release] sort_by"),
    (enabled("prerelease_release") + "[filter_prerelease]\npackages = foo\n", "[filter_prerelease] packages"),
    (enabled("regex_release") + "[filter_regex]\nreleases = .*alpha\n", "[filter_regex] releases"),
    (enabled("regex_project") + "[filter_regex]\npackages = (a|b)+c\n", "too complex for a glob of package_excludes"),
    (enabled("blocklist_release") + "[blocklist]\npackages = foo>1,<2\n", "can't leave out this range"),
    (enabled("allowlist_project") + "[allowlist]\npackages = not a requirement\n", "is not a requirement"),
    (enabled("allowlist_release") + "[allowlist]\npackages =\n    a<1\n    A>2\n", "a: all lines for a project"),
    (enabled("size_project_metadata") + "[size_project_metadata]\nmax_package_size = 1G\n", "max_package_size: 1G: the size"),
    (enabled("versions_count_project_metadata") + "[versions_count_project_metadata]\nmax_versions = 5\n",
     "[versions_count_project_metadata]"),
    (enabled("exclude_platform") + "[blocklist]\nplatforms = py2 windows\n", "'py2' has no counterpart"),
    (enabled("someones_own"), "[plugins] someones_own: does not belong to bandersnatch"),
    ("[blocklist]\npackages = foo\n", "[blocklist]: is not used, because no enabled plugin reads it"),
    ("[latest_release]\nkeep = 3\n", "[latest_release]: is not used, because the plugin latest_release is not enabled"),
    ("[strange]\nkey = value\n", "[strange] key: is unknown"),
    (enabled("version_range_release_file_metadata")
     + "[version_range_release_file_metadata]\nany:release_file.requires_python = snake\n", "a value of python_versions"),
    (enabled("regex_release_file_metadata") + "[regex_release_file_metadata]\nany:release_file.comment = x\n", "has no count"),
    (enabled("project_requirements") + "[allowlist]\nrequirements = missing.txt\n", "missing.txt can't be read"),
])
def test_what_has_no_counterpart_is_a_note(convert: Convert, text: str, note: str) -> None:
    assert note in convert(text)[1]


def test_requirement_files_are_followed_or_read(convert: Convert, tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(f"--hash x\n{name[:3]}==1  # why\n")
    section = "[allowlist]\nrequirements_path = .\nrequirements =\n    one.txt\n    t*.txt\n"
    settings, notes = convert(enabled("project_requirements_pinned") + section)
    assert settings["requirements"] == (str(tmp_path / "one.txt"), str(tmp_path / "two.txt"))
    assert settings["package_matches"] == ()
    assert "'t*.txt' names 1 files at present" in notes
    assert convert(enabled("project_requirements") + section)[0]["package_matches"] == ("one", "two")


@pytest.mark.parametrize("platform, left_out, kept", [
    ("windows", "a-1-cp312-cp312-win_amd64.whl a-1.win32-py2.7.exe a-1.msi", "windows-1-py3-none-any.whl win32-1.tar.gz"),
    ("macos", "a-1-cp312-cp312-macosx_11_0_arm64.whl", "macosx-1-py3-none-any.whl"),
    ("linux", "a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl a-1-py3-none-linux_armv7l.whl",
     "linux_utils-1-py3-none-any.whl linux-1.tar.gz"),
    ("py3.9", "a-1-cp39-cp39-win_amd64.whl a-1-py39-none-any.whl a-1-py3.9.egg", "a-1-cp310-cp310-win32.whl a-3.9.tar.gz"),
    ("win_arm64", "a-1-cp312-cp312-win_arm64.whl", "a-1-cp312-cp312-win_amd64.whl"),
])
def test_platforms_are_left_out_by_file_name(convert: Convert, platform: str, left_out: str, kept: str) -> None:
    excludes = convert(enabled("exclude_platform") + f"[blocklist]\nplatforms = {platform}\n")[0]["filename_excludes"]
    for names, expected in ((left_out, True), (kept, False)):
        for name in names.split():
            assert any(fnmatch.fnmatchcase(name, glob) for glob in excludes) == expected, name


@pytest.mark.parametrize("pattern", [
    "abc", "^abc$", r".+-evil$", r"a\.b", "a.b$", "[ab]c$", "(foo|bar)-.*$", r"x\d$", r"(?:a\.b|c)$", "^$", "a b: c/d"])
@pytest.mark.parametrize("text", [
    "abc", "abcd", "xabc", "some-evil", "-evil", "a.b", "axb", "ac", "foo-1", "bar-", "x1", "x12", "c", "", "a b: c/d", "a.bc"])
def test_a_glob_matches_what_its_expression_matches(pattern: str, text: str) -> None:
    converted = globs(pattern)
    assert converted is not None
    assert any(fnmatch.fnmatchcase(text, glob) for glob in converted) == bool(re.match(pattern, text))


@pytest.mark.parametrize("pattern", ["a+", "a{2}", "(a|b)+", "a|b", "[^a]", r"\w", "(?=a)", ".*?x", "a?", "(", r"\d+", "ä"])
def test_other_expressions_are_not_guessed(pattern: str) -> None:
    assert globs(pattern) is None


@pytest.mark.parametrize("text, message", [
    (None, "can't be read: No such file or directory"), ("[plugins]\n", "no section [mirror]"),
    ("x = 1\n", "line 1: not a conf"),
    ("[mirror]\nnonsense\n", "line 2: not a configuration file of bandersnatch"), ("\xff", "not UTF-8"),
])
def test_a_file_that_cant_be_read_is_one_line(tmp_path: Path, capsys: Captured, text: str | None, message: str) -> None:
    source = tmp_path / "b.conf"
    if text is not None:
        source.write_bytes(text.encode("latin-1"))
    assert cli.main(None, ["from-bandersnatch", str(source)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line


def test_every_plugin_and_option_of_bandersnatch_is_known() -> None:
    """The names are those of bandersnatch 8.2."""
    names = ("regex_project_metadata size_project_metadata versions_count_project_metadata allowlist_project blocklist_project "
             "project_requirements regex_project allowlist_release blocklist_release latest_release prerelease_release "
             "project_requirements_pinned regex_release exclude_platform regex_release_file_metadata "
             "version_range_release_file_metadata")
    assert set(plugins._PLUGINS) == set(names.split())
    options = ("global-timeout verifiers hash-index stop-on-error keep-index-versions compare-method digest_name release-files "
               "root_uri download-mirror download-mirror-no-fallback diff-append-epoch log-config core-metadata cleanup "
               "cleanup_todo storage-filesystem-manage-permissions")
    assert set(mirror_section._NOTES) == set(options.split())
