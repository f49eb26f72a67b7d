"""The help of verbs, the man page and the completions: from one declaration, current, and right for the real programs."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pypimirror import cli, verb_help
from pypimirror.verbs import VERBS
from support import wheelhouse

SHARE = wheelhouse.CHECKOUT / "share"
Captured = pytest.CaptureFixture[str]
_spec = importlib.util.spec_from_file_location("shell_files", wheelhouse.CHECKOUT / "docs" / "shell_files.py")
assert _spec is not None and _spec.loader is not None
shell_files = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shell_files)


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"no {program} here")


# --- help


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_has_help_with_its_own_options_and_two_examples(name: str, capsys: Captured) -> None:
    verb = VERBS[name]
    with pytest.raises(SystemExit) as end:
        cli.main(None, ["help", name])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(None, [*(["x.cfg"] if verb.configured else []), name, "--help"])
    assert capsys.readouterr().out == shown
    assert shown.startswith(f"usage: pypimirror {'CONFIG ' if verb.configured else ''}{name}")
    flags = re.findall(r"^  (?:-\w[^\n]*?, )?(--[a-z-]+)", shown, re.MULTILINE)
    assert sorted(flags) == sorted(action.option_strings[-1] for action in cli.parser(False)._actions
                                   if action.dest in verb.options | {"help", "quiet"})
    assert len(verb_help.EXAMPLES[name]) == 2


@pytest.mark.parametrize("name", [name for name in VERBS if name != "help"])
@pytest.mark.parametrize("config", [None, "built-in.cfg"])
def test_an_example_is_a_command_line_of_its_verb(name: str, config: str | None) -> None:
    for example in verb_help.EXAMPLES[name]:
        command = verb_help.command(example, VERBS[name], "pypimirror", config is not None)
        assert cli._parse(config, shlex.split(command)[1:])[1] == name


def test_help_is_for_the_whole_without_a_verb_and_names_an_unknown_one(capsys: Captured) -> None:
    for arguments in (["help"], ["--help"], ["x.cfg", "-h"]):
        with pytest.raises(SystemExit) as end:
            cli.main(None, arguments)
        assert end.value.code == 0
        assert (shown := capsys.readouterr().out) == cli.parser(False).format_help()
        assert shown.index("\nverbs:\n") < shown.index("\noptions:\n") < shown.index("\nexit status:")
    with pytest.raises(SystemExit) as end:
        cli.main(None, ["help", "snyc"])
    assert end.value.code == 2
    assert "unknown verb 'snyc'; did you mean 'sync'?" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        cli.main("built-in.cfg", [__file__, "sync"])
    assert end.value.code == 2
    assert f"this script uses built-in.cfg, leave {__file__!r} out" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main("built-in.cfg", ["sync", "--help"])
    assert "CONFIG" not in capsys.readouterr().out


# --- generated files


@pytest.mark.parametrize("path", shell_files.FILES)
def test_a_file_is_what_the_code_says_now(path: str) -> None:
    assert (SHARE / path).read_text(encoding="utf-8") == shell_files.text(path), "run: python docs/reference.py"


@needs("mandoc")
def test_the_man_page_is_right() -> None:
    page = str(SHARE / "man/man1/pypimirror.1")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
    assert [line for line in (done.stdout + done.stderr).splitlines() if "missing date" not in line] == []


@needs("man")
def test_the_man_page_is_shown_with_every_verb() -> None:
    done = subprocess.run(["man", "--warnings", "--local-file", str(SHARE / "man/man1/pypimirror.1")], capture_output=True,
                          text=True, env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
    if "minimized" in done.stdout:
        pytest.skip("man pages are switched off on this machine")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"pypimirror {verb_help.usage(name, verb, False)}" in done.stdout for name, verb in VERBS.items())


#: Command lines up to the cursor, with some completions that must be among those offered, and some that must not.
CASES = [
    (["pypimirror", "x.cfg", "sy"], {"sync"}, {"verify"}),
    (["pypimirror", "in"], {"init"}, {"sync"}),
    (["pypimirror", "sync", "--re"], {"--report"}, {"--repair"}),
    (["pypimirror", "x.cfg", "verify", "--re"], {"--repair"}, {"--report"}),
    (["pypimirror", "x.cfg", "job", "--install", ""], {"user", "system"}, {"cron", "--times"}),
    (["pypimirror", "x.cfg", "job", ""], {"cron", "systemd", "remove"}, {"sync"}),
    (["pypimirror", "x.cfg", "client", ""], {"pip", "conda-lock"}, {"nginx"}),
    (["pypimirror", "help", "ve"], {"verify"}, {"sync"}),
    (["pypimirror", "x.cfg", "sync", "--report", "som"], {"some.cfg"}, {"sync"}),
    (["pypimirror", "x.cfg", "sync", "--fetch-since-days", ""], set(), {"some.cfg", "sync"}),
    (["pypimirror", "som"], {"some.cfg"}, {"sync"}),
]


def offered(command: list[str], folder: Path, text: str = "") -> set[str]:
    (folder / "some.cfg").touch()
    done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return {line.split("\t")[0].strip() for line in done.stdout.splitlines()}


@needs("bash")
@pytest.mark.parametrize("words, wanted, others", CASES, ids=lambda one: " ".join(one) if isinstance(one, list) else "")
def test_bash_completes(words: list[str], wanted: set[str], others: set[str], tmp_path: Path) -> None:
    script = f"""
        source {shlex.quote(str(SHARE / "bash-completion/completions/pypimirror"))}
        compopt() {{ :; }}
        COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
        _pypimirror
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    found = offered(["bash", "-u", "-c", script], tmp_path)
    assert wanted <= found
    assert not others & found


@needs("fish")
@pytest.mark.parametrize("words, wanted, others", CASES, ids=lambda one: " ".join(one) if isinstance(one, list) else "")
def test_fish_completes(words: list[str], wanted: set[str], others: set[str], tmp_path: Path) -> None:
    file = SHARE / "fish/vendor_completions.d/pypimirror.fish"
    script = f"source {shlex.quote(str(file))}; complete -C {shlex.quote(' '.join(words))}"
    found = offered(["env", f"HOME={tmp_path}", "fish", "--no-config", "-c", script], tmp_path)
    assert wanted <= found
    assert not others & found


@needs("zsh")
@pytest.mark.parametrize("words, wanted, others", CASES, ids=lambda one: " ".join(one) if isinstance(one, list) else "")
def test_zsh_completes(words: list[str], wanted: set[str], others: set[str], tmp_path: Path) -> None:
    """With functions in place of zsh's own for offering words and files."""
    script = f"""
        compadd() {{ shift; print -l -- ${{(M)@:#$PREFIX*}} }}
        _files() {{ print -l -- $PREFIX*(N) }}
        words=({shlex.join(words)}) CURRENT={len(words)} PREFIX={shlex.quote(words[-1])}
        source {shlex.quote(str(SHARE / "zsh/site-functions/_pypimirror"))}
    """
    found = offered(["zsh", "-f", "-c", script], tmp_path)
    assert wanted <= found
    assert not others & found
