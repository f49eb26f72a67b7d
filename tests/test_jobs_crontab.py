"""The marked block in a crontab: with Debian's crontab where it is, else and for failures with a script in its place."""

import getpass
import os
import shutil
import subprocess

import pytest
from hypothesis import given, strategies

from pypimirror.errors import MirrorError
from pypimirror.jobs import crontab
from support import folder_lock, wheelhouse
from support.fake_schedulers import Crontabs

MARK = "[pypimirror] in /srv/site"
ENTRY = "17 */6 * * * /srv/site/bin/pypimirror --update-fetch -q\n"
BLOCK = f"# BEGIN {MARK}\n{ENTRY}# END {MARK}\n".encode()

@pytest.fixture
def crontabs(tmp_path, monkeypatch):
    """A script in place of ``crontab``, on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return Crontabs(tmp_path)


@pytest.fixture
def table(crontabs):
    """The file in which that script keeps the crontab."""
    return crontabs.table


def test_a_block_comes_and_goes_where_there_was_no_crontab(table):
    assert crontab.install(MARK, ENTRY) is True
    assert table.read_bytes() == BLOCK
    assert crontab.remove(MARK) is True
    assert not table.exists()


def test_nothing_is_written_without_a_change(crontabs):
    crontab.install(MARK, ENTRY)
    assert crontab.install(MARK, ENTRY) is False
    assert crontab.remove("[other] in /srv/site") is False
    assert crontabs.changes() == ["-"]


OTHERS = b"MAILTO=root\n# a comment\n\n  5 4 * * *  true  \t\n\xff\xfe not utf-8\r\n\r\n\x0c\x85\n"


def test_everything_else_stays_as_it_is_to_the_byte(table):
    table.write_bytes(OTHERS)
    crontab.install(MARK, ENTRY)
    assert table.read_bytes() == OTHERS + BLOCK
    table.write_bytes(OTHERS + BLOCK + OTHERS)
    crontab.install(MARK, "0 0 * * * true\n")
    assert table.read_bytes() == OTHERS + BLOCK.replace(ENTRY.encode(), b"0 0 * * * true\n") + OTHERS
    crontab.remove(MARK)
    assert table.read_bytes() == OTHERS + OTHERS


_LINES = strategies.lists(strategies.sampled_from([*BLOCK.splitlines(True), BLOCK.splitlines()[0], BLOCK.splitlines()[2], b"\n",
                                                   b"\r", b"0 0 * * * true\n"]) | strategies.binary(max_size=9), max_size=9)


@given(_LINES.map(b"".join))
def test_any_crontab_takes_the_block_once_and_loses_nothing_else_or_is_refused(before):
    begin, end = crontab._border_lines(MARK)
    try:
        head, _, tail = crontab._split_at_block(before, begin, end)
    except MirrorError as error:
        assert begin[:-1] in before and len(str(error).splitlines()) == 1
        return
    if head and not head.endswith(b"\n"):
        head += b"\n"
    assert crontab._split_at_block(head + BLOCK + tail, begin, end) == (head, True, tail)
    kept = [line.rstrip(b"\n") for line in before.splitlines(keepends=True)]
    assert all(line.rstrip(b"\n") in kept for line in (head + tail).splitlines(keepends=True))


@given(strategies.binary(max_size=200), strategies.binary(max_size=200))
def test_any_bytes_around_the_block_are_kept(head, tail):
    begin, end = crontab._border_lines(MARK)
    if head and not head.endswith(b"\n"):
        head += b"\n"
    assert crontab._split_at_block(head + BLOCK + tail, begin, end) == (head, True, tail)
    assert crontab._split_at_block(head + tail, begin, end) == (head + tail, False, b"")


def test_blocks_of_other_parts_and_buildouts_stay(table):
    for mark in ("[pypimirror] in /srv/other", "[pypimirror-2] in /srv/site", MARK):
        crontab.install(mark, ENTRY)
    crontab.remove(MARK)
    text = table.read_text()
    assert MARK not in text.replace("[pypimirror] in /srv/other", "")
    assert text.count("# BEGIN") == text.count("# END") == text.count(ENTRY) == 2


def test_a_copied_block_does_not_run_twice(table):
    table.write_bytes(BLOCK + OTHERS + BLOCK)
    crontab.install(MARK, ENTRY)
    assert table.read_bytes() == BLOCK + OTHERS


def test_a_block_whose_last_line_lacks_its_end_is_one(table):
    table.write_bytes(OTHERS + BLOCK[:-1])
    crontab.install(MARK, "0 0 * * * true\n")
    assert table.read_bytes() == OTHERS + BLOCK.replace(ENTRY.encode(), b"0 0 * * * true\n")
    table.write_bytes(OTHERS + BLOCK.splitlines()[0])
    with pytest.raises(MirrorError, match="has no '# END"):
        crontab.install(MARK, ENTRY)
    assert table.read_bytes() == OTHERS + BLOCK.splitlines()[0]


def test_a_last_line_without_an_end_gets_one(table):
    table.write_bytes(b"0 0 * * * true")
    crontab.install(MARK, ENTRY)
    assert table.read_bytes() == b"0 0 * * * true\n" + BLOCK


@pytest.mark.parametrize("change", [lambda: crontab.install(MARK, ENTRY), lambda: crontab.remove(MARK)])
def test_a_crontab_that_cant_be_read_is_not_written(crontabs, change):
    crontabs.table.write_bytes(BLOCK)
    crontabs.fail("-l", "You (somebody) are not allowed\nto use this program (crontab)\n")
    with pytest.raises(MirrorError, match=r"changed: You \(somebody\) are not allowed to use this program \(crontab\)$"):
        change()
    assert crontabs.changes() == []


def test_a_failure_that_looks_like_an_empty_crontab_is_still_one(crontabs):
    crontabs.fail("-l", "no crontab for somebody\ndisk on fire\n")
    with pytest.raises(MirrorError, match="disk on fire"):
        crontab.install(MARK, ENTRY)


def test_a_missing_crontab_has_other_words_with_busybox(crontabs):
    crontabs.fail("-l", "crontab: can't open 'root': No such file or directory\n")
    assert crontab.install(MARK, ENTRY) is True
    assert crontabs.table.read_bytes() == BLOCK


@pytest.fixture
def busybox(tmp_path, monkeypatch):
    """The crontab of busybox on the PATH, with a spool directory of the test; returns the user's table there."""
    program = shutil.which("busybox")
    if program is None or "crontab" not in subprocess.run([program, "--list"], capture_output=True, text=True).stdout.split():
        pytest.skip("no busybox with crontab is installed; Debian has it in busybox-static")
    spool, script = tmp_path / "spool", tmp_path / "bin" / "crontab"
    spool.mkdir()
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {program} crontab -c {spool} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=os.pathsep)
    return spool / getpass.getuser()


