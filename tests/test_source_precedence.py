"""Several upstream indexes in one mirror: the first that has a project is the only one that counts for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from pypimirror.errors import ProjectNotFound
from pypimirror.model import ListedProject, Project, ProjectList
from pypimirror.upstream.multi_index import MultiIndex, is_given_over, serial_at
from support import interruptions
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel


@pytest.fixture
def private() -> Iterator[Upstream]:
    """The index that counts first."""
    with Upstream() as started:
        yield started


@pytest.fixture
def both(mirrored: Mirrored, upstream: Upstream, private: Upstream) -> Mirrored:
    """A mirror of both indexes: ``ours`` is in both, ``secret`` is private, ``public`` is not."""
    private.add("ours", wheel("ours", "1.0"))
    private.add("secret", wheel("secret", "1.0"))
    upstream.add("ours", wheel("ours", "99.0", body="evil = True\n"))
    upstream.add("public", wheel("public", "1.0"))
    mirrored.settings["index_url"] = f"{private.url} {upstream.url}"
    return mirrored


def test_a_project_is_taken_from_the_first_index_that_has_it_alone(both: Mirrored, upstream: Upstream) -> None:
    assert both.run("sync") == 0
    assert both.files("ours") == ["ours-1.0-py3-none-any.whl"]
    assert both.files("secret") and both.files("public")
    assert not both.untrue()
    assert not [path for path in upstream.asked() if "ours" in path or "secret" in path]


@pytest.mark.parametrize("matches", ["*", "ours secret public nobody"])
def test_the_order_holds_with_and_without_a_list_of_names(both: Mirrored, upstream: Upstream, matches: str) -> None:
    both.settings["package_matches"] = matches
    assert both.run("sync") == (0 if matches == "*" else 1)  # nobody
    assert both.run("sync") == (0 if matches == "*" else 1)  # nobody
    assert both.files("ours") == ["ours-1.0-py3-none-any.whl"]
    assert both.files("public") == ["public-1.0-py3-none-any.whl"]
    assert not [path for path in upstream.asked() if "ours" in path]


def test_a_run_without_changes_asks_for_the_lists_alone(both: Mirrored, upstream: Upstream, private: Upstream) -> None:
    assert both.run("sync") == 0
    before = both.tree()
    upstream.asked()
    private.asked()
    assert both.run("sync", "-U") == 0
    assert (upstream.asked(), private.asked()) == (["/simple/"], ["/simple/"])
    assert both.tree() == before


@pytest.mark.parametrize("matches", ["*", "ours secret public"])
def test_only_the_changed_index_costs_requests_for_pages(
        both: Mirrored, upstream: Upstream, private: Upstream, matches: str) -> None:
    both.settings["package_matches"] = matches
    assert both.run("sync") == 0
    upstream.asked()
    private.add("secret", wheel("secret", "2.0"))
    assert both.run("-U") == 0
    assert both.files("secret") == ["secret-1.0-py3-none-any.whl", "secret-2.0-py3-none-any.whl"]
    assert not [path for path in upstream.asked() if "secret" in path]


@pytest.mark.parametrize("matches", ["*", "public other"])
@pytest.mark.parametrize("serials", [True, False])
@pytest.mark.parametrize("etags", [True, False])
def test_a_project_that_appears_in_an_earlier_index_is_taken_from_there_by_the_next_update(
        both: Mirrored, upstream: Upstream, private: Upstream, matches: str, serials: bool, etags: bool) -> None:
    both.settings["package_matches"] = matches
    for index in (upstream, private):
        index.serials, index.etags = serials, etags
    assert both.run("sync") == (0 if matches == "*" else 1)  # no index has other
    private.serial = upstream.project_serials["public"] - 1  # the very serial that the project has in the other index
    private.add("public", wheel("public", "0.1"))
    assert both.run("-U") == (0 if matches == "*" else 1)  # no index has other
    assert both.files("public") == ["public-0.1-py3-none-any.whl"]
    assert [path for path in both.paths() if path.startswith("public/") and ".whl" in path] == [
        "public/public-0.1-py3-none-any.whl", "public/public-0.1-py3-none-any.whl.metadata"]
    assert not both.untrue()


@pytest.mark.parametrize("algorithm", ["", "md5"])
@pytest.mark.heavy
def test_a_file_without_its_sha256_is_fetched_anew_from_the_other_index_unless_it_is_the_same(
        both: Mirrored, upstream: Upstream, private: Upstream, algorithm: str) -> None:
    name, theirs = wheel("public", "1.0")
    mine = theirs[:-1] + b"x"
    for index, body in ((upstream, theirs), (private, mine)):
        fragment = f"#{algorithm}={hashlib.new(algorithm, body).hexdigest()}" if algorithm else ""
        link = f'<a href="../../files/public/{name}{fragment}">{name}</a>'
        index.answers["/simple/public/"] = (200, {"Content-Type": "text/html"}, f"<html>{link}</html>".encode())
    page = private.answers["/simple/public/"]
    private.answers["/simple/public/"] = (404, {}, b"")
    assert both.run("sync") == 0
    assert both.tree()[f"public/{name}"] == theirs
    private.answers |= {"/simple/public/": page, f"/files/public/{name}": (200, {}, mine)}
    private.add("public")
    for number in range(1, 16):
        # The page tells of the old file until the new one is there, wherever the run ends.
        status = interruptions.killed(lambda: both.run("-U", "-q"), number, after=True)
        assert both.untrue() == []
        if status != interruptions.KILLED:
            break
    assert both.run("-U") == 0
    assert both.tree()[f"public/{name}"] == mine
    assert not both.untrue()


@pytest.mark.parametrize("kept", [{"cleanup": "False"}, {"requirements": "pins.txt"}, {}])
@pytest.mark.heavy
def test_nothing_keeps_what_a_later_index_has_of_a_project_of_an_earlier_one(
        both: Mirrored, upstream: Upstream, private: Upstream, kept: dict[str, str]) -> None:
    for minor in range(15):
        upstream.add("public", wheel("public", f"2.{minor}"))
    (both.config.parent / "pins.txt").write_text("public==2.7\n")
    both.settings |= kept
    assert both.run("sync") == 0
    private.add("public", wheel("public", "0.1"))
    # Neither the brake holds the files back, nor does anything else; a pin that can't be met is told.
    assert both.run("-U") == (1 if "requirements" in kept else 0)
    assert [path for path in both.paths() if path.startswith("public/") and path.endswith(".whl")] == [
        "public/public-0.1-py3-none-any.whl"]


@pytest.mark.heavy
def test_the_brake_holds_back_nothing_of_an_index_that_does_not_count_any_more(
        both: Mirrored, upstream: Upstream, private: Upstream) -> None:
    for number in range(30):
        upstream.add(f"project{number}", wheel(f"project{number}", "1"))
    assert both.run("sync") == 0
    private.add("public", wheel("public", "0.1"))
    for number in range(20):
        upstream.remove(f"project{number}")
    assert both.run("-U") == 4
    assert both.files("project1")
    assert both.files("public") == ["public-0.1-py3-none-any.whl"]


def test_an_index_that_takes_the_place_of_another_one_takes_nothing_away_that_is_kept(
        both: Mirrored, upstream: Upstream, private: Upstream) -> None:
    both.settings |= {"cleanup": "False", "index_url": upstream.url}
    upstream.add("public", wheel("public", "2.0"))
    assert both.run("sync") == 0
    upstream.remove("public", wheel("public", "1.0")[0])
    assert both.run("sync") == 0
    private.add("public", wheel("public", "2.0"))
    both.settings["index_url"] = private.url
    assert both.run("sync") == 0
    assert both.files("public") == ["public-1.0-py3-none-any.whl", "public-2.0-py3-none-any.whl"]


def test_what_an_earlier_index_has_lost_is_not_taken_from_a_later_one_unasked(
        both: Mirrored, private: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    assert both.run("sync") == 0
    before = both.tree()
    private.remove("ours")
    for _ in range(2):
        assert both.run("-U") == 1
        assert "pypimirror: ours: " in (told := capsys.readouterr().err)
        assert "does not have it any more" in told and "sync ours" in told
        assert both.tree() == before
    assert both.run("-I") == 1
    assert both.tree() == before
    assert both.run("sync", "ours") == 0
    assert both.files("ours") == ["ours-99.0-py3-none-any.whl"]
    assert both.run("-U") == 0


def test_what_no_index_has_any_more_goes(both: Mirrored, private: Upstream) -> None:
    assert both.run("sync") == 0
    private.remove("secret")
    assert both.run("-U") == 0
    assert not [path for path in both.paths() if path.startswith("secret/")]


def test_an_index_that_was_dropped_from_the_configuration_holds_nothing_back(both: Mirrored, upstream: Upstream) -> None:
    assert both.run("sync") == 0
    both.settings["index_url"] = upstream.url
    assert both.run("sync") == 0
    assert both.files("ours") == ["ours-99.0-py3-none-any.whl"]
    assert not [path for path in both.paths() if path.startswith("secret/")]


def test_changing_the_order_changes_the_mirror(both: Mirrored, upstream: Upstream, private: Upstream) -> None:
    assert both.run("sync") == 0
    both.settings["index_url"] = f"{upstream.url} {private.url}"
    assert both.run("sync") == 0
    assert both.files("ours") == ["ours-99.0-py3-none-any.whl"]
    assert both.files("secret") == ["secret-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_list_that_cant_be_had_ends_the_run_and_changes_nothing(
        both: Mirrored, private: Upstream, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert both.run("sync") == 0
    before = both.tree()
    private.answers["/simple/"] = (status, {}, b"")
    assert both.run("sync") == 1
    assert f"{private.url}: status {status}" in capsys.readouterr().err
    assert both.tree() == before


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_page_that_cant_be_had_is_no_absence(
        both: Mirrored, upstream: Upstream, private: Upstream, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    both.settings["package_matches"] = "ours public"
    private.answers["/simple/ours/"] = (status, {}, b"")
    assert both.run("sync") == 1
    assert f"ours: {private.url}ours/: status {status}" in capsys.readouterr().err
    assert not [path for path in both.paths() if "ours" in path]
    assert both.files("public")
    del private.answers["/simple/ours/"]
    assert both.run("sync") == 0
    assert both.files("ours") == ["ours-1.0-py3-none-any.whl"]


def test_an_empty_list_of_an_earlier_index_gives_nothing_over_to_a_later_one(both: Mirrored, private: Upstream) -> None:
    assert both.run("sync") == 0
    private.projects.clear()
    assert both.run("sync") == 1
    assert both.files("ours") == ["ours-1.0-py3-none-any.whl"]


def test_names_as_registered_are_each_indexs_own(mirrored: Mirrored, upstream: Upstream, private: Upstream) -> None:
    upstream.add("Products.Public", sdist("Products.Public", "1"))
    private.add("Products.Secret", sdist("Products.Secret", "1", "Products.Secret"))
    private.displays["products-secret"] = "products-secret"  # as pypiserver does it
    mirrored.settings["index_url"] = f"{private.url} {upstream.url}"
    assert mirrored.run("sync") == 0
    assert 'href="products-secret/">Products.Secret</a>' in mirrored.read("index.html")
    assert 'href="products-public/">Products.Public</a>' in mirrored.read("index.html")


def test_one_url_twice_is_one_index(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    mirrored.settings["index_url"] = f"{upstream.url} {upstream.url.rstrip('/')}"
    assert mirrored.run("sync") == 0
    assert upstream.asked().count("/simple/") == 1


def test_an_unknown_scheme_is_one_line_that_names_the_key(mirrored: Mirrored, capsys: pytest.CaptureFixture[str]) -> None:
    mirrored.settings["index_url"] = "gopher://pypi.example.com/"
    assert mirrored.run("sync") == 2
    assert "index_url = 'gopher'" in capsys.readouterr().err
    assert not mirrored.root.exists()


class Fixed:
    """A source with one project and an ETag."""

    def __init__(self, name: str, etag: str | None, serial: int | None = None):
        self.name, self.etag, self.serial = name, etag, serial
        self.asked: list[str | None] = []

    def listing(self, wanted, etag=None, written=None):
        self.asked.append(etag)
        if etag is not None and etag == self.etag:
            return ProjectList({}, etag=etag, unchanged=True)
        return ProjectList({self.name: ListedProject(self.name, self.serial)}, 1, self.etag, self.serial is not None)

    def project(self, name, etag=None, since=None):
        if name != self.name:
            raise ProjectNotFound(name)
        self.asked.append(etag)
        return Project(name, etag=self.etag), ()


def test_an_etag_goes_to_the_index_that_gave_it_alone() -> None:
    first, second = Fixed("one", '"a"'), Fixed("one", '"b"')
    both = MultiIndex({"https://a.example.com/": first, "https://b.example.com/": second})
    late = MultiIndex({"https://b.example.com/": second})
    page, _ = late.project("one")
    both.project("one", page.etag)
    late.project("one", page.etag)
    assert (first.asked, second.asked) == ([None], [None, '"b"'])


def test_the_lists_are_unchanged_only_if_all_are() -> None:
    first, second = Fixed("one", '"a"', 1), Fixed("two", '"b"', 2)
    both = MultiIndex({"https://a.example.com/": first, "https://b.example.com/": second})
    whole = both.listing(lambda name: True)
    assert (set(whole.projects), whole.total, whole.serials) == ({"one", "two"}, 2, True)
    assert whole.origin("one") == "https://a.example.com/"
    assert whole.origin("two") == "https://b.example.com/"
    assert both.listing(lambda name: True, whole.etag).unchanged
    first.etag = '"c"'
    changed = both.listing(lambda name: True, whole.etag)
    assert not changed.unchanged
    assert set(changed.projects) == {"one", "two"}


def test_a_list_without_etag_or_serials_leaves_the_whole_without() -> None:
    first, second = Fixed("one", None), Fixed("two", '"b"', 2)
    whole = MultiIndex({"https://a.example.com/": first, "https://b.example.com/": second}).listing(lambda name: True)
    assert (whole.etag, whole.serials) == (None, False)


def test_serials_of_two_indexes_are_never_the_same() -> None:
    assert serial_at(5, "https://a.example.com/") == serial_at("5", "https://a.example.com/")
    assert serial_at(5, "https://a.example.com/") != serial_at(5, "https://b.example.com/")
    assert serial_at(None, "https://a.example.com/") is None


@pytest.mark.parametrize(("before", "now", "given"), [
    ("a", "b", True), ("b", "a", False), ("a", "a", False), ("x", "b", False), ("", "b", False), ("a", "local", False)])
def test_a_project_is_given_over_only_from_an_earlier_index_to_a_later_one(before: str, now: str, given: bool) -> None:
    assert is_given_over(("a", "b"), before, now) is given
