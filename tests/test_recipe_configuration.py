"""The configuration file of a part: relative and absolute paths mean the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pypimirror.recipe import configuration, options
from pypimirror.settings import converters, reader
from pypimirror.zcml import plugin_keys
from test_registry import written


@pytest.mark.parametrize("base", [None, "", "elsewhere"])
@pytest.mark.parametrize("relative", [True, False])
def test_paths_are_read_as_the_part_means_them(tmp_path: Path, base: str | None, relative: bool) -> None:
    folder = tmp_path / "parts" / "mirror"
    folder.mkdir(parents=True)
    texts = {"mirror-file-path": f"{tmp_path}/var/mirror", "zcml": f"{tmp_path}/site.zcml\n{folder}/additional.zcml",
             "ca-bundle": "/etc/ca.pem", "index-url": f"https://pypi.example.com/simple/\n{tmp_path}/eggs"}
    if base is not None:
        texts["relative-to"] = str(tmp_path / base)
    text = configuration.render("mirror", options.configuration_keys(), texts,
                                (str(tmp_path), str(folder)) if relative else None)
    file = folder / "pypimirror.cfg"
    file.write_text(text)
    settings = reader.read(str(file))
    assert settings["mirror_file_path"] == f"{tmp_path}/var/mirror"
    assert settings["zcml"] == (f"{tmp_path}/site.zcml", f"{folder}/additional.zcml")
    assert settings["ca_bundle"] == "/etc/ca.pem"
    assert settings["index_url"] == ("https://pypi.example.com/simple/", f"{tmp_path}/eggs")
    assert settings["relative_to"] == (None if base is None else str(tmp_path / base))
    assert (f" {tmp_path}" in text) is not relative


def odd(text: str, folder: str) -> str:
    """A type that has nothing to do with the folder, and prints."""
    print("converted")
    return text.upper()


def placed(text: str, folder: str) -> str:
    """A type with paths."""
    return f"{folder}/{text}"


@pytest.mark.parametrize(("attributes", "text", "relative"), [
    ('type="test_recipe_configuration.odd"', "x", False), ('type="test_recipe_configuration.placed"', "x", True),
    ('type="test_recipe_configuration.placed"', "", False), ('type="test_recipe_configuration.placed" default="y"', "", True),
    ('type="path"', "x", False), ('type="path" default="y"', "", True), ('type="paths"', "x y", False),
    ('type="words"', "x", False),
    ('type="file" default="y"', "", True)])
def test_whether_a_value_depends_on_the_folder_is_found_out(tmp_path: Path, attributes: str, text: str, relative: bool) -> None:
    plugin = written(tmp_path, f'<pypimirror:setting name="mine" help="x" {attributes} />')
    answer = plugin_keys.describe_keys([plugin.file], {"mine": text}, "/srv/buildout")
    assert (answer["wrong"], answer["relative"]) == ({}, relative)
    assert answer["components"]["webserver"] == ("apache", "caddy", "nginx")


def test_what_plugins_print_is_no_part_of_the_answer(tmp_path: Path) -> None:
    plugin = written(tmp_path, '<pypimirror:setting name="mine" help="x" type="test_recipe_configuration.odd" />')
    request = {"zcml": [plugin.file], "texts": {"mine": "x"}, "folder": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", "from pypimirror.zcml.plugin_keys import main; main()"], text=True, check=True,
                          input=json.dumps(request), capture_output=True, cwd=Path(__file__).parent)
    assert json.loads(done.stdout)["kinds"] == {"mine": ""}
    assert "converted" in done.stderr


def test_a_file_must_be_there_for_the_recipe_too(tmp_path: Path) -> None:
    plugin = written(tmp_path, '<pypimirror:setting name="mine" help="x" type="file" />')
    (tmp_path / "here.txt").write_text("x")
    answer = plugin_keys.describe_keys([plugin.file], {"mine": "here.txt"}, str(tmp_path))
    assert (answer["wrong"], answer["kinds"]) == ({}, {"mine": "file"})
    assert plugin_keys.describe_keys([plugin.file], {"mine": "x.txt"}, str(tmp_path))["wrong"] == {
        "mine": f"must be a file that can be read, not {tmp_path}/x.txt: No such file or directory"}
    key = options.OptionKey("mine", "mine", converters.file)
    assert options.collect_texts("part", {"mine": "here.txt"}, str(tmp_path), [key]) == {"mine": f"{tmp_path}/here.txt"}