def test_the_real_busybox_installs_keeps_and_removes(busybox):
    assert crontab.install(MARK, ENTRY) is True
    assert busybox.read_bytes() == BLOCK
    assert crontab.install(MARK, ENTRY) is False
    busybox.write_bytes(b"# mine\n" + BLOCK)
    assert crontab.remove(MARK) is True
    assert busybox.read_bytes() == b"# mine\n"
    busybox.write_bytes(BLOCK)
    assert crontab.remove(MARK) is True
    assert not busybox.exists()


@pytest.mark.parametrize("said", [
    "crontab: can't open 'root': Permission denied\n",
    "crontab: can't open '/etc/cron.allow': No such file or directory\n",
    "crontab: chdir(/var/spool/cron/crontabs): No such file or directory\n",
    "crontab: can't open 'root': No such file or directory\ncrontab: must be suid to work properly\n",
    "crontab: you are not allowed to use this program\n"])
def test_other_failures_of_busybox_change_nothing(crontabs, said):
    crontabs.fail("-l", said)
    with pytest.raises(MirrorError, match="nothing was changed"):
        crontab.install(MARK, ENTRY)
    assert crontabs.changes() == []


def test_a_refused_change_says_what_crontab_said(crontabs):
    crontabs.fail("-", "no space left")
    with pytest.raises(MirrorError, match="crontab rejected the change: no space left"):
        crontab.install(MARK, ENTRY)


def test_a_damaged_block_is_left_for_people(crontabs):
    crontabs.table.write_bytes(BLOCK.replace(b"# END", b"# and"))
    with pytest.raises(MirrorError, match="fix it with crontab -e"):
        crontab.install(MARK, ENTRY)
    assert crontabs.changes() == []


def test_no_program_is_told_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(crontab.CrontabNotFound, match="crontab can't be run: No such file or directory"):
        crontab.install(MARK, ENTRY)


needs_cron = pytest.mark.skipif(not shutil.which("crontab") or os.geteuid() != 0,
                                reason="needs cron, and root, who may change the crontab of nobody")


@pytest.fixture
def nobody(tmp_path, monkeypatch):
    """Have ``crontab`` be Debian's, on the crontab of the user nobody; gives a function that runs it."""
    real = shutil.which("crontab")
    program = tmp_path / "crontab"
    program.write_text(f'#!/bin/sh\nexec {real} -u nobody "$@"\n')
    program.chmod(0o755)
    # There is one on the machine.
    with folder_lock.alone(wheelhouse.CHECKOUT / "var" / "tests" / "crontab"):
        if subprocess.run([program, "-l"], capture_output=True).returncode == 0:
            pytest.skip("nobody has a crontab")
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

        def run(argument, text=b""):
            return subprocess.run([program, argument], input=text, capture_output=True)

        yield run
        run("-r")


@needs_cron
def test_debians_crontab_holds_the_block_and_gives_it_back(nobody):
    others = b"# mine\n\n59 23 31 12 *  true\n"
    nobody("-", others)
    crontab.install(MARK, "59 23 31 12 * true '\\%'\n")
    assert nobody("-l").stdout == others + BLOCK.replace(ENTRY.encode(), b"59 23 31 12 * true '\\%'\n")
    crontab.remove(MARK)
    assert nobody("-l").stdout == others


@needs_cron
def test_debians_crontab_is_empty_again_after_the_only_block(nobody):
    crontab.install(MARK, ENTRY)
    assert nobody("-l").stdout == BLOCK
    crontab.remove(MARK)
    assert nobody("-l").returncode == 1


@needs_cron
def test_what_debians_crontab_refuses_is_told(nobody):
    with pytest.raises(MirrorError, match=r"crontab rejected the change: .*bad minute"):
        crontab.install(MARK, "99 * * * * true\n")
    assert nobody("-l").returncode == 1
