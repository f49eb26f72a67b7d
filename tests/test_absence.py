"""Exact names that upstream does not have, an index_url that is no root of an index, and pages that are no index's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support import old_mirrors
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

Captured = pytest.CaptureFixture[str]
NAMES = [f"zope.app{number}" for number in range(7)]
HTML = {"Content-Type": "text/html"}
LOGIN = (200, HTML, b"<html><head><title>Log in</title></head><body><form><input type='password'></form></body></html>")
BLANK = (200, HTML, b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>Hello</body></html>")
#: A login page with links of its own.
LINKED = (200, HTML, b"<html><body><a href='/help'>Help</a><input type=PASSWORD></body></html>")
HOME = (200, HTML, b"<html><body><a href='/about-us.html'>Who we are</a></body></html>")
FRONT = (200, HTML, b"<html><body><form action='/search'></form><a href='/help/'>Help</a></body></html>")
#: Pages of proxies and login pages with links that look like those of an index.
TOP = (200, HTML, b"<html><body><a href='#main'>Skip</a><noscript>Enable JavaScript</noscript></body></html>")
STATE = (200, HTML, b"<html><body><a href='/reset#state=deadbeef'>Forgot?</a><form></form></body></html>")
AGENT = (200, HTML, b"<html><body><a href='/agent-1.0.zip'>Agent</a><a href='/a-1.exe#x'>Agent</a></body></html>")
RELATED = (200, HTML, b"<html><body><a href='/agent' rel='download'>Agent</a><form></form></body></html>")
NO_INDEX = {"front": FRONT, "login": LOGIN, "blank": BLANK, "linked": LINKED, "home": HOME, "top": TOP, "state": STATE,
            "agent": AGENT, "related": RELATED}


def lines(captured: Captured) -> list[str]:
    return captured.readouterr().err.splitlines()


@pytest.mark.parametrize("matches", ["one zope.intreface", "o* zope.intreface", "* zope.intreface"])
def test_a_misspelt_name_is_one_line_everywhere(mirrored: Mirrored, upstream: Upstream, capsys: Captured, matches: str) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings["package_matches"] = matches
    expected = f"zope.intreface: not found at {upstream.url} (404); check the name"
    assert mirrored.run("plan") == 1
    assert expected in capsys.readouterr().out
    for _ in range(3):
        assert mirrored.run("-U") == 1
        assert lines(capsys) == [f"pypimirror: {expected}"]
        assert mirrored.files("one") == [wheel("one", "1")[0]]
        assert not mirrored.untrue() and "intreface" not in mirrored.read("index.html")
    assert mirrored.run("status") == 0
    assert expected in capsys.readouterr().out
    assert mirrored.run("status", "--json") == 0
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert error["project"] == "zope-intreface" and error["error"] in expected
    upstream.add("zope.intreface", wheel("zope.intreface", "1"))
    assert mirrored.run("-U") == 0
    assert mirrored.run("status", "--json") == 0
    capsys.readouterr()
    assert mirrored.run("plan") == 0


def test_a_name_that_is_taken_out_again_is_forgotten(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings["package_matches"] = "one zope.intreface"
    assert mirrored.run("sync") == 1
    for matches in ("one", "o*", "one zope.intreface", "zope.intreface* o*"):
        mirrored.settings["package_matches"] = matches
        assert mirrored.run("-U") == (1 if matches == "one zope.intreface" else 0)


def test_a_name_that_is_excluded_is_not_missed(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings |= {"package_matches": "one nosuch", "package_excludes": "nosuch"}
    assert mirrored.run("sync") == 0


def test_a_name_on_the_command_line_that_is_missing(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    assert mirrored.run("sync") == 0
    assert mirrored.run("sync", "nosuch") == 1
    assert lines(capsys) == [f"pypimirror: nosuch: not found at {upstream.url} (404); check the name"]
    assert mirrored.run("-U") == 0


@pytest.mark.parametrize("matches", ["*", "one"])
@pytest.mark.parametrize("name", [
    "!!", "n" * 300, "-one", "one-", "", " ", ".", "../one", "one\nx", "\u0131ne", "one/", "one==1"])
def test_a_name_that_no_project_can_have_is_one_line(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, matches: str, name: str) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings["package_matches"] = matches
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    for verb in ("sync", "plan"):
        assert mirrored.run(verb, "--", "one", name) == 2
        (line,) = lines(capsys)
        assert "not the name of a project" in line and len(line) < 250
    assert mirrored.tree() == before


def test_where_every_name_is_absent_nothing_is_removed(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    for name in NAMES:
        upstream.add(name, wheel(name, "1"))
    mirrored.settings["package_matches"] = " ".join(NAMES)
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    mirrored.settings["index_url"] = upstream.host
    assert mirrored.run("plan") == 1
    out = capsys.readouterr().out
    assert "index_url" in out and "\nremove " not in out
    for verb in ("-U", "-I"):
        assert mirrored.run(verb) == 1
        (line,) = lines(capsys)
        assert "none of the 7 selected projects was found" in line and f"{upstream.host}/ (404)" in line
        assert "index_url" in line and "/simple/" in line and "zope.app0" in line
        assert mirrored.tree() == before
    assert mirrored.run("status") == 0
    assert "index_url" in capsys.readouterr().out
    mirrored.settings["index_url"] = upstream.url
    assert mirrored.run("-U") == 0
    assert mirrored.tree() == before


def test_an_upstream_with_errors_for_all_other_names_removes_nothing(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    mirrored.settings["package_matches"] = "one two"
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    upstream.answers |= {"/simple/one/": (404, {}, b""), "/simple/two/": (503, {}, b"")}
    for _ in range(3):
        assert mirrored.run("-U") == 1
        assert "one: not found" in capsys.readouterr().err
        assert mirrored.tree() == before
    del upstream.answers["/simple/two/"]
    for _ in range(2):
        mirrored.run("-U")
    assert "one/index.html" not in mirrored.paths()


@pytest.mark.parametrize("kind", ["matches", "versions"])
def test_nothing_is_removed_for_names_that_are_all_misspelt(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, tmp_path: Path, kind: str) -> None:
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    pins = tmp_path / "versions.cfg"

    def select(*names: str) -> None:
        pins.write_text("[versions]\n" + "".join(f"{name} = 1\n" for name in names))
        mirrored.settings |= {"package_matches": " ".join(names)} if kind == "matches" else {
            "package_matches": None, "versions": pins, "retain_days": 0, "build_requirements": "False"}

    select("one", "two")
    assert mirrored.run("sync") == 0
    before = {path: body for path, body in mirrored.tree().items() if not path.startswith("pins/")}
    select("onne")
    assert mirrored.run("plan") == 1
    assert "\nremove " not in capsys.readouterr().out
    assert mirrored.run("-U") == 1
    assert "nothing is removed" in capsys.readouterr().err
    assert {path: body for path, body in mirrored.tree().items() if not path.startswith("pins/")} == before
    select("one", "twoo")
    assert mirrored.run("-U") == 1
    assert "one/index.html" in mirrored.paths() and "two/index.html" not in mirrored.paths()


def test_every_name_absent_from_the_start(mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings |= {"package_matches": "one", "index_url": upstream.host}
    assert mirrored.run("sync") == 1
    (line,) = lines(capsys)
    assert line.startswith(f"pypimirror: one: not found at {upstream.host}/ (404); check the name, and index_url")
    assert mirrored.run("status", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status["last_good_run"] is None and "one: not found" in status["problems"][0]


def test_deletions_of_every_name_can_be_allowed(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings["package_matches"] = "one"
    assert mirrored.run("sync") == 0
    upstream.remove("one")
    assert mirrored.run("-U") == 1
    assert mirrored.files("one") == [wheel("one", "1")[0]]
    assert mirrored.run("-U", "--allow-deletions") == 1
    assert "one/index.html" not in mirrored.paths()


@pytest.mark.parametrize(("kind", "code"), [("matches", 404), ("versions", 410)])
def test_an_absence_counts_when_the_next_run_confirms_it(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, tmp_path: Path, kind: str, code: int) -> None:
    """Where there is no list that could agree: one wrong answer removes nothing."""
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"), wheel(name, "2"))
    if kind == "matches":
        mirrored.settings["package_matches"] = "one two"
    else:
        (tmp_path / "versions.cfg").write_text("[versions]\none = 1\ntwo = 1\n")
        mirrored.settings |= {"package_matches": None, "versions": "versions.cfg", "build_requirements": "False"}
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    upstream.answers["/simple/one/"] = (code, {}, b"")
    assert mirrored.run("plan") == 1
    assert "\nremove " not in capsys.readouterr().out
    assert mirrored.run("-U") == 1
    (line,) = lines(capsys)
    assert line.startswith(f"pypimirror: one: not found upstream ({code}), which had it before: kept")
    assert mirrored.tree() == before
    del upstream.answers["/simple/one/"]
    assert mirrored.run("-U") == 0
    assert mirrored.tree() == before
    upstream.remove("one")
    for status in (1, 1 if kind == "matches" else 0):
        assert mirrored.tree() == before
        assert mirrored.run("-U") == status
    assert mirrored.untrue() == []
    # What is pinned stays though upstream has it no more.
    assert ("one/index.html" in mirrored.paths()) == (kind == "versions")


def test_an_absence_counts_at_once_where_deletions_are_allowed(mirrored: Mirrored, upstream: Upstream) -> None:
    for name in ("one", "two"):
        upstream.add(name, wheel(name, "1"))
    mirrored.settings["package_matches"] = "one two"
    assert mirrored.run("sync") == 0
    upstream.remove("one")
    mirrored.run("-U", "--allow-deletions")
    assert "one/index.html" not in mirrored.paths()


def test_own_distributions_prove_nothing_about_upstream(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, capsys: Captured) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / wheel("mine", "1")[0]).write_bytes(wheel("mine", "1")[1])
    upstream.add("one", wheel("one", "1"))
    mirrored.settings |= {"package_matches": "one", "local_packages": own}
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    mirrored.settings["index_url"] = upstream.host
    assert mirrored.run("-U") == 1
    assert "index_url" in lines(capsys)[0] and mirrored.tree() == before


def test_pins_that_are_missing_are_reported_as_ever(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, capsys: Captured) -> None:
    upstream.add("one", wheel("one", "1"))
    (tmp_path / "requirements.txt").write_text("one==1\nnosuch==2\n")
    mirrored.settings |= {"package_matches": None, "requirements": tmp_path / "requirements.txt"}
    assert mirrored.run("sync") == 1
    assert lines(capsys) == ["pypimirror: nosuch: pinned, but not available: 2 (upstream offers no file of it)"]
    before = mirrored.tree()
    mirrored.settings["index_url"] = upstream.host
    assert mirrored.run("-U") == 1
    assert any("index_url" in line for line in lines(capsys)) and mirrored.tree() == before


@pytest.mark.parametrize("answer", NO_INDEX)
def test_a_list_that_is_no_index_is_one_line(mirrored: Mirrored, upstream: Upstream, capsys: Captured, answer: str) -> None:
    upstream.answers["/login"] = NO_INDEX[answer]
    upstream.answers["/simple/"] = (302, {"Location": "/login"}, b"")
    assert mirrored.run("sync") == 1
    (line,) = lines(capsys)
    assert upstream.url in line and "Simple index" in line and "index_url" in line
    assert mirrored.run("plan") == 1


@pytest.mark.parametrize("answer", NO_INDEX)
def test_a_project_page_that_is_no_indexs_is_one_line_and_removes_nothing(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, answer: str) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings["package_matches"] = "one"
    upstream.answers["/simple/one/"] = NO_INDEX[answer]
    for _ in range(2):
        assert mirrored.run("sync") == 1
        (line,) = lines(capsys)
        assert line.startswith("pypimirror: one: ") and "Simple index" in line
    del upstream.answers["/simple/one/"]
    assert mirrored.run("-U") == 0
    before = mirrored.tree()
    upstream.answers["/simple/one/"] = NO_INDEX[answer]
    assert mirrored.run("-U") == 1
    assert mirrored.tree() == before


#: Pages of projects without files, and lists without projects, as generators of indexes and web servers write them.
EMPTY = {
    "warehouse": '<html><head><meta name="pypi:repository-version" content="1.4"><title>{}</title></head><body></body></html>',
    "old warehouse": "<!DOCTYPE html><html><head><title>Links for {}</title></head><body><h1>Links for {}</h1></body></html>",
    "pypiserver": "<html><head><title>Links for {}</title></head><body></body></html>",
    "devpi": "<!DOCTYPE html><html><head><title>root/pypi: simple list for {}</title></head><body></body></html>",
    "apache": '<html><head><title>Index of /simple/{}</title></head><body><a href="/simple/">Up</a></body></html>',
    "python": "<!DOCTYPE HTML><html><head><title>Directory listing for /simple/{}</title></head><body><ul></ul></body></html>",
    "serial": "<html><body></body></html><!--SERIAL 17-->",
    "status": '<html><head><meta name="pypi:project-status" content="quarantined"></head><body></body></html>',
    "hash": '<html><body><a href="demo-1.unknown#sha256=' + 64 * "0" + '">demo-1.unknown</a></body></html>',
    "home page": '<html><body><a href="http://one.example.com/" rel="homepage">one 1.0 home_page</a></body></html>',
}


@pytest.mark.parametrize("generator", EMPTY)
def test_pages_of_projects_without_files_are_pages(mirrored: Mirrored, upstream: Upstream, generator: str) -> None:
    page = EMPTY[generator].replace("{}", "one").encode()
    upstream.answers["/simple/one/"] = (200, {"Content-Type": "text/html"}, page)
    mirrored.settings["package_matches"] = "one"
    assert mirrored.run("sync") == 0
    assert mirrored.files("one") == []


@pytest.mark.parametrize("page", [
    '<html><body><a href="one/">one</a></body></html>',
    '<a href="/simple/one/">One</a>',
    '<html><body><a href="one/index.html">one</a></body></html>',
    '<html><body><a href="one">one</a></body></html>',
    '<html><head><title>Simple index</title></head><body></body></html>',
    '<html><head><title>Index of /simple/</title></head><body><h1>Index of /simple/</h1><a href="../">../</a></body></html>',
    '<html><head><meta name="pypi:repository-version" content="1.0"></head><body></body></html>',
])
def test_lists_of_every_kind_are_lists(mirrored: Mirrored, upstream: Upstream, page: str) -> None:
    upstream.json = False
    upstream.add("one", wheel("one", "1"))
    upstream.answers["/simple/"] = (200, {"Content-Type": "text/html"}, page.encode())
    assert mirrored.run("sync") == 0


def adopted(mirrored: Mirrored, name: str) -> None:
    """Adopt a file of a project that upstream does not have."""
    old_mirrors.folders(mirrored.root.parent / "old", {name: [sdist(name, "0.1")]})
    assert mirrored.run("adopt", str(mirrored.root.parent / "old")) == 0


def test_a_missing_name_is_reported_by_the_run_that_evaluates_it_twice(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured) -> None:
    mirrored.settings |= {"package_matches": "app lib", "dependencies": "True", "build_requirements": "False"}
    upstream.add("app", wheel("app", "1.0", ("lib",)))
    adopted(mirrored, "lib")
    capsys.readouterr()
    for _ in range(2):
        assert mirrored.run("-U") == 1
        found = lines(capsys)
        assert len(found) == 1, found
        assert found[0].startswith("pypimirror: lib: not found at ")


def test_a_list_without_selected_projects_is_requested_with_its_etag(mirrored: Mirrored, upstream: Upstream) -> None:
    mirrored.settings["package_matches"] = "l*"
    upstream.add("other", wheel("other", "1"))
    adopted(mirrored, "lib")
    assert mirrored.run("-U") == 0
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]
    upstream.add("lib", wheel("lib", "1.0"))
    assert mirrored.run("-U") == 0
    assert len(mirrored.files("lib")) == 2


@pytest.mark.parametrize("etags", [True, False])
def test_a_list_of_which_no_project_has_a_page_is_one_line_in_every_run(
        mirrored: Mirrored, upstream: Upstream, capsys: Captured, etags: bool) -> None:
    """Such as a page with relative links to log in."""
    upstream.json, upstream.etags = False, etags
    for name in ("login", "help"):
        upstream.add(name, wheel(name, "1"))
        upstream.answers[f"/simple/{name}/"] = (404, {}, b"")
    assert mirrored.run("-U") == 1
    capsys.readouterr()
    for _ in range(2):
        assert mirrored.run("-U") == 1
        (line,) = lines(capsys)
        assert line.startswith("pypimirror: none of the 2 selected projects on the list at ")
        assert "has a page; check index_url" in line
    del upstream.answers["/simple/help/"]
    upstream.touch("help")
    mirrored.run("-U")
    assert mirrored.files("help")
    assert mirrored.run("-U") == 0


def test_projects_whose_files_are_all_left_out_have_pages(mirrored: Mirrored, upstream: Upstream) -> None:
    mirrored.settings["package_types"] = "sdist"
    upstream.add("one", wheel("one", "1"))
    for _ in range(3):
        assert mirrored.run("-U") == 0
