"""``init`` writes a short configuration that works, from options or from three questions on a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pypimirror import cli
from pypimirror.zcml.plugins import read

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "versions.cfg").write_text("[versions]\n")
    (tmp_path / "requirements.txt").write_text("")


def test_options_answer_everything(tmp_path: Path, capsys: Captured) -> None:
    assert cli.main(None, ["init", "new", "--packages", "requests zope.*", "--packages", "six", "--pins", "versions.cfg",
                           "--pins", "requirements.txt", "--pythons", "3.11 3.12", "--mirror", "new/data"]) == 0
    assert "pypimirror new/pypimirror.cfg plan" in capsys.readouterr().out
    settings = read(str(tmp_path / "new" / "pypimirror.cfg"))
    assert settings["package_matches"] == ("requests", "zope.*", "six")
    assert settings["versions"] == (str(tmp_path / "versions.cfg"),)
    assert settings["requirements"] == (str(tmp_path / "requirements.txt"),)
    assert settings["python_versions"] == ("3.11", "3.12")
    assert settings["mirror_file_path"] == str(tmp_path / "new" / "data")


@pytest.mark.parametrize("arguments, expected", [
    (["--all"], "package_matches = *"), (["--packages", "six"], "package_matches = six"),
    (["--pins", "https://pypi.example.com/versions.cfg"], "versions = https://pypi.example.com/versions.cfg"),
    (["--packages", "six", "--mirror", "s3://bucket/pypi"], "state_path = "),
])
def test_the_file_is_one_that_works(tmp_path: Path, capsys: Captured, arguments: list[str], expected: str) -> None:
    assert cli.main(None, ["init", "-q", *arguments]) == 0
    assert capsys.readouterr() == ("", "")
    assert cli.main(None, ["pypimirror.cfg", "config"]) == 0 or "objectstore" in capsys.readouterr().err
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize("arguments, message", [
    ([], "init: which packages? Name them with --packages 'NAME ...', --pins FILE or --all"),
    (["one", "two"], "init takes one DIRECTORY"),
    (["--packages", "requests==2"], "--packages 'requests==2': must be names or patterns such as requests or zope.*"),
    (["--packages", "#x"], "must be names or patterns"),
    (["--packages", " "], "which packages?"),
    (["--pins", "none.txt"], "--pins 'none.txt': must be a file that exists"),
    (["--all", "--pythons", "three"], "--pythons 'three': must be versions of Python such as 3.11"),
    (["--all", "--mirror", ""], "--mirror '': must be a directory or s3://bucket/prefix"),
    (["versions.cfg/x", "--all"], "versions.cfg/x/pypimirror.cfg: can't be written"),
])
def test_what_is_missing_or_wrong_is_one_line_and_writes_nothing(
        tmp_path: Path, capsys: Captured, arguments: list[str], message: str) -> None:
    before = sorted(tmp_path.iterdir())
    assert cli.main(None, ["init", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert sorted(tmp_path.iterdir()) == before


def test_an_existing_file_stays(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "pypimirror.cfg").write_text("mine")
    assert cli.main(None, ["init", "--all"]) == 2
    assert "already exists" in capsys.readouterr().err
    assert (tmp_path / "pypimirror.cfg").read_text() == "mine"


def test_on_a_terminal_three_questions_are_asked_until_the_answers_are_right(tmp_path: Path) -> None:
    answers = [b"\n", b"a==1\n", b"six versions.cfg\n", b"snake\n", b"3.12\n", b"\n"]
    leader, follower = os.openpty()
    with subprocess.Popen([sys.executable, "-m", "pypimirror", "init"], stdin=follower, stdout=follower, stderr=follower,
                          cwd=tmp_path) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                block = os.read(leader, 4096)
            except OSError:  # Linux says EIO when the other side is closed
                break
            shown += block
            if answers and shown.endswith((b"> ", b"] ")):
                os.write(leader, answers.pop(0))
    os.close(leader)
    assert process.returncode == 0, shown
    assert shown.count(b"It must be") == 3
    settings = read(str(tmp_path / "pypimirror.cfg"))
    assert (settings["package_matches"], settings["versions"]) == (("six",), (str(tmp_path / "versions.cfg"),))
    assert (settings["python_versions"], settings["mirror_file_path"]) == (("3.12",), str(tmp_path / "mirror"))


def test_the_example_needs_no_configuration(capsys: Captured) -> None:
    assert cli.main(None, ["config", "--example"]) == 0
    assert "mirror_file_path = mirror\n" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, message", [
    (["sync"], "CONFIG is missing, the configuration file: pypimirror CONFIG sync"),
    (["config"], "CONFIG is missing, the configuration file: pypimirror CONFIG config"),
    ([], "CONFIG is missing, the configuration file: pypimirror CONFIG VERB; pypimirror help lists the verbs, pypimirror init "
         "writes a configuration"),
    (["x.cfg", "init"], "init takes no CONFIG: pypimirror init"),
    (["x.cfg", "help", "sync"], "help takes no CONFIG: pypimirror help sync"),
])
def test_a_missing_or_needless_configuration_is_named(capsys: Captured, arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(None, arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: {message}\n")


def test_a_file_elsewhere_is_named_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert cli.main(None, ["init", str(tmp_path / "there"), "--packages", "iniconfig"]) == 0
    assert f"    pypimirror {tmp_path}/there/pypimirror.cfg plan\n" in capsys.readouterr().out
    assert cli.main(None, ["init", "below", "--packages", "iniconfig"]) == 0
    assert "    pypimirror below/pypimirror.cfg plan\n" in capsys.readouterr().out
