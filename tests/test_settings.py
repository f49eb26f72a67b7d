"""Configuration files as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypimirror.errors import ConfigurationError
from pypimirror.settings import converters
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
    assert converters.size(text, "") == size


@pytest.mark.parametrize("text", ["", "-1", "1X", "G", "1 2"])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="a size such as"):
        converters.size(text, "")
