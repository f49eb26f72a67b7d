"""Links that lead out of the index, followed against real servers on loopback."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypimirror.http import ssrf
from support.external_hosts import EARLIER, LATER, Elsewhere, links
from support.mirror import Mirrored
from support.upstream import JSON, Upstream, sdist, wheel


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as started:
        yield started


@pytest.fixture
def following(mirrored: Mirrored) -> Mirrored:
    """A mirror that follows links."""
    mirrored.settings["external_links"] = "True"
    return mirrored


def runs(mirrored: Mirrored) -> list[dict[str, int]]:
    """Return how many files each run found and stored, from the log."""
    return [{"found": int(found), "stored": int(stored)}
            for found, stored in re.findall(r"run ended .* found (\d+), stored (\d+)", log(mirrored))]


def log(mirrored: Mirrored) -> str:
    return mirrored.read(".pypimirror/pypimirror.log")


# --- what is found


@pytest.mark.parametrize("anchor", ["rel=download {}", 'rel="homepage" {}', "{}"])
def test_a_direct_link_to_a_file_is_fetched_and_the_pages_tell_that_it_is_external(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere, anchor: str) -> None:
    name, body = sdist("one", "1")
    url = elsewhere.put(f"/dist/{name}", body)
    links(upstream, "one", anchor.format(url))
    assert following.run("sync") == 0
    assert (following.root / "one" / name).read_bytes() == body
    digest = hashlib.sha256(body).hexdigest()
    assert f'<a href="{name}#sha256={digest}" rel="external">' in following.read("one/index.html")
    (entry,) = following.page("one")["files"]
    assert entry["external"] == url
    assert entry["hashes"] == {"sha256": digest}
    assert elsewhere.asked() == [f"/dist/{name}"] * 2  # one look at the head, one download


def test_files_of_the_index_are_not_called_external_and_win_over_links(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    name, body = sdist("one", "1")
    upstream.add("one", (name, body))
    other = elsewhere.put(f"/{name}", b"another one")
    links(upstream, "one", f"rel=download {other}", f"/files/one/{name}#sha256={hashlib.sha256(body).hexdigest()}")
    assert following.run("sync") == 0
    assert (following.root / "one" / name).read_bytes() == body
    assert "external" not in following.read("one/index.html") + following.read("one/index.v1_json")
    assert elsewhere.asked() == []


def test_unless_asked_no_link_is_followed_and_the_log_says_what_was_left_out(
        mirrored: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    one, two = elsewhere.put("/one-1.tar.gz", b"1"), elsewhere.put("/one-2.tar.gz", b"2")
    links(upstream, "one", f"rel=download {one}", two, f"rel=homepage {elsewhere.host}/home")
    assert mirrored.run("sync") == 0
    assert elsewhere.asked() == []
    assert "/pypi/one/json" not in upstream.asked()
    assert mirrored.files("one") == []
    assert "2 files on other hosts that upstream gives no hash of are left out; external_links = True" in log(mirrored)


def test_the_default_loads_nothing_that_follows_links(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"))
    code = ("import sys; from pypimirror.cli import main; status = main(None, sys.argv[1:]);"
            "print(status, 'pypimirror.upstream.external' in sys.modules)")
    for expected in ("0 False", "0 True"):
        done = subprocess.run([sys.executable, "-c", code, mirrored.write(), "sync", "-q"], capture_output=True, text=True)
        assert done.stdout.split("\n")[-2] == expected, done.stderr
        mirrored.settings["external_links"] = "True"


def test_pypis_json_names_links(following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    upstream.add("one", wheel("one", "4"))
    info = {"download_url": elsewhere.put("/one-1.tar.gz", b"1"), "home_page": elsewhere.put("/one-2.tar.gz", b"2"),
            "project_urls": {"Download": elsewhere.put("/one-3.tar.gz", b"3"), "Changes": "UNKNOWN", "Chat": "irc://chat/one",
                             "Odd": None}}
    upstream.answers["/pypi/one/json"] = (200, {"Content-Type": "application/json"}, json.dumps({"info": info}).encode())
    assert following.run("sync") == 0
    assert following.files("one") == ["one-1.tar.gz", "one-2.tar.gz", "one-3.tar.gz", "one-4-py3-none-any.whl"]
    assert not following.untrue()


@pytest.mark.parametrize("status", [404, 410, 400])
def test_an_index_may_have_no_json_of_a_project(following: Mirrored, upstream: Upstream, status: int) -> None:
    upstream.add("one", wheel("one", "1"))
    upstream.answers["/pypi/one/json"] = status, {}, b""
    assert following.run("sync") == 0
    assert "/pypi/one/json" in upstream.asked()
    assert ("/pypi/one/json" in log(following)) == (status == 400)
    assert following.files("one") == [wheel("one", "1")[0]]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"info": []}', b'{"info": {"project_urls": [1]}}', b"[" * 100000])
def test_malformed_json_costs_neither_the_project_nor_what_was_found_before(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere, body: bytes) -> None:
    upstream.add("one", wheel("one", "2"))
    info = {"info": {"download_url": elsewhere.put("/one-1.tar.gz", b"1")}}
    upstream.answers["/pypi/one/json"] = (200, {}, json.dumps(info).encode())
    assert following.run("sync") == 0
    upstream.answers["/pypi/one/json"] = (200, {}, body)
    assert following.run("sync") == 0
    assert following.files("one") == ["one-1.tar.gz", "one-2-py3-none-any.whl"]
    assert "/pypi/one/json: not the JSON of a project" in log(following)


def test_a_name_comes_from_content_disposition_where_the_url_has_none(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    url = elsewhere.put("/get.php?id=7", b"body", {"Content-Disposition": 'attachment; filename="one-1.0.tar.gz"'})
    tag = elsewhere.put("/archive/2.0.tar.gz", b"tag", {"Content-Disposition": "attachment; filename*=UTF-8''one-2.0.tar.gz"})
    evil = elsewhere.put("/evil", b"evil", {"Content-Disposition": 'attachment; filename="../../one-3.0.tar.gz"'})
    other = elsewhere.put("/other", b"other", {"Content-Disposition": "attachment; filename=two-3.0.tar.gz"})
    links(upstream, "one", *(f"rel=download {one}" for one in (url, tag, evil, other)))
    assert following.run("sync") == 0
    assert following.files("one") == ["one-1.0.tar.gz", "one-2.0.tar.gz", "one-3.0.tar.gz"]
    assert following.tree()["one/one-1.0.tar.gz"] == b"body"
    assert following.tree()["one/one-3.0.tar.gz"] == b"evil"  # under its name alone, in the project's own folder
    assert following.run("sync") == 0
    assert len(following.files("one")) == 3
    assert [run["stored"] for run in runs(following)] == [3, 0]


def test_a_chain_of_redirects_leads_to_the_file_and_its_name(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    last = elsewhere.put("/one-1.tar.gz", b"at the end")
    with Elsewhere() as third:
        first = elsewhere.redirect("/latest", third.redirect("/a", elsewhere.redirect("/b", last)))
        links(upstream, "one", f"rel=download {first}")
        assert following.run("sync") == 0
    assert following.tree()["one/one-1.tar.gz"] == b"at the end"
    assert following.page("one")["files"][0]["external"] == first


# --- pages behind links


@pytest.mark.heavy
def test_a_page_is_searched_for_the_newest_20_files_of_this_project_alone(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    files = [elsewhere.put(f"/dl/one-{n}.0.tar.gz", b"release %d" % n) for n in range(1, 26)]
    strange = [elsewhere.put(path, b"strange") for path in (
        "/dl/two-1.0.tar.gz", "/dl/one-30.0.dev1.tar.gz", "/dl/one-30.0-SNAPSHOT.zip", "/dl/one-30.0-r1234.tar.gz",
        "/dl/one-dev.tar.gz", "/dl/one-extra-40.0.tar.gz")]
    more = elsewhere.page("/more", *files)
    home = elsewhere.page("/home/", *files[:10], *(f"../dl/one-{n}.0.tar.gz" for n in range(11, 26)), *strange,
                          "javascript:alert(1)", "ftp://127.0.0.1/one-50.tar.gz", "http://[/one-51.tar.gz", more)
    links(upstream, "one", f"rel=homepage {home}")
    assert following.run("sync") == 0
    assert following.files("one") == []
    following.settings["follow_external_index_pages"] = "True"
    elsewhere.asked()
    assert following.run("sync") == 0
    assert following.files("one") == sorted(f"one-{n}.0.tar.gz" for n in range(6, 26))
    asked = elsewhere.asked()
    assert set(asked) == {"/home/", *(f"/dl/one-{n}.0.tar.gz" for n in range(6, 26))}
    assert asked.count("/home/") == 1


def test_old_releases_are_counted_after_the_filters(following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    wanted = elsewhere.put("/one-1.0.tar.gz", b"old")
    home = elsewhere.page("/", wanted, *(f"/one-{n}.0.zip" for n in range(2, 40)))
    links(upstream, "one", f"rel=homepage {home}")
    following.settings |= {"follow_external_index_pages": "True", "filename_matches": "*.tar.gz"}
    assert following.run("sync") == 0
    assert following.files("one") == ["one-1.0.tar.gz"]


def test_hashes_on_a_page_are_checked(following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    good, bad = elsewhere.put("/one-1.tar.gz", b"good"), elsewhere.put("/one-2.tar.gz", b"bad")
    digest = hashlib.md5(b"good").hexdigest()
    home = elsewhere.page("/", f"{good}#md5={digest}", f"{bad}#md5={digest}")
    links(upstream, "one", f"rel=homepage {home}")
    following.settings["follow_external_index_pages"] = "True"
    assert following.run("sync") == 1
    assert following.files("one") == ["one-1.tar.gz"]


def test_pages_and_redirects_in_a_circle_come_to_an_end(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    file = elsewhere.put("/one-1.tar.gz", b"1")
    ping, pong = elsewhere.page("/ping", elsewhere.host + "/pong", file), elsewhere.page("/pong", elsewhere.host + "/ping")
    loop = elsewhere.redirect("/loop", elsewhere.redirect("/pool", elsewhere.host + "/loop"))
    links(upstream, "one", f"rel=homepage {ping}", f"rel=homepage {pong}", f"rel=download {loop}")
    following.settings["follow_external_index_pages"] = "True"
    assert following.run("sync") == 0
    asked = elsewhere.asked()
    assert asked.count("/ping") == asked.count("/pong") == 1
    assert asked.count("/loop") + asked.count("/pool") <= 12
    assert following.files("one") == ["one-1.tar.gz"]
    assert f"{loop}: too many redirects" in log(following)


def test_a_body_without_end_is_cut_off(following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    good = elsewhere.put("/one-1.tar.gz", b"good")
    file = elsewhere.endless("/one-2.tar.gz")
    page = elsewhere.endless("/page", Content_Type="text/html")
    moved = elsewhere.endless("/moved", 302, Location=elsewhere.put("/one-3.tar.gz", b"moved"))
    links(upstream, "one", *(f"rel=download {one}" for one in (good, file, page, moved)))
    following.settings |= {"follow_external_index_pages": "True", "max_file_size": "1M"}
    assert following.run("sync") == 1
    assert following.files("one") == ["one-1.tar.gz", "one-3.tar.gz"]
    assert f"{page}: the page is larger than" in log(following)
    assert f"{file}: longer than 1048576 bytes" in log(following)
    assert not list((following.root / ".pypimirror").rglob("*.part"))
    assert {"/one-2.tar.gz was cut off", "/page was cut off", "/moved was cut off"} <= set(elsewhere.sent)


# --- what is refused


def seen_as(monkeypatch: pytest.MonkeyPatch, **public: str) -> None:
    """Let names have other addresses in the eyes of the check than on this machine."""
    real = ssrf.addresses
    monkeypatch.setattr(ssrf, "addresses", lambda host: [public[host]] if host in public else real(host))
    monkeypatch.setattr(ssrf, "check_peer", lambda host, address: None)  # where connections lead is another matter


def named(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")


def test_a_public_host_leads_to_none_that_is_not_public(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = elsewhere.put("/one-1.tar.gz", b"secret")
    seen_as(monkeypatch, localhost="192.0.43.7")
    following.settings["index_url"] = named(upstream.url)
    with Elsewhere() as public:
        good = named(public.put("/one-2.tar.gz", b"good"))
        direct, moved = named(public.redirect("/one-3.tar.gz", inside)), named(public.redirect("/moved", inside))
        far = named(public.redirect("/far", moved))
        home = named(public.page("/home", inside, good))
        links(upstream, "one", inside, *(f"rel=download {one}" for one in (direct, moved, far, home)))
        following.settings["follow_external_index_pages"] = "True"
        assert following.run("sync") == 0
    assert following.files("one") == ["one-2.tar.gz"]
    assert elsewhere.asked() == []
    assert f"{inside}: refused: public host localhost leads to a private address" in log(following)


def test_an_index_that_is_not_public_may_lead_to_any_host(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    seen_as(monkeypatch, localhost="192.0.43.7")
    links(upstream, "one", named(elsewhere.put("/one-1.tar.gz", b"public")), elsewhere.put("/one-2.tar.gz", b"ours"))
    assert following.run("sync") == 0
    assert len(following.files("one")) == 2


def test_a_page_in_a_files_place_is_not_published(following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    url = elsewhere.put("/one-1.tar.gz", b"<html>This domain is for sale</html>", {"Content-Type": "text/html"})
    links(upstream, "one", url)
    assert following.run("sync") == 0
    assert following.files("one") == []
    assert f"{url}: an HTML page in place of a distribution" in log(following)


@pytest.mark.parametrize("links_to", ["ftp://127.0.0.1/one-1.tar.gz", "file:///etc/one-1.tar.gz", "svn+ssh://h/one#egg=one-dev"])
def test_only_http_and_https_are_followed(following: Mirrored, upstream: Upstream, links_to: str) -> None:
    links(upstream, "one", f"rel=download {links_to}")
    assert following.run("sync") == 0
    assert following.files("one") == []


# --- later runs


@pytest.mark.parametrize("validators", ["etag", "date"])
def test_an_update_fetches_again_only_what_its_validator_says_has_changed(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere, validators: str) -> None:
    for name in ("one-1.tar.gz", "one-2.tar.gz"):
        elsewhere.put(f"/{name}", b"first", validators=validators)
    links(upstream, "one", f"{elsewhere.host}/one-1.tar.gz", f"{elsewhere.host}/one-2.tar.gz")
    upstream.add("two", wheel("two", "1"))
    assert following.run("sync") == 0
    before = following.tree()
    elsewhere.sent.clear(), elsewhere.asked(), upstream.asked()
    assert following.run("-U") == 0
    assert sorted(elsewhere.asked()) == ["/one-1.tar.gz", "/one-2.tar.gz"]
    assert elsewhere.sent == []  # both answered 304
    assert upstream.asked() == ["/simple/", "/simple/one/", "/pypi/one/json"]
    assert following.tree() == before
    elsewhere.put("/one-2.tar.gz", b"other", {"Last-Modified": LATER} if validators == "date" else {}, validators)
    assert following.run("-U") == 0
    assert set(elsewhere.sent) == {"/one-2.tar.gz"}
    assert following.tree()["one/one-2.tar.gz"] == b"other"
    assert not following.untrue()
    elsewhere.sent.clear()
    assert following.run("-I") == 0
    assert elsewhere.sent == []


def test_without_validators_the_size_decides(following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    url = elsewhere.put("/one-1.tar.gz", b"first", validators="none")
    links(upstream, "one", url)
    assert following.run("sync") == 0
    elsewhere.put("/one-1.tar.gz", b"FIRST", validators="none")
    assert following.run("sync") == 0
    assert following.tree()["one/one-1.tar.gz"] == b"first"
    elsewhere.put("/one-1.tar.gz", b"second", validators="none")
    assert following.run("sync") == 0
    assert following.tree()["one/one-1.tar.gz"] == b"second"
    assert not following.untrue()


def test_a_link_that_goes_takes_its_file_along(following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    one, two = elsewhere.put("/one-1.tar.gz", b"1"), elsewhere.put("/one-2.tar.gz", b"2")
    links(upstream, "one", one, two)
    assert following.run("sync") == 0
    links(upstream, "one", two)
    assert following.run("-U") == 0
    assert following.files("one") == ["one-2.tar.gz"]
    assert not (following.root / "one/one-1.tar.gz").exists()


def test_switched_off_again_the_files_go_and_no_other_host_is_asked(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    upstream.add("one", wheel("one", "2"))
    upstream.answers["/pypi/one/json"] = (
        200, {}, json.dumps({"info": {"home_page": elsewhere.put("/one-1.tar.gz", b"1")}}).encode())
    assert following.run("sync") == 0
    assert len(following.files("one")) == 2
    elsewhere.asked(), upstream.asked()
    following.settings["external_links"] = "False"
    assert following.run("-U") == 0
    assert following.files("one") == ["one-2-py3-none-any.whl"]
    assert "one/one-1.tar.gz" not in following.paths()
    assert elsewhere.asked() == []
    assert "/pypi/one/json" not in upstream.asked()
    following.settings["external_links"] = "True"
    assert following.run("-U") == 0
    assert len(following.files("one")) == 2


@pytest.mark.parametrize("options", [("-e",), ("-e", "-x"), ("--follow-external-links", "--follow-external-index-pages")])
def test_options_of_the_command_line_follow_links_for_one_run(
        mirrored: Mirrored, upstream: Upstream, elsewhere: Elsewhere, options: tuple[str, ...]) -> None:
    home = elsewhere.page("/home", elsewhere.put("/one-2.tar.gz", b"2"))
    links(upstream, "one", elsewhere.put("/one-1.tar.gz", b"1"), f"rel=homepage {home}")
    assert mirrored.run("-U", *options) == 0
    assert mirrored.files("one") == ["one-1.tar.gz", "one-2.tar.gz"][:len(options)]


# --- hosts that fail


@pytest.mark.parametrize("behind", ["direct", "page", "disposition"])
@pytest.mark.parametrize("failure", [404, 500, None])
def test_what_a_host_gave_stays_while_it_can_not_be_asked(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere, behind: str, failure: int | None) -> None:
    disposition = {"Content-Disposition": "attachment; filename=one-1.tar.gz"} if behind == "disposition" else None
    file = elsewhere.put("/latest" if behind == "disposition" else "/one-1.tar.gz", b"1", disposition)
    url = elsewhere.page("/home", file) if behind == "page" else file
    links(upstream, "one", f"rel=download {url}")
    following.settings["follow_external_index_pages"] = "True"
    assert following.run("sync") == 0
    before = following.tree()
    if failure is None:
        elsewhere.stop()
    else:
        elsewhere.answers = dict.fromkeys(elsewhere.answers, (failure, {}, b"sorry"))
    assert following.run("sync") == 0
    assert following.run("-I") == 0
    assert following.tree() == before
    assert "one-1.tar.gz" in before["one/index.html"].decode()


def test_a_dead_link_is_told_and_is_no_failure_of_the_project(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    links(upstream, "one", f"rel=download {elsewhere.host}/one-1.tar.gz", elsewhere.put("/one-2.tar.gz", b"2"))
    assert following.run("sync") == 0
    assert following.files("one") == ["one-2.tar.gz"]
    assert f"{elsewhere.host}/one-1.tar.gz: status 404" in log(following)
    elsewhere.put("/one-1.tar.gz", b"1")
    assert following.run("-U") == 0
    assert following.files("one") == ["one-1.tar.gz", "one-2.tar.gz"]


def test_a_host_in_trouble_is_asked_again_by_the_next_run(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    url = f"{elsewhere.host}/one-1.tar.gz"
    links(upstream, "one", url)
    elsewhere.answers["/one-1.tar.gz"] = (503, {}, b"busy")
    assert following.run("sync") == 1
    assert following.files("one") == []
    elsewhere.put("/one-1.tar.gz", b"1")
    assert following.run("-U") == 0
    assert following.files("one") == ["one-1.tar.gz"]
    assert following.run("-U") == 0
    elsewhere.sent.clear()
    assert following.run("-U") == 0
    assert elsewhere.sent == []
    assert [run["stored"] for run in runs(following)] == [0, 1, 0, 0]


def test_a_change_that_can_not_be_fetched_leaves_the_old_file(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    url = elsewhere.put("/one-1.tar.gz", b"first")
    links(upstream, "one", url)
    assert following.run("sync") == 0
    elsewhere.answers["/one-1.tar.gz"] = (200, {"ETag": '"new"', "Content-Length": "100"}, b"torn")
    following.settings["max_file_size"] = "50"
    assert following.run("sync") == 0  # left out for its size
    assert following.files("one") == []
    del following.settings["max_file_size"]
    elsewhere.put("/one-1.tar.gz", b"first")
    assert following.run("sync") == 0
    elsewhere.endless("/one-1.tar.gz", ETag='"new"')
    following.settings["max_file_size"] = "1M"
    assert following.run("sync") == 1
    assert following.tree()["one/one-1.tar.gz"] == b"first"
    assert following.files("one") == ["one-1.tar.gz"]
    following.run("-i")
    assert following.files("one") == ["one-1.tar.gz"]
    assert not following.untrue()


def test_lost_state_costs_no_download(following: Mirrored, upstream: Upstream, elsewhere: Elsewhere) -> None:
    links(upstream, "one", elsewhere.put("/one-1.tar.gz", b"first", {"Last-Modified": EARLIER}))
    assert following.run("sync") == 0
    before = following.tree()
    (following.root / ".pypimirror/state.sqlite").unlink()
    elsewhere.asked()
    assert following.run("sync") == 0
    assert elsewhere.asked() == ["/one-1.tar.gz"]
    assert following.tree() == before
    assert [run["stored"] for run in runs(following)] == [1, 0]
    elsewhere.sent.clear()
    assert following.run("sync") == 0
    assert elsewhere.sent == []


# --- clients


@pytest.mark.parametrize("as_json", [True, False])
def test_pip_installs_external_files_from_both_forms_of_the_page(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere, tmp_path: Path, as_json: bool) -> None:
    name, body = wheel("one", "1")
    links(upstream, "one", f"rel=download {elsewhere.put(f'/{name}', body)}")
    assert following.run("sync") == 0
    with Elsewhere() as served:
        page = following.tree()["one/index.v1_json" if as_json else "one/index.html"]
        served.put("/simple/one/", page, {"Content-Type": JSON if as_json else "text/html"})
        served.put(f"/simple/one/{name}", following.tree()[f"one/{name}"])
        done = subprocess.run(
            [sys.executable, "-m", "pip", "--isolated", "download", "--no-deps", "--no-cache-dir", "--index-url", served.url,
             "--dest", str(tmp_path / "got"), "--disable-pip-version-check", "one"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "got" / name).read_bytes() == body


def test_a_mirror_of_the_mirror_passes_on_that_a_file_is_external(
        following: Mirrored, upstream: Upstream, elsewhere: Elsewhere, tmp_path: Path) -> None:
    url = elsewhere.put("/one-1.tar.gz", b"1")
    links(upstream, "one", url)
    assert following.run("sync") == 0
    with Elsewhere() as served:
        for path, body in following.tree().items():
            served.put(f"/simple/{path.removesuffix('index.v1_json')}", body,
                       {"Content-Type": JSON} if path.endswith("json") else {})
        second = Mirrored(tmp_path / "second" / "mirror", served.url)
        second.config.parent.mkdir()
        assert second.run("sync") == 0
    assert second.page("one")["files"][0]["external"] == url
