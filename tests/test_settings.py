"""Configuration files as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypimirror.errors import ConfigurationError
from pypimirror.settings import quantities
from pypimirror.zcml.plugins import read


def written(folder: Path, text: str) -> str:
    path = folder / "pypimirror.cfg"
    path.write_text(text)
    return str(path)


def test_lists_take_lines_blanks_and_comments(tmp_path: Path) -> None:
    settings = read(written(tmp_path, """
[DEFAULT]
mirror_file_path = mirror
package_matches =
#  zope.*
#  plone.*
  *.*
filename_matches = *.zip  *.tgz
  # wheels, too
  *.whl
"""))
    assert settings["package_matches"] == ("*.*",)
    assert settings["filename_matches"] == ("*.zip", "*.tgz", "*.whl")


def test_percent_signs_are_themselves_and_paths_start_at_the_file(tmp_path: Path) -> None:
    settings = read(written(
        tmp_path, "[DEFAULT]\nmirror_file_path = a%20b\nlog_filename = logs/x.log\nlock_file_name = x.lock\n"))
    assert settings["mirror_file_path"] == f"{tmp_path}/a%20b"
    assert settings["log_filename"] == f"{tmp_path}/logs/x.log"
    assert settings["lock_file_name"] == f"{tmp_path}/a%20b/x.lock"
    assert settings["state_path"] == f"{tmp_path}/a%20b/.pypimirror"


def test_the_own_section_wins_over_default_and_origins_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, "[DEFAULT]\nmirror_file_path = a\nworkers = 3\n[pypimirror]\nworkers = 4\n")
    settings = read(path, {"verbose": "True"})
    assert (settings["workers"], settings.origin("workers")) == (4, f"{path} [pypimirror]")
    assert settings.origin("mirror_file_path") == f"{path} [DEFAULT]"
    assert (settings["verbose"], settings.origin("verbose")) == (True, "command line")
    assert settings.origin("timeout") == "default"


@pytest.mark.parametrize("value", ["True", "true", "TRUE", "yes"])
def test_booleans_in_any_case(tmp_path: Path, value: str) -> None:
    assert read(written(tmp_path, f"[DEFAULT]\nmirror_file_path = a\nverbose = {value}\n"))["verbose"] is True


def test_a_wrong_boolean_names_key_and_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[DEFAULT]\nmirror_file_path = a\nverbose = maybe\n")
    with pytest.raises(ConfigurationError, match=rf"^{path}: verbose = 'maybe': must be True or False$"):
        read(path)


@pytest.mark.parametrize(("text", "size"), [
    ("0", 0), ("500", 500), ("1K", 1024), ("1.5M", 1572864), ("2G", 2 << 30), ("1GiB", 1 << 30)])
def test_sizes(text: str, size: int) -> None:
    assert quantities.size(text, "") == size


@pytest.mark.parametrize(("line", "message"), [
    ("latest_releases = 3  # the newest", "must be a whole number from 0; write a comment on a separate line"),
    ("package_matches = zope.*  # the toolkit", "must be a list without '#'; write a comment on a separate line"),
    ("package_matches = zope.*\n  plone.* #tag", "must be a list without '#tag'; write a comment on a separate line"),
    ("log_filename = x.log  # daily", "must be a path or URL without ' #'; write a comment on a separate line"),
    ("specifiers = Plone >=6  # LTS", "; write a comment on a separate line"),
])
def test_a_comment_after_a_value_gets_a_hint(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=r"pypimirror\.cfg: \w+ = ") as caught:
        read(written(tmp_path, f"[DEFAULT]\nmirror_file_path = a\n{line}\n"))
    assert str(caught.value).endswith(message)
    assert str(caught.value).count("write a comment") == 1


def test_comments_after_a_semicolon_are_those_of_z3c_pypimirror(tmp_path: Path) -> None:
    settings = read(written(tmp_path, "[DEFAULT]\nmirror_file_path = a ; the place\nbase_url = http://a;b ; x\n"))
    assert (settings["mirror_file_path"], settings["base_url"]) == (f"{tmp_path}/a", "http://a;b")


@pytest.mark.parametrize(("text", "message"), [
    ("[DEFAULT]\nworkers = 1\nworkers = 2\n", ", line 3: workers is set twice in [DEFAULT]; remove one of them"),
    ("[pypimirror]\nworkers = 1\n[pypimirror]\n", ", line 3: [pypimirror] is there twice; join both"),
])
def test_messages_about_the_file_are_the_programs_own(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    assert str(caught.value) == path + message


@pytest.mark.parametrize("word", [
    "linux_x86-64", "linux_x68_64", "manylinux_2_28_amd64", "win_amd46", "win_x86_64", "macosx_11_0_aarch64", "windows_amd64",
    "debian_12_x86_64"])
def test_an_unknown_platform_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(ConfigurationError, match=f"platforms = '{word}': must be platform tags such as .*, not '{word}'"):
        read(written(tmp_path, f"[DEFAULT]\nmirror_file_path = a\nplatforms = {word}\n"))


@pytest.mark.parametrize("word", [
    "manylinux1_i686", "manylinux2014_ppc64le", "manylinux_2_36_loongarch64", "musllinux_1_2_riscv64", "linux_armv7l",
    "macosx_10_9_universal2", "macosx_14_0_arm64", "win32", "win_arm64", "ios_13_0_arm64_iphoneos", "android_21_x86_64",
    "pyodide_2024_0_wasm32", "freebsd_14_1_release_amd64"])
def test_platforms_of_wheels_are_taken(tmp_path: Path, word: str) -> None:
    assert read(written(tmp_path, f"[DEFAULT]\nmirror_file_path = a\nplatforms = {word}\n"))["platforms"] == (word,)


def test_specifiers_have_versions(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"specifiers = 'Plone': must be lines with versions, .* not 'Plone'; without"):
        read(written(tmp_path, "[DEFAULT]\nmirror_file_path = a\nspecifiers = Plone\n"))


@pytest.mark.parametrize("text", ["", "-1", "1X", "G", "1 2"])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="a size such as"):
        quantities.size(text, "")
