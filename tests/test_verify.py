"""verify: each kind of damage is found, named in one line, and repaired; nothing is ever deleted."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support import servers
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

pytestmark = pytest.mark.storages

Captured = pytest.CaptureFixture[str]
WHEEL = "zope-interface/zope_interface-1.0-py3-none-any.whl"
SDIST = "zope-interface/zope_interface-1.0.tar.gz"


@pytest.fixture
def filled(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> Mirrored:
    """A synced mirror of two projects, one of them with a second page, and with files of others in it."""
    upstream.add("zope.interface", wheel("zope.interface", "1.0"), sdist("zope.interface", "1.0"))
    upstream.add("two", wheel("two", "1"), wheel("two", "2"))
    assert mirrored.run("sync") == 0
    for path in ("robots.txt", ".htaccess", "two/.htaccess", "static/style.css", "docs/index.html"):
        (mirrored.root / path).parent.mkdir(exist_ok=True)
        (mirrored.root / path).write_text("of somebody else")
    capsys.readouterr()
    return mirrored


def damage(mirrored: Mirrored, path: str) -> None:
    """Change one byte of a file, which keeps its length."""
    body = bytearray((mirrored.root / path).read_bytes())
    body[len(body) // 2] ^= 1
    (mirrored.root / path).write_bytes(body)


def trashed(mirrored: Mirrored) -> dict[str, bytes]:
    """Return what is in the trash by project and name."""
    found = (path for path in (mirrored.root / ".pypimirror/trash").rglob("*") if path.is_file() and path.suffix != ".facts")
    return {"/".join(path.parts[-2:]): path.read_bytes() for path in found}


def state(mirrored: Mirrored) -> sqlite3.Connection:
    return sqlite3.connect(mirrored.root / ".pypimirror/state.sqlite", isolation_level=None)


def put(path: str, body: str) -> Callable[[Mirrored], None]:
    def done(mirrored: Mirrored) -> None:
        (mirrored.root / path).parent.mkdir(exist_ok=True)
        (mirrored.root / path).write_text(body)

    return done


@pytest.mark.bucket
def test_a_mirror_that_is_right_is_found_to_be_so_and_nothing_is_printed(
        filled: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    before = filled.tree()
    upstream.asked()
    assert filled.run("verify") == 0
    assert filled.run("verify", "--repair") == 0
    assert capsys.readouterr() == ("", "")
    assert upstream.asked() == []
    assert filled.tree() == before
    log = (filled.root / ".pypimirror/pypimirror.log").read_text()
    assert "verified 2 projects, 4 files, " in log and ": nothing is wrong" in log


#: What is done to a mirror, and how the line begins that tells of it.
DAMAGES: dict[str, tuple[Callable[[Mirrored], None], str]] = {
    "damaged file": (lambda m: damage(m, WHEEL), f"{WHEEL}: damaged: its sha256 is "),
    "cut off file": (put(SDIST, "x"), f"{SDIST}: damaged: its sha256 is "),
    "missing file": (lambda m: (m.root / SDIST).unlink(), f"{SDIST}: missing"),
    "damaged metadata": (lambda m: damage(m, f"{WHEEL}.metadata"), f"{WHEEL}.metadata: damaged"),
    "missing metadata": (lambda m: (m.root / f"{WHEEL}.metadata").unlink(), f"{WHEEL}.metadata: missing"),
    "edited page": (lambda m: damage(m, "two/index.html"), "two/index.html: the page is not what was written"),
    "edited JSON page": (lambda m: damage(m, "two/index.v1_json"), "two/index.v1_json: the page is not what"),
    "missing page": (lambda m: (m.root / "two/index.v1_json").unlink(), "two/index.v1_json: the page is missing"),
    "missing second page": (lambda m: (m.root / "zope.interface/index.html").unlink(), "zope.interface/index.html: the page"),
    "missing root": (lambda m: (m.root / "index.html").unlink(), "index.html: the page is missing"),
    "edited root": (lambda m: damage(m, "index.v1_json"), "index.v1_json: the page is not what was written"),
    "edited full page": (lambda m: damage(m, "full.html"), "full.html: the page is not what was written"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_found_and_repaired(filled: Mirrored, upstream: Upstream, capsys: Captured, kind: str) -> None:
    files = {path: body for path, body in filled.tree().items() if "index." not in path and path != "full.html"}
    harm, line = DAMAGES[kind]
    harm(filled)
    harmed = filled.tree()
    upstream.asked()
    assert filled.run("verify") == 1
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 1 and out[0].startswith(line), out
    assert filled.tree() == harmed
    assert upstream.asked() == []
    assert filled.run("verify", "--repair") == 0
    assert capsys.readouterr().out.splitlines() == [*out, f"{line.partition(':')[0]}: repaired"]
    asked = upstream.asked()
    assert asked == ([f"/files/{line.partition(':')[0]}"] if "file" in kind else [])
    assert {path: body for path, body in filled.tree().items() if path in files} == files
    assert not filled.untrue()
    assert filled.run("verify") == 0
    assert filled.run("-U") == 0
    assert not [path for path in upstream.asked() if "/files/" in path]
    assert capsys.readouterr().out == ""


STRAYS = {
    "a file that no page names": "two/two-3-py3-none-any.whl",
    "a metadata file that no page names": "two/two-3-py3-none-any.whl.metadata",
    "a file in a second folder": "zope.interface/zope_interface-1.0.tar.gz",
    "a folder that no project owns": "nobody/nobody-1.0.tar.gz",
    "a folder of another spelling": "Zope_Interface/zope.interface-0.9.tar.gz",
    "a file in the root": "two-4-py3-none-any.whl",
    "a file that is no distribution": "two/notes.txt",
    "a page of another kind": "two/other.html",
    "a file without an ending in a second folder": "zope.interface/README",
}


@pytest.mark.parametrize("kind", STRAYS)
def test_strays_are_found_and_moved_to_the_trash(filled: Mirrored, capsys: Captured, kind: str) -> None:
    before, path = filled.tree(), STRAYS[kind]
    put(path, "a stray")(filled)
    assert filled.run("verify") == 1
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 1 and out[0].startswith(f"{path}: ")
    assert filled.tree() == {**before, path: b"a stray"}
    assert filled.run("verify", "--repair") == 0
    assert filled.tree() == before
    assert list(trashed(filled).values()) == [b"a stray"]
    assert filled.run("verify") == 0


FOLDERS = {
    "files of all kinds": ("two/", {"build/notes.txt": b"a", "build/lib/deep/two.py": b"b", "build/two-3.zip": b"c"}),
    "one that is called like a page": ("two/", {"full.html/a": b"a"}),
    "in a folder of another spelling": ("zope.interface/", {"old/zope.interface-0.9.zip": b"a"}),
}


@pytest.mark.bucket
@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.heavy
def test_a_folder_in_a_project_s_folder_is_a_stray(filled: Mirrored, capsys: Captured, kind: str) -> None:
    place, files = FOLDERS[kind]
    before = filled.tree()
    for path, body in files.items():
        (filled.root / place / path).parent.mkdir(exist_ok=True, parents=True)
        (filled.root / place / path).write_bytes(body)
    folder = f"{place}{next(iter(files)).partition('/')[0]}/"
    assert filled.run("verify") == 1
    assert capsys.readouterr().out == f"{folder}: no page names it\n"
    assert filled.run("verify", "--repair") == 0
    assert filled.tree() == before
    assert not (filled.root / folder).exists()
    assert sorted(trashed(filled).values()) == sorted(files.values())
    assert filled.run("verify") == 0


def test_folders_without_files_to_offer_are_no_strays(mirrored: Mirrored, upstream: Upstream) -> None:
    """Also the pages at ``/pypi/NAME/json``, where there is a project of that name."""
    mirrored.settings["index_formats"] = "html json legacy-json"
    upstream.add("pypi", wheel("pypi", "1.0"))
    upstream.add("two", wheel("two", "1.0"))
    assert mirrored.run("sync") == 0
    assert (mirrored.root / "pypi/two/json").is_file()
    (mirrored.root / "two/empty/below").mkdir(parents=True)
    put("two/.git/config", "of somebody else")(mirrored)
    before = mirrored.tree()
    assert mirrored.run("verify", "--repair") == 0
    assert mirrored.tree() == before
    put("pypi/two/jsons", "a stray")(mirrored)
    assert mirrored.run("verify", "--repair") == 0
    assert mirrored.tree() == before


def test_a_second_page_without_its_project_is_a_stray(filled: Mirrored, capsys: Captured) -> None:
    before = filled.tree()
    page = filled.root / "Two/index.html"
    page.parent.mkdir()
    page.write_bytes((filled.root / "two/index.html").read_bytes())
    assert filled.run("verify", "--repair") == 0
    assert capsys.readouterr().out == "Two/index.html: no page names it\nTwo/index.html: repaired\n"
    assert filled.tree() == before and not page.parent.exists()
    assert "Two/index.html" in trashed(filled)


def test_a_stray_is_never_lost_to_another_one(filled: Mirrored, capsys: Captured) -> None:
    for body in ("one", "two", "two"):
        put("two/two-3.zip", body)(filled)
        filled.run("verify", "--repair")
    assert trashed(filled) == {"two/two-3.zip": b"one"}
    assert (filled.root / "two/two-3.zip").read_text() == "two"
    capsys.readouterr()
    assert filled.run("verify", "--repair") == 1
    assert capsys.readouterr().out == "two/two-3.zip: no page names it\n"
    assert "contains another file of this name" in (filled.root / ".pypimirror/pypimirror.log").read_text()


@pytest.mark.directory
def test_a_symbolic_link_is_no_file(filled: Mirrored, capsys: Captured, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (filled.root / WHEEL).rename(elsewhere)
    (filled.root / WHEEL).symlink_to(elsewhere)
    assert filled.run("verify") == 1
    assert capsys.readouterr().out == f"{WHEEL}: missing\n"
    assert filled.run("verify", "--repair") == 0
    assert not (filled.root / WHEEL).is_symlink() and elsewhere.exists()
    assert filled.run("verify") == 0


@pytest.mark.directory
def test_symbolic_links_in_a_project_s_folder_are_removed_and_what_they_lead_to_stays(
        filled: Mirrored, capsys: Captured, tmp_path: Path) -> None:
    before = filled.tree()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/two-9.zip").write_bytes(b"elsewhere")
    for link, target in {"two-9.zip": "elsewhere/two-9.zip", "lib": "elsewhere", "gone": "nowhere"}.items():
        (filled.root / "two" / link).symlink_to(tmp_path / target)
    assert filled.run("verify") == 1
    assert capsys.readouterr().out == "".join(f"two/{link}: a symbolic link\n" for link in ("gone", "lib", "two-9.zip"))
    assert filled.run("verify", "--repair") == 0
    assert sorted(os.listdir(filled.root / "two")) == sorted(path[4:] for path in before if path.startswith("two/"))
    assert (tmp_path / "elsewhere/two-9.zip").read_bytes() == b"elsewhere"
    assert filled.tree() == before and filled.run("verify") == 0


@pytest.mark.parametrize("record", [b"", b"\x00garbage", "text", None])
def test_a_record_that_cant_be_read_is_reported_and_nothing_goes(
        filled: Mirrored, upstream: Upstream, capsys: Captured, record: object) -> None:
    with state(filled) as database:
        if record is None:
            database.execute("DELETE FROM records WHERE name = 'two'")
        else:
            database.execute("UPDATE records SET record = ? WHERE name = 'two'", (record,))
    put("two/two-3-py3-none-any.whl", "left by nobody knows whom")(filled)
    before = filled.tree()
    assert filled.run("verify") == 1
    out = capsys.readouterr().out
    assert out.startswith("two: its record ") and out.count("\n") == 1
    assert filled.tree() == before and not trashed(filled)
    upstream.asked()
    assert filled.run("verify", "--repair") == 0
    assert upstream.asked() == ["/simple/two/"]
    assert not filled.untrue() and len(filled.files("two")) == 2
    assert trashed(filled) == {"two/two-3-py3-none-any.whl": b"left by nobody knows whom"}
    assert filled.run("verify") == 0


def test_files_are_held_against_their_page_where_the_record_cant_be_read(filled: Mirrored, capsys: Captured) -> None:
    with state(filled) as database:
        database.execute("UPDATE records SET record = x'00'")
    damage(filled, WHEEL)
    (filled.root / "two/index.v1_json").write_text("{")
    assert filled.run("verify") == 1
    out = capsys.readouterr().out
    assert f"{WHEEL}: damaged" in out and "two/index.v1_json: the page can't be read: " in out
    assert filled.run("verify", "--repair") == 0
    assert not filled.untrue()
    assert filled.run("verify") == 0


def lose(mirrored: Mirrored) -> None:
    for path in (mirrored.root / ".pypimirror").glob("state.sqlite*"):
        path.unlink()


def garble(mirrored: Mirrored) -> None:
    (mirrored.root / ".pypimirror/state.sqlite").write_bytes(b"not a database" * 1000)


@pytest.mark.parametrize("harm", [lose, garble])
def test_a_lost_state_is_reported_and_nothing_goes(
        filled: Mirrored, upstream: Upstream, capsys: Captured, harm: Callable[[Mirrored], None]) -> None:
    before = filled.tree()
    harm(filled)
    damage(filled, SDIST)
    put("nobody/nobody-1.0.tar.gz", "left by nobody knows whom")(filled)
    harmed = filled.tree()
    for _ in range(2):
        assert filled.run("verify") == 1
        out = capsys.readouterr().out.splitlines()
        assert len(out) == 2
        assert "state.sqlite: it lacks the mirror's content" in out[0] and f"{SDIST}: damaged" in out[1]
        assert filled.tree() == harmed and not trashed(filled)
    upstream.asked()
    assert filled.run("verify", "--repair") == 0
    paths = [line.partition(": ")[0] for line in out]
    assert capsys.readouterr().out.splitlines() == [*out, *(f"{path}: repaired" for path in paths)]
    assert [path for path in upstream.asked() if path.startswith("/files/")] == [f"/files/{SDIST}"]
    assert filled.tree().keys() == before.keys()
    assert not filled.untrue()
    assert trashed(filled)["nobody/nobody-1.0.tar.gz"] == b"left by nobody knows whom"
    assert filled.run("verify") == 0


def test_a_database_with_a_damaged_page_is_set_aside(filled: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    with state(filled) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size, = database.execute("PRAGMA page_size").fetchone()
        root, = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'unfinished'").fetchone()
    path = filled.root / ".pypimirror/state.sqlite"
    body = bytearray(path.read_bytes())
    body[(root - 1) * size:(root - 1) * size + 200] = b"\xff" * 200
    path.write_bytes(body)
    before = filled.tree()
    assert filled.run("verify") == 1
    assert "state.sqlite: " in capsys.readouterr().out
    assert filled.tree() == before
    assert filled.run("verify", "--repair") == 0
    assert filled.run("verify") == 0
    assert filled.tree().keys() == before.keys()


def test_with_the_state_lost_and_upstream_down_pages_still_name_what_is_there(
        filled: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    before = filled.tree()
    lose(filled)
    upstream.answers["/simple/two/"] = (500, {}, b"")
    assert filled.run("sync") == 1
    assert filled.files("two") and not trashed(filled)
    lose(filled)
    assert filled.run("-i") == 0
    assert filled.tree().keys() == before.keys() and not trashed(filled)
    assert not filled.untrue()


def test_what_cant_be_fetched_again_is_taken_off_its_page_and_tried_again(
        filled: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    served = upstream.projects["two"]["two-1-py3-none-any.whl"]
    served.metadata = (served.metadata or b"") + b"Keywords: not in the wheel\n"
    upstream.touch("two")
    assert filled.run("-U") == 0
    damage(filled, WHEEL)
    damage(filled, "two/two-1-py3-none-any.whl.metadata")
    upstream.answers[f"/files/{WHEEL}"] = upstream.answers["/files/two/two-1-py3-none-any.whl.metadata"] = (503, {}, b"")
    harmed = (filled.root / WHEEL).read_bytes()
    damage(filled, "two/index.html")
    assert filled.run("verify", "--repair") == 1
    told = capsys.readouterr()
    assert "whl.metadata: status 503\n" in told.err
    lines = told.out.splitlines()
    assert sorted(line.partition(": ")[0] for line in lines[:3]) == [
        "two/index.html", "two/two-1-py3-none-any.whl.metadata", WHEEL]
    assert lines[3:] == ["two/index.html: repaired"]
    assert "wrong: 3, repaired: 1" in (filled.root / ".pypimirror/pypimirror.log").read_text()
    assert filled.files("zope-interface") == ["zope_interface-1.0.tar.gz"]
    assert trashed(filled)[WHEEL] == harmed
    assert not (filled.root / WHEEL).exists()
    # The file itself was good.
    assert len(filled.files("two")) == 2
    assert not filled.untrue()
    upstream.answers.clear()
    assert filled.run("-U") == 0
    assert len(filled.files("zope-interface")) == 2
    assert filled.run("verify") == 0
    assert (filled.root / "two/two-1-py3-none-any.whl.metadata").exists()


@pytest.mark.directory
def test_what_waits_in_the_trash_repairs_without_a_download(filled: Mirrored, upstream: Upstream) -> None:
    place = filled.root / ".pypimirror/trash/2020-02-02" / WHEEL
    place.parent.mkdir(parents=True)
    (filled.root / WHEEL).rename(place)
    upstream.asked()
    assert filled.run("verify", "--repair") == 0
    assert upstream.asked() == []
    assert filled.run("verify") == 0


def test_a_repair_does_not_apply_an_edited_configuration(filled: Mirrored, capsys: Captured) -> None:
    filled.settings["filename_excludes"] = "*.tar.gz"
    damage(filled, WHEEL)
    assert filled.run("verify", "--repair") == 0
    assert len(filled.files("zope-interface")) == 2
    assert filled.run("-U") == 0
    assert len(filled.files("zope-interface")) == 1


def test_pages_that_wait_for_a_sync_with_an_edited_configuration_are_not_wrong(filled: Mirrored, capsys: Captured) -> None:
    filled.settings["legacy_names"] = False
    before = filled.tree()
    assert filled.run("verify") == 0
    damage(filled, SDIST)
    assert filled.run("verify") == 1
    assert filled.run("verify", "--repair") == 0
    assert (filled.root / SDIST).read_bytes() == before[SDIST]
    assert filled.run("-U") == 0
    assert filled.run("verify") == 0


def test_a_projects_work_that_was_cut_off_is_no_damage(filled: Mirrored, capsys: Captured) -> None:
    with state(filled) as database:
        database.execute("UPDATE projects SET pending = 2 WHERE name = 'two'")
    put("two/two-3-py3-none-any.whl", "fetched, not on the page yet")(filled)
    assert filled.run("verify") == 0
    damage(filled, "two/two-1-py3-none-any.whl")
    assert filled.run("verify", "--repair") == 0
    assert not filled.untrue() and len(filled.files("two")) == 2
    assert filled.run("verify") == 0


def test_an_older_version_on_the_full_page_is_no_damage(filled: Mirrored) -> None:
    page = filled.root / "full.html"
    page.write_text(page.read_text().replace("z3c.recipe.pypimirror ", "z3c.recipe.pypimirror 0.9b"))
    assert filled.run("verify") == 0


@pytest.mark.directory
def test_what_cant_be_read_is_one_line_and_holds_up_nothing(filled: Mirrored, capsys: Captured) -> None:
    (filled.root / "two").chmod(0)
    if os.access(filled.root / "two", os.R_OK):
        (filled.root / "two").chmod(0o755)
        pytest.skip("root can read everything")
    damage(filled, WHEEL)
    try:
        assert filled.run("verify") == 1
        out = capsys.readouterr().out.splitlines()
        assert sorted(line.partition(":")[0] for line in out) == ["two", WHEEL]
    finally:
        (filled.root / "two").chmod(0o755)


@pytest.mark.directory
def test_where_there_is_no_mirror_none_is_made(mirrored: Mirrored, capsys: Captured) -> None:
    assert mirrored.run("verify") == 1
    assert capsys.readouterr().err == f"pypimirror: {mirrored.root}: no mirror yet; create it with sync\n"
    assert not mirrored.root.exists()


def test_a_verification_waits_for_no_other_run(filled: Mirrored, capsys: Captured) -> None:
    import zc.lockfile

    lock = zc.lockfile.LockFile(str(filled.root / ".pypimirror/lock"))
    try:
        assert filled.run("verify") == 3
    finally:
        lock.close()


def test_progress_is_shown_on_a_terminal(filled: Mirrored) -> None:
    leader, follower = os.openpty()
    with subprocess.Popen([sys.executable, "-m", "pypimirror", filled.write(), "verify"], stdin=follower,
                          stdout=subprocess.PIPE, stderr=follower) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                block = os.read(leader, 4096)
            except OSError:  # Linux says EIO when the other side is closed
                break
            if not block:
                break
            shown += block
        assert process.stdout is not None and process.stdout.read() == b""
    os.close(leader)
    assert process.returncode == 0
    assert b"verifying 2 projects, 4 files" in shown  # tests/test_progress.py has the line that is overwritten
    assert b"nothing is wrong" in shown


@pytest.mark.directory
@pytest.mark.heavy
def test_a_verification_that_was_killed_goes_on_where_it_was(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    for number in range(60):
        upstream.add(f"p{number:02}", wheel(f"p{number:02}", "1"))
    mirrored.settings["workers"] = 1
    assert mirrored.run("sync") == 0
    damage(mirrored, "p00/p00-1-py3-none-any.whl")
    slow = {number: mirrored.root / f"p{number}/p{number}-1-py3-none-any.whl" for number in (40, 59)}
    good = {path: path.read_bytes() for path in slow.values()}
    # Files of nothing but holes: the first is long enough for what was seen to be kept, in the second it is killed.
    os.truncate(slow[40], 5 << 30)
    os.truncate(slow[59], 2 << 40)
    with subprocess.Popen([sys.executable, "-m", "pypimirror", mirrored.write(), "verify"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        servers.until(lambda: _checked(mirrored) >= 20)
        process.send_signal(signal.SIGKILL)
    seen = _checked(mirrored)
    # Of the tasks that were handed over together with the long one, some may not be noted yet.
    assert process.returncode == -signal.SIGKILL and 20 <= seen < 59
    for path, body in good.items():
        path.write_bytes(body)
    capsys.readouterr()
    # What was found to be right is not looked at again; what was wrong is.
    damage(mirrored, "p05/p05-1-py3-none-any.whl")
    assert mirrored.run("verify") == 1
    assert capsys.readouterr().out.count("\n") == 1
    log = (mirrored.root / ".pypimirror/pypimirror.log").read_text()
    assert f"verifying {60 - seen} projects, {60 - seen} files" in log
    # That one came to its end, so that the next one looks at everything.
    assert mirrored.run("verify", "--repair") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("/")[0] for line in lines] == ["p00", "p05"] * 2
    assert all(line.endswith(": repaired") for line in lines[2:])
    assert mirrored.run("verify") == 0


@pytest.mark.directory
def test_a_named_pipe_is_no_file(filled: Mirrored, capsys: Captured) -> None:
    (filled.root / SDIST).unlink()
    os.mkfifo(filled.root / SDIST)
    assert filled.run("verify", "--repair") == 0
    assert capsys.readouterr().out.startswith(f"{SDIST}: damaged")
    assert filled.run("verify") == 0


def _checked(mirrored: Mirrored) -> int:
    with state(mirrored) as database:
        try:
            return database.execute("SELECT count(*) FROM checked").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def test_what_a_verification_of_long_ago_saw_is_not_believed(filled: Mirrored, capsys: Captured) -> None:
    assert filled.run("verify") == 0
    with state(filled) as database:
        database.execute("INSERT INTO checked VALUES ('zope-interface')")
        database.execute("INSERT INTO facts VALUES ('verifying', ?)", (str(time.time() - 8 * 86400),))
    damage(filled, WHEEL)
    assert filled.run("verify") == 1
    with state(filled) as database:
        database.execute("INSERT INTO checked VALUES ('zope-interface')")
        database.execute("INSERT INTO facts VALUES ('verifying', ?)", (str(time.time() - 3600),))
    assert filled.run("verify") == 0


def test_the_log_tells_what_was_wrong(filled: Mirrored) -> None:
    damage(filled, WHEEL)
    assert filled.run("verify") == 1
    log = (filled.root / ".pypimirror/pypimirror.log").read_text()
    assert f"WARNING {WHEEL}: damaged" in log and "wrong: 1, repaired: 0" in log
    assert json.loads(filled.read("zope-interface/index.v1_json"))["files"]
