"""The published index over HTTP, asked the same of every server that knows how to serve it in full."""

import gzip
import hashlib
import json
import os
import re
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import pytest

from support import published_tree, servers
from support.servers import ask

JSON = "application/vnd.pypi.simple.v1+json"
PIP = f"{JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
WHEEL = published_tree.wheel("Zope.Interface", "8.0", ["setuptools"], requires_python=">=3.10")
SDIST = published_tree.sdist("Zope.Interface", "8.0")
PLUS = published_tree.wheel("demo", "1.0+local.1")
PROJECTS = {
    "Zope.Interface": [WHEEL, SDIST],
    "demo": [PLUS],
    "Products.CMFPlone_Some..Thing": [published_tree.wheel("Products.CMFPlone_Some..Thing", "6.1")],
    "pins": [published_tree.wheel("pins", "1.0")],
    "simple": [published_tree.wheel("simple", "2.0")],
}


@pytest.fixture(scope="module")
def public_folder():
    """A folder that the web servers' own users may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="pypimirror-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def root(public_folder):
    folder = public_folder
    root = folder / "mirror"
    published_tree.publish(root, PROJECTS)
    (folder / "outside").mkdir()
    (folder / "outside" / "secret.txt").write_text("secret")
    (root / ".htpasswd").write_text("secret")
    (root / "demo" / ".partial").write_text("secret")
    (root / "demo" / "link.whl").symlink_to(folder / "outside" / "secret.txt")
    (root / "linked").symlink_to(folder / "outside")
    (root / "empty").mkdir()
    for name in ("demo", "zope-interface"):
        (root / "pypi" / name).mkdir(parents=True)
        (root / "pypi" / name / "json").write_text('{"last_serial":1}')
    (root / "robots.txt").write_text("User-agent: *\n")
    for path in root.rglob("*"):
        # Servers don't trust the time of a file that was written a moment ago.
        os.utime(path, (published_tree.WRITTEN, published_tree.WRITTEN), follow_symlinks=False)
    return root


@pytest.fixture(scope="module", params=["serve", "apache", "caddy", "nginx"])
def site(request, root, tmp_path_factory):
    """The address of a server of the tree."""
    log = tmp_path_factory.mktemp(request.param) / "log"
    with getattr(servers, request.param)(root, log) as address:
        yield address


class Anchors(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.targets = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.targets.append(dict(attributes)["href"])


def content_type(reply):
    return reply.headers["Content-Type"].partition(";")[0]


def follow(site, path, **headers):
    """Ask, following what leads elsewhere; gives the path at the end and the reply."""
    for _ in range(12):
        reply = ask(site, path, **headers)
        if reply.status not in (301, 302, 308):
            return path, reply
        path = urljoin(site + path, reply.headers["Location"]).removeprefix(site)
    raise AssertionError(f"endless redirects at {path}")


@pytest.mark.parametrize("path", ["/", "/simple/"])
@pytest.mark.parametrize("accept", ["", "*/*", "text/html", BROWSER, f"{JSON};q=0, */*", f"{JSON};q=0.5, text/html"])
def test_the_root_is_html_unless_json_is_asked_for(site, path, accept):
    reply = ask(site, path, **({"Accept": accept} if accept else {}))
    assert (reply.status, content_type(reply)) == (200, "text/html")
    # From serve, browsers get the page for people, with links to those of the projects.
    targets = {target.removesuffix("browse.html") for target in Anchors(reply.body.decode()).targets}
    assert {"zope-interface/", "demo/"} <= targets
    assert "Accept" in re.split(r",\s*", ", ".join(reply.headers.get_all("Vary")))


@pytest.mark.parametrize("path", ["/", "/simple/", "/demo/", "/simple/demo/"])
@pytest.mark.parametrize("accept", [JSON, PIP, "application/vnd.pypi.simple.latest+json", f"{JSON};q=0.9, text/html;q=0.1"])
def test_json_comes_where_it_is_asked_for(site, path, accept):
    reply = ask(site, path, Accept=accept)
    assert (reply.status, content_type(reply)) == (200, JSON)
    assert json.loads(reply.body)["meta"]["api-version"] == "1.1"
    assert "Accept" in re.split(r",\s*", ", ".join(reply.headers.get_all("Vary")))


@pytest.mark.parametrize("prefix", ["/", "/simple/"])
@pytest.mark.parametrize("accept", ["text/html", JSON])
def test_a_project_is_found_under_both_roots_with_links_that_hold(site, prefix, accept):
    for name, files in PROJECTS.items():
        if prefix == "/" and name in ("pins", "simple"):
            continue
        path = prefix + published_tree.normalize(name) + "/"
        reply = ask(site, path, Accept=accept)
        assert (reply.status, content_type(reply)) == (200, accept)
        links = Anchors(reply.body.decode()).targets if accept != JSON else [
            f"{file['url']}#sha256={file['hashes']['sha256']}" for file in json.loads(reply.body)["files"]]
        assert len(links) == len(files)
        for link, file in zip(links, files, strict=True):
            target, _, digest = urljoin(path, link).partition("#sha256=")
            got = ask(site, target)
            assert (got.status, got.body) == (200, file.content)
            assert hashlib.sha256(got.body).hexdigest() == digest


@pytest.mark.parametrize("prefix", ["/", "/simple/", "//", "/simple//"])
@pytest.mark.parametrize("spelling", [
    "Zope.Interface/", "zope.interface/", "zope_interface/", "ZOPE-INTERFACE/", "Zope.-_Interface/", "zope-interface",
    "Zope.Interface", "zope%2einterface/", "Zope%5FInterface/", "%5Aope.Interface/"])
@pytest.mark.parametrize("accept", ["", JSON])
def test_every_spelling_of_a_name_leads_to_the_project(site, prefix, spelling, accept):
    path, reply = follow(site, prefix + spelling, **({"Accept": accept} if accept else {}))
    assert (reply.status, content_type(reply)) == (200, accept or "text/html")
    assert b"zope_interface-8.0" in reply.body
    if not accept:
        targets = {urljoin(site + path, target).partition("#")[0] for target in Anchors(reply.body.decode()).targets}
        assert {follow(site, target.removeprefix(site))[1].body for target in targets} == {WHEEL.content, SDIST.content}


def test_a_name_with_many_capitals_and_separators_is_found(site):
    _, reply = follow(site, "/simple/PRODUCTS..CMFPLONE_SOME.-.THING/")
    assert reply.status == 200
    assert b"products_cmfplone_some_thing-6.1" in reply.body


def test_a_file_is_found_in_every_spelling_of_its_project(site):
    _, reply = follow(site, f"/simple/Zope.Interface/{WHEEL.filename}")
    assert reply.body == WHEEL.content


@pytest.mark.parametrize("path", ["/simple", "/demo", "/simple/demo", "/simple/demo/"])
@pytest.mark.parametrize("headers", [{}, {"Accept": JSON}])
def test_where_a_slash_is_missing_the_answer_leads_to_the_page(site, path, headers):
    end, reply = follow(site, path, **headers)
    assert (end, reply.status) == (path.rstrip("/") + "/", 200)


@pytest.mark.parametrize("path", ["/simple/pins/", "/simple/simple/"])
def test_names_that_clash_with_paths_of_ours_are_found_under_simple(site, path):
    name = path.split("/")[-2]
    reply = ask(site, path, Accept=JSON)
    assert json.loads(reply.body)["name"] == name
    assert ask(site, f"{path}{PROJECTS[name][0].filename}").body == PROJECTS[name][0].content


def test_pin_files_and_files_that_are_not_ours_are_there(site):
    for path in ("/pins/versions.cfg", "/simple/pins/versions.cfg", "/robots.txt"):
        reply = ask(site, path)
        assert (reply.status, content_type(reply)) == (200, "text/plain")
    assert ask(site, "/pins/versions.cfg").body.startswith(b"[versions]")


@pytest.mark.parametrize("path", ["/index.html", "/demo/index.html", "/full.html"])
def test_pages_are_there_by_their_own_names(site, path):
    assert content_type(ask(site, path, Accept=JSON)) == "text/html"
    assert content_type(ask(site, "/demo/index.v1_json")) == JSON


@pytest.mark.parametrize("path", [
    "/.pypimirror/state", "/.pypimirror/", "/.pypimirror", "/simple/.pypimirror/state", "/%2epypimirror/state",
    "/.pypimirror%2fstate", "/demo/..%2f.pypimirror/state", "/.htpasswd", "/demo/.partial", "/demo/../.pypimirror/state",
    "/demo/%2e%2e/.pypimirror/state", "//.pypimirror//state", "/../outside/secret.txt", "/..%2foutside/secret.txt",
    "/%2e%2e/outside/secret.txt", "/demo/..%5c..%5coutside/secret.txt", "/demo/%00", "/demo%00/", "/linked/secret.txt",
    "/demo/link.whl", "/simple/linked/secret.txt", "/simple/../../outside/secret.txt", "/linked/"])
def test_nothing_hidden_and_nothing_outside_of_the_tree_is_served(site, path):
    reply = ask(site, path)
    if "link" in path and reply.headers["Server"] == "Caddy":
        pytest.skip("Caddy follows symbolic links, as docs/web-servers.rst notes")
    assert reply.status in (400, 403, 404)
    assert b"secret" not in reply.body and b"not for clients" not in reply.body


@pytest.mark.parametrize("path", [
    "/empty/", "/nothing/", "/simple/nothing/", "/simple/nothing", "/Nothing.Here/", "/demo/nothing.whl", "/demo/sub/",
    "/" + "n" * 4000 + "/", "/caf%c3%a9/", "/simple/%ff/", "/a%0ab/"])
def test_what_is_not_there_is_404_and_folders_are_never_listed(site, path):
    unusual = len(path) > 255
    assert follow(site, path)[1].status in ((403, 404) if unusual else (404,))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_other_methods_are_refused(site, method):
    assert ask(site, "/demo/", method).status in (403, 405, 501)


@pytest.mark.parametrize("path", ["/", "/demo/", "/simple/zope-interface/", f"/zope-interface/{SDIST.filename}", "/nothing/"])
def test_head_is_get_without_a_body(site, path):
    got, head = ask(site, path), ask(site, path, "HEAD")
    assert (head.status, head.body) == (got.status, b"")
    for name in ("Content-Type", "ETag", "Last-Modified", "Cache-Control", "Vary"):
        assert head.headers.get_all(name) == got.headers.get_all(name)


@pytest.mark.parametrize("path, accept", [("/", ""), ("/demo/", ""), ("/demo/", JSON), ("/simple/demo/", JSON),
                                          (f"/zope-interface/{WHEEL.filename}", "")])
def test_what_a_client_has_is_not_sent_again(site, path, accept):
    headers = {"Accept": accept} if accept else {}
    reply = ask(site, path, **headers)
    for condition in ({"If_None_Match": reply.headers["ETag"]}, {"If_Modified_Since": reply.headers["Last-Modified"]}):
        again = ask(site, path, **headers, **condition)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == reply.headers["ETag"]
    assert ask(site, path, **headers, If_None_Match='"other"').body == reply.body


def test_the_forms_of_a_page_have_etags_of_their_own(site):
    tags = [ask(site, "/zope-interface/", Accept=accept, Accept_Encoding=encoding).headers["ETag"]
            for accept in ("text/html", JSON) for encoding in ("identity", "gzip")]
    assert all(tags)
    assert not {tag.removeprefix("W/") for tag in tags[:2]} & {tag.removeprefix("W/") for tag in tags[2:]}


@pytest.mark.parametrize("name, accept", [("zope-interface", "text/html"), ("zope-interface", JSON)])
def test_pages_are_packed_where_that_is_asked_for(site, name, accept):
    plain = ask(site, f"/{name}/", Accept=accept)
    packed = ask(site, f"/{name}/", Accept=accept, Accept_Encoding="gzip, deflate")
    assert plain.headers["Content-Encoding"] is None
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    for reply in (plain, packed):
        assert {"Accept", "Accept-Encoding"} <= set(re.split(r", *", ",".join(reply.headers.get_all("Vary"))))
    best = ask(site, f"/{name}/", Accept=accept, Accept_Encoding="gzip, deflate, zstd").headers
    assert best["Content-Encoding"] == ("zstd" if best["Server"] == "Caddy" else "gzip")


@pytest.mark.parametrize("encoding", ["identity", "gzip, deflate, zstd"])
@pytest.mark.parametrize("path", ["/zope-interface/", f"/zope-interface/{WHEEL.filename}"])
def test_a_head_has_the_length_of_the_get_or_none(site, path, encoding):
    head = ask(site, path, "HEAD", Accept=JSON, Accept_Encoding=encoding)
    got = ask(site, path, Accept=JSON, Accept_Encoding=encoding)
    length, kind = head.headers["Content-Length"], head.headers["Content-Encoding"]
    assert head.status == 200 and not head.body and head.headers["ETag"] == got.headers["ETag"]
    if kind == got.headers["Content-Encoding"]:
        assert length in (None, str(len(got.body)))
    else:
        # Caddy does not compress where there is no body.
        assert kind is None and length == str(len(ask(site, path, Accept=JSON).body))
    if encoding == "identity" or ".whl" in path:
        assert length is not None


@pytest.mark.parametrize("file", [WHEEL, SDIST])
def test_a_file_comes_as_it_is(site, file):
    reply = ask(site, f"/zope-interface/{file.filename}", Accept_Encoding="gzip, deflate, br")
    assert reply.headers["Content-Encoding"] is None
    assert content_type(reply) == "application/octet-stream"
    assert int(reply.headers["Content-Length"]) == len(file.content)
    assert reply.body == file.content


def test_core_metadata_is_beside_its_wheel(site):
    reply = ask(site, f"/simple/zope-interface/{WHEEL.filename}.metadata")
    assert (reply.status, reply.body, content_type(reply)) == (200, WHEEL.metadata, "application/octet-stream")


def test_special_characters_in_file_names_are_found(site):
    for path in ("/demo/demo-1.0%2Blocal.1-py3-none-any.whl", "/demo/demo-1.0+local.1-py3-none-any.whl"):
        assert ask(site, path).body == PLUS.content


def test_files_may_be_cached_for_ever_and_pages_for_a_short_time(site):
    assert "immutable" in ask(site, f"/zope-interface/{SDIST.filename}").headers["Cache-Control"]
    for path in ("/", "/simple/demo/", "/full.html", "/pins/versions.cfg"):
        value = ask(site, path).headers["Cache-Control"]
        assert "immutable" not in value
        assert 0 < int(re.search(r"max-age=(\d+)", value)[1]) <= 600


def test_pypis_older_json_is_json_that_may_change(site):
    reply = ask(site, "/pypi/demo/json")
    assert (reply.status, content_type(reply)) == (200, "application/json")
    assert json.loads(reply.body)["last_serial"]
    assert reply.headers["Cache-Control"] == "public, max-age=600"
    # Dependabot asks for names as requirements have them.
    for name in ("Demo", "zope.interface", "Zope_-.Interface"):
        assert follow(site, f"/pypi/{name}/json")[1].status == 200, name
    for path in ("/pypi/Demo", "/pypi/Demo/json/", "/pypi/Other.Demo/json", "/pypi/Demo/1.0/json/x"):
        assert ask(site, path).status == 404, path


def test_parts_of_files(site):
    path, content = f"/zope-interface/{SDIST.filename}", SDIST.content
    whole = ask(site, path)
    assert whole.headers["Accept-Ranges"] == "bytes"
    for header, part in (("bytes=0-9", content[:10]), ("bytes=100-", content[100:]), ("bytes=-7", content[-7:])):
        reply = ask(site, path, Range=header)
        assert (reply.status, reply.body) == (206, part)
        assert reply.headers["Content-Range"].endswith(f"/{len(content)}")
    reply = ask(site, path, Range="bytes=2-", If_Range=whole.headers["ETag"])
    assert (reply.status, reply.body) == (206, content[2:])
    reply = ask(site, path, Range="bytes=2-", If_Range='"other"')
    assert (reply.status, reply.body) == (200, content)
    assert ask(site, path, Range=f"bytes={len(content)}-").status == 416


def test_a_page_that_was_replaced_is_seen_at_once(site, root):
    page = root / "demo" / "index.html"
    before = page.read_text()
    assert ask(site, "/demo/").body == before.encode()
    after = before.replace("1001", "1999").replace("<h1>", "<h1>New ")
    part = page.with_name(".new")
    part.write_text(after)
    os.replace(part, page)
    try:
        reply = ask(site, "/demo/", Accept_Encoding="gzip")
        assert gzip.decompress(reply.body) == after.encode()
    finally:
        page.write_text(before)
