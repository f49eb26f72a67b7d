"""What only our own server does; the rest is asked of every server in test_sites."""

import gzip
import json
import os
import threading

import pytest

from pypimirror.serve import pages
from pypimirror.serve.pages import Pages
from pypimirror.serve.tree import Tree
from support import published_tree, servers
from support.servers import ask

JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "mirror"
    projects = {"Demo": [published_tree.wheel("Demo", "1.0")], "other": [published_tree.sdist("other", "2.0")]}
    published_tree.publish(root, projects, serial=4000)
    return root


@pytest.fixture
def address(root, tmp_path):
    with servers.serve(root, tmp_path / "log") as address:
        yield address


@pytest.mark.parametrize("path, accept, serial", [
    ("/", "", "4002"), ("/", JSON, "4002"), ("/demo/", "", "4001"), ("/simple/demo/", JSON, "4001"), ("/other/", JSON, "4002")])
def test_the_serial_of_a_page_is_in_a_header(address, path, accept, serial):
    for encoding in ("identity", "gzip"):
        assert ask(address, path, Accept=accept, Accept_Encoding=encoding).headers["X-PyPI-Last-Serial"] == serial


def test_a_page_without_a_serial_has_no_such_header(address, root):
    (root / "demo" / "index.html").write_text("<a href='demo-1.0-py3-none-any.whl'>demo</a>")
    assert ask(address, "/demo/").headers["X-PyPI-Last-Serial"] is None


def test_a_mirror_with_pages_in_one_form_answers_with_that_form(address, root):
    (root / "demo" / "index.v1_json").unlink()
    reply = ask(address, "/demo/", Accept=JSON)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    (root / "other" / "index.html").unlink()
    reply = ask(address, "/other/", Accept="text/html")
    assert (reply.status, reply.headers["Content-Type"]) == (200, JSON)


def test_html_has_the_type_that_was_asked_for(address):
    kind = "application/vnd.pypi.simple.v1+html"
    assert ask(address, "/demo/", Accept=kind).headers["Content-Type"] == f"{kind}; charset=utf-8"


def test_other_methods_are_told_which_ones_there_are(address):
    reply = ask(address, "/demo/", "POST", Content_Length="0")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")


def test_what_must_not_be_read_is_403(address, root):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (root / "demo" / "index.html").chmod(0)
    assert ask(address, "/demo/").status == 403


def test_a_pipe_in_the_tree_blocks_nothing(address, root):
    os.mkfifo(root / "demo" / "pipe.whl")
    assert ask(address, "/demo/pipe.whl").status == 404


def test_an_empty_file_comes_empty(address, root):
    (root / "demo" / "empty-1.0.tar.gz").touch()
    reply = ask(address, "/demo/empty-1.0.tar.gz")
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, b"", "0")


def test_a_list_too_long_for_memory_is_sent_from_its_file(address, root):
    names = "".join(f'<a href="project-{number}/">project-{number}</a>\n' for number in range(120_000))
    page = f"<!DOCTYPE html>\n{names}<!--SERIAL 77-->\n".encode()
    assert len(page) > pages._LARGE
    (root / "index.html").write_bytes(page)
    plain = ask(address, "/simple/")
    assert plain.body == page
    assert plain.headers["X-PyPI-Last-Serial"] == "77"
    packed = ask(address, "/simple/", Accept_Encoding="gzip")
    assert gzip.decompress(packed.body) == page
    assert len(packed.body) < len(page)
    assert int(ask(address, "/simple/", "HEAD").headers["Content-Length"]) == len(page)


def test_pages_take_no_more_memory_than_there_is_room_for(tmp_path):
    kept = Pages(Tree(str(tmp_path)), room=20_000)
    paths = []
    for number in range(40):
        path = tmp_path / f"{number}.html"
        path.write_bytes(os.urandom(1000))
        paths.append(path)
    for _ in range(2):
        for path in paths:
            assert kept.get([path.name]).body == path.read_bytes()
            assert kept._used <= 20_000
    assert kept._used == sum(len(page.body) + len(page.packed) for page in kept._pages.values())


def test_readers_see_one_version_of_a_page_while_it_is_replaced(address, root):
    page = root / "demo" / "index.v1_json"
    stop = threading.Event()

    def replace():
        number = 0
        while not stop.is_set():
            number += 1
            part = page.with_name(".part")
            part.write_text(json.dumps({"meta": {"_last-serial": number}, "padding": str(number) * (number % 400)}))
            os.replace(part, page)

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for _ in range(200):
            reply = ask(address, "/demo/", Accept=JSON, Accept_Encoding="gzip")
            read = json.loads(gzip.decompress(reply.body))
            if "padding" in read:
                assert reply.headers["X-PyPI-Last-Serial"] == str(read["meta"]["_last-serial"])
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("forms", [("index.html",), ("index.v1_json",), ()])
def test_a_project_s_folder_offers_nothing_but_the_project(address, root, forms):
    for form in forms:
        (root / "demo" / form).unlink()
    for path in ("demo/notes.txt", "demo/other.html", "demo/demo-1.0.json", "demo/README", "demo/folder/x.whl"):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text("a stray")
        for start in ("/", "/simple/", "/packages/"):
            assert ask(address, start + path).status == 404, start + path
    assert ask(address, "/demo/demo-1.0-py3-none-any.whl").status == 200


def test_other_folders_are_served(address, root):
    for path in ("static/style.css", "docs/other.html", "docs/index.html"):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text("of somebody else")
        assert ask(address, "/" + path).status == 200
