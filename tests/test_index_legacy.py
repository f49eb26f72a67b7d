"""PyPI's older JSON: as files in the tree, and as serve makes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from zope.interface.verify import verifyClass

from pypimirror.index.legacy import LegacyJson, about_project
from pypimirror.interfaces import IMetadataIndexWriter
from pypimirror.model import File, Project, Stored
from support import servers
from support.mirror import Mirrored
from support.servers import ask
from support.upstream import Upstream, sdist, wheel

METADATA = b"""\
Metadata-Version: 2.4
Name: Zope.One
Version: 2.0
Summary: Ones for all
Keywords: zope,one
Classifier: Framework :: Zope
Classifier: Private :: Do Not Upload
Requires-Dist: zope.interface>=5
Provides-Extra: test
Project-URL: Source, https://example.com/one
License-Expression: ZPL-2.1
Requires-Python: >=3.8

What it is about.
"""


def file(name: str, **facts: Any) -> File:
    return File(name, "", stored=Stored("a" * 64, 7, facts.pop("metadata", None)), **facts)


def about(*files: File, metadata: bytes | None = None) -> dict[str, Any]:
    project = Project("zope-one", files, "Zope.One")
    return json.loads(about_project(project, 5, lambda file: f"../{file.filename}", lambda file: metadata))


def test_it_keeps_the_contract_of_writers_that_read_metadata() -> None:
    assert verifyClass(IMetadataIndexWriter, LegacyJson)


@pytest.mark.parametrize(("names", "newest"), [
    (["1.0", "2.0", "10.0"], "10.0"), (["1.0", "2.0b1"], "1.0"), (["1.0b1", "1.0a2"], "1.0b1"), (["1.0", "2.0y"], "1.0"),
    (["1.0y", "2.0b1"], "2.0b1"), (["1.0y", "0.9y"], "1.0"), (["weird", "0.1"], "0.1"), (["weird"], "weird"), ([], "")])
def test_the_newest_release_is_a_final_one_that_is_not_yanked_if_there_is_any(names: list[str], newest: str) -> None:
    page = about(*(file(f"zope_one-{name.rstrip('y')}.tar.gz", yanked=name[-1] == "y" and name != "y") if name != "weird"
                   else file("zope_one-weird.tar.gz") for name in names))
    assert page["info"]["version"] == newest
    assert [entry["filename"] for entry in page["urls"]] == ([f"zope_one-{newest}.tar.gz"] if newest else [])


def test_files_of_one_release_are_together_however_they_spell_its_version() -> None:
    page = about(file("zope.one-1.0-beta1.tar.gz"), file("zope_one-1.0b1-py3-none-any.whl"), file("zope-one.deb"))
    assert {version: len(files) for version, files in page["releases"].items()} == {"1.0b1": 2}


def test_a_file_tells_what_clients_of_this_form_read() -> None:
    page = about(file("zope_one-1.0-py2.py3-none-any.whl", metadata="b" * 64, hashes={"md5": "c" * 32}, yanked="bad",
                      requires_python=">=3", upload_time="2024-01-02T03:04:05.123456Z"))
    assert page["releases"]["1.0"] == [{
        "core-metadata": {"sha256": "b" * 64}, "digests": {"md5": "c" * 32, "sha256": "a" * 64},
        "filename": "zope_one-1.0-py2.py3-none-any.whl", "has_sig": False, "md5_digest": "c" * 32,
        "packagetype": "bdist_wheel", "python_version": "py2.py3", "requires_python": ">=3", "size": 7,
        "upload_time": "2024-01-02T03:04:05", "upload_time_iso_8601": "2024-01-02T03:04:05.123456Z",
        "url": "../zope_one-1.0-py2.py3-none-any.whl", "yanked": True, "yanked_reason": "bad"}]
    assert (page["info"]["yanked"], page["info"]["yanked_reason"]) == (True, "bad")
    assert page["last_serial"] == 5


def test_info_comes_from_core_metadata_where_there_are_any() -> None:
    info = about(file("zope_one-2.0-py3-none-any.whl"), metadata=METADATA)["info"]
    assert (info["name"], info["summary"], info["keywords"]) == ("Zope.One", "Ones for all", "zope,one")
    assert info["classifiers"] == ["Framework :: Zope", "Private :: Do Not Upload"]
    assert (info["requires_dist"], info["provides_extra"]) == (["zope.interface>=5"], ["test"])
    assert info["project_urls"] == {"Source": "https://example.com/one"}
    assert (info["license_expression"], info["requires_python"]) == ("ZPL-2.1", ">=3.8")
    assert info["description"] == "What it is about.\n"
    assert about(file("zope_one-2.0.tar.gz", requires_python=">=3.9"))["info"]["requires_python"] == ">=3.9"


@pytest.mark.parametrize("metadata", [b"", b"\xff\xfe\x00", b"Name", b"Project-URL: x\nKeywords: \nName: \xe9\n\n\xff"])
def test_metadata_that_is_not_as_it_should_be_spoils_nothing(metadata: bytes) -> None:
    assert about(file("zope_one-2.0.tar.gz"), metadata=metadata)["info"]["version"] == "2.0"


def test_the_files_lie_in_the_tree_and_go_with_the_project(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("Zope.One", wheel("Zope.One", "1.0", ("zope.interface",)), sdist("Zope.One", "1.0"))
    upstream.add("pypi", sdist("pypi", "2.1"))
    mirrored.settings["index_formats"] = "html json legacy-json"
    assert mirrored.run("sync") == 0
    assert [path for path in mirrored.paths() if path.startswith("pypi/")] == [
        "pypi/index.html", "pypi/index.v1_json", "pypi/pypi-2.1.tar.gz", "pypi/pypi/json", "pypi/zope-one/json"]
    page = json.loads(mirrored.read("pypi/zope-one/json"))
    assert page["last_serial"] == mirrored.page("zope-one")["meta"]["_last-serial"]
    assert (page["info"]["name"], page["info"]["requires_dist"]) == ("Zope.One", ["zope.interface"])
    for entry in page["urls"]:
        assert (mirrored.root / "pypi/zope-one" / entry["url"]).resolve().is_file()
    before = mirrored.tree()
    assert mirrored.run("-U") == 0
    assert mirrored.tree() == before
    # Also when the state was lost in between.
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    assert mirrored.run("sync") == 0
    assert mirrored.tree() == before
    upstream.remove("Zope.One")
    assert mirrored.run("-U") == 0
    assert [path for path in mirrored.paths() if path.endswith("/json")] == ["pypi/pypi/json"]
    mirrored.settings["index_formats"] = "html json"
    assert mirrored.run("-U") == 0
    assert not [path for path in mirrored.paths() if path.endswith("/json")]
    assert mirrored.files("pypi") == ["pypi-2.1.tar.gz"]


def test_links_are_absolute_where_the_address_is_known(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", sdist("one", "1.0+local"))
    mirrored.settings |= {"index_formats": "json legacy-json", "base_url": "https://pypi.example.com/mirror"}
    assert mirrored.run("sync") == 0
    (entry,) = json.loads(mirrored.read("pypi/one/json"))["urls"]
    assert entry["url"] == "https://pypi.example.com/mirror/one/one-1.0%2Blocal.tar.gz"


@pytest.fixture
def address(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Any:
    upstream.add("Zope.One", wheel("Zope.One", "1.0"), wheel("Zope.One", "1.1"), sdist("Zope.One", "1.1"),
                 upload_time="2024-01-02T03:04:05Z")
    upstream.add("pypi", sdist("pypi", "2.1"))
    upstream.add("packages", sdist("packages", "3.0"))
    assert mirrored.run("sync") == 0
    with servers.serve(mirrored.root, tmp_path / "log") as started:
        yield started


@pytest.mark.parametrize("spelling", ["zope-one", "Zope.One", "ZOPE__one"])
def test_serve_makes_it_for_any_spelling_with_links_below_packages(address: str, mirrored: Mirrored, spelling: str) -> None:
    reply = ask(address, f"/pypi/{spelling}/json")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    page = json.loads(reply.body)
    serial = mirrored.page("zope-one")["meta"]["_last-serial"]
    assert reply.headers["X-PyPI-Last-Serial"] == str(page["last_serial"]) == str(serial)
    assert list(page["releases"]) == ["1.0", "1.1"]
    assert page["info"]["name"] == "Zope.One"
    for entry in page["urls"]:
        assert entry["url"] == f"{address}/packages/zope-one/{entry['filename']}"
        path = entry["url"].removeprefix(address)
        assert ask(address, path).body == (mirrored.root / "zope-one" / entry["filename"]).read_bytes()
        if entry["core-metadata"]:
            assert ask(address, path + ".metadata").status == 200


def test_serve_says_of_a_release_what_the_project_says(address: str) -> None:
    whole = json.loads(ask(address, "/pypi/zope-one/json").body)
    one = json.loads(ask(address, "/pypi/zope-one/1.0/json").body)
    assert one["urls"] == whole["releases"]["1.0"]
    assert one["info"]["version"] == "1.0"
    assert json.loads(ask(address, "/pypi/zope-one/1.1.0/json").body)["info"] == whole["info"]


@pytest.mark.parametrize("path", ["/pypi/nothing/json", "/pypi/zope-one/9/json", "/pypi/../json",
                                  "/packages/zope-one/nothing.whl", "/packages/zope-one/", "/packages/.pypimirror/state.sqlite",
                                  "/pypi/.pypimirror/json", "/packages/zope-one/index.html/x"])
def test_serve_has_nothing_else_there(address: str, path: str) -> None:
    assert ask(address, path).status in (301, 404)


@pytest.mark.parametrize("name", ["pypi", "packages"])
def test_projects_called_like_these_paths_are_found_at_the_root(address: str, mirrored: Mirrored, name: str) -> None:
    (filename,) = mirrored.files(name)
    for prefix in ("/", "/simple/"):
        assert ask(address, f"{prefix}{name}/").status == 200
        assert ask(address, f"{prefix}{name}/{filename}").body == (mirrored.root / name / filename).read_bytes()
    assert json.loads(ask(address, f"/pypi/{name}/json").body)["urls"][0]["filename"] == filename


def test_what_a_client_has_is_not_sent_again_and_each_host_gets_its_own_links(address: str) -> None:
    first = ask(address, "/pypi/zope-one/json")
    assert ask(address, "/pypi/zope-one/json", If_None_Match=first.headers["ETag"]).status == 304
    elsewhere = address.replace("127.0.0.1", "localhost")
    other = ask(elsewhere, "/pypi/zope-one/json")
    assert other.headers["ETag"] != first.headers["ETag"]
    assert json.loads(other.body)["urls"][0]["url"].startswith(f"{elsewhere}/packages/")


def test_a_mirror_in_html_alone_has_it_too(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add("one", wheel("one", "1.0"), yanked="bad")
    mirrored.settings["index_formats"] = "html"
    assert mirrored.run("sync") == 0
    with servers.serve(mirrored.root, tmp_path / "log") as started:
        (entry,) = json.loads(ask(started, "/pypi/one/json").body)["urls"]
    assert entry["size"] == len(upstream.projects["one"]["one-1.0-py3-none-any.whl"].body)
    assert entry["yanked_reason"] == "bad"
