"""Everything that upstream says reaches the clients: from upstream's page through one mirror, and through three in a row."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pypimirror.upstream.html_page import HtmlParser
from support import servers
from support.mirror import Mirrored
from support.upstream import Upstream, sdist, wheel

PROVENANCE = b'{"version": 1, "attestation_bundles": []}'
SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n"


def fill(upstream: Upstream) -> None:
    """Put a project there of which upstream says all that an index can say."""
    upstream.add("Zope.One", wheel("Zope.One", "1.0"), upload_time="2024-01-02T03:04:05.123456Z", requires_python=">=3.8, <4",
                 yanked='breaks "everything" <here>', new_fact={"deep": [1, None]})
    upstream.add("Zope.One", wheel("Zope.One", "2.0"), upload_time="2025-01-02T03:04:05Z", yanked=True)
    upstream.add("Zope.One", sdist("Zope.One", "2.0"), upload_time="2025-01-02T03:04:06Z", gpg_sig=False)
    upstream.add("Zope.One", sdist("Zope.One", "3.0+local.1"), requires_python=">=3.9")
    files = upstream.projects["zope-one"]
    files["zope_one-1.0-py3-none-any.whl"].beside = {".provenance": PROVENANCE, ".asc": SIGNATURE}
    files["zope_one-3.0+local.1.tar.gz"].beside = {".provenance": PROVENANCE}
    old = files["zope_one-2.0.tar.gz"]
    old.facts["hashes"] = {"sha256": hashlib.sha256(old.body).hexdigest(), "blake2b": hashlib.blake2b(old.body).hexdigest()}
    upstream.statuses["zope-one"] = {"status": "archived", "reason": 'moved to "Zope" & co'}
    upstream.extras["zope-one"] = {"alternate-locations": ["https://pypi.example.com/simple/zope-one/"], "new-key": {"a": 1},
                                   "_private": 1}
    upstream.metas["zope-one"] = {"tracks": ["https://pypi.example.com/simple/zope-one/"], "_private": 2}
    upstream.add("plain", sdist("plain", "1"))
    upstream.add("haunted", sdist("haunted", "1"))
    upstream.statuses["haunted"] = {"status": "quarantined", "reason": "haunted"}


def facts(page: dict[str, Any]) -> dict[str, Any]:
    """Give what a page tells, without what must be each index's own: its serial and the places of files."""
    told = json.loads(json.dumps(page))
    del told["meta"]["_last-serial"]
    for file in told["files"]:
        del file["url"]
        file.pop("_upload-time-source", None)  # tests/test_upload_times.py
        if file.get("provenance"):
            file["provenance"] = "there"
    return told


def expected(upstream: Upstream, name: str) -> dict[str, Any]:
    """Give what a mirror has to tell of upstream's project."""
    told = facts(json.loads(upstream.project_page(name, as_json=True)))
    told = {key: value for key, value in told.items() if not key.startswith("_")}
    told["meta"] = {key: value for key, value in told["meta"].items() if not key.startswith("_")}
    for file in told["files"]:
        file["data-dist-info-metadata"] = file["core-metadata"]
        file.setdefault("upload-time", "2020-02-02T00:00:00Z")  # Last-Modified
    told["files"].sort(key=lambda file: file["filename"])
    return told


def test_a_json_page_says_all_that_upstreams_does(mirrored: Mirrored, upstream: Upstream) -> None:
    fill(upstream)
    assert mirrored.run("sync") == 0
    page = mirrored.page("zope-one")
    assert page["versions"] == ["1.0", "2.0", "3.0+local.1"]
    assert facts(page) == expected(upstream, "zope-one") | {"versions": page["versions"]}
    assert not [key for key in page if key.startswith("_")]
    assert [key for key in page["meta"] if key.startswith("_")] == ["_last-serial"]
    assert mirrored.page("haunted")["project-status"] == {"status": "quarantined", "reason": "haunted"}
    assert mirrored.page("haunted")["files"] == []


def test_an_html_page_says_what_that_form_can_say(mirrored: Mirrored, upstream: Upstream) -> None:
    fill(upstream)
    mirrored.settings["base_url"] = "https://pypi.example.com"
    assert mirrored.run("sync") == 0
    for path in ("zope-one/index.html", "Zope.One/index.html"):
        body = mirrored.read(path).encode()
        page, problems = HtmlParser().project(body, "zope-one", "https://pypi.example.com/zope-one/")
        assert problems == ()
        assert page.status == upstream.statuses["zope-one"]
        by_name = {file.filename: file for file in page.files}
        one = by_name["zope_one-1.0-py3-none-any.whl"]
        assert (one.requires_python, one.yanked, one.gpg_sig) == (">=3.8, <4", 'breaks "everything" <here>', True)
        assert one.provenance == "https://pypi.example.com/zope-one/zope_one-1.0-py3-none-any.whl.provenance"
        assert by_name["zope_one-3.0+local.1.tar.gz"].provenance == \
            "https://pypi.example.com/zope-one/zope_one-3.0%2Blocal.1.tar.gz.provenance"
        assert by_name["zope_one-2.0-py3-none-any.whl"].yanked is True
        assert by_name["zope_one-2.0.tar.gz"].gpg_sig is False
        assert b'<meta name="pypi:repository-version" content="1.4">' in body


@pytest.mark.parametrize("base_url", [None, "http://pypi.example.com"])
def test_html_tells_of_provenance_only_where_its_full_url_is_a_secure_one(
        mirrored: Mirrored, upstream: Upstream, base_url: str | None) -> None:
    fill(upstream)
    mirrored.settings["base_url"] = base_url
    assert mirrored.run("sync") == 0
    assert "data-provenance" not in mirrored.read("zope-one/index.html")
    provenances = [file.get("provenance") for file in mirrored.page("zope-one")["files"]]
    assert provenances == ["zope_one-1.0-py3-none-any.whl.provenance", None, None, "zope_one-3.0%2Blocal.1.tar.gz.provenance"]


def test_a_chain_of_three_mirrors_loses_no_fact(tmp_path: Path, upstream: Upstream) -> None:
    fill(upstream)
    url, trees = upstream.url, []
    with ExitStack() as started:
        for number in range(3):
            mirror = Mirrored(tmp_path / str(number) / "mirror", url)
            mirror.root.parent.mkdir()
            assert mirror.run("sync") == 0
            trees.append(mirror)
            url = started.enter_context(servers.serve(mirror.root, tmp_path / f"log-{number}")) + "/simple/"
        first, *_, last = trees
        for name in ("zope-one", "plain", "haunted"):
            assert facts(last.page(name)) == facts(first.page(name))
        paths = [[path for path in mirror.paths() if not path.endswith((".html", ".v1_json"))] for mirror in trees]
        assert paths[0] == paths[2]
        assert all((first.root / path).read_bytes() == (last.root / path).read_bytes() for path in paths[0])
        assert (last.root / "zope-one/zope_one-1.0-py3-none-any.whl.provenance").read_bytes() == PROVENANCE
        assert (last.root / "Zope.One/index.html").is_file()
        # What changes at the one end arrives at the other, by updates that ask for little.
        upstream.projects["zope-one"]["zope_one-2.0.tar.gz"].facts["yanked"] = "late"
        upstream.touch("zope-one")
        for mirror in trees:
            assert mirror.run("-U") == 0
        yanked = {file["filename"]: file["yanked"] for file in last.page("zope-one")["files"]}
        assert yanked["zope_one-2.0.tar.gz"] == "late"
        assert facts(last.page("zope-one")) == facts(first.page("zope-one"))


def test_serials_are_ours_and_grow_with_every_change_of_a_page(mirrored: Mirrored, upstream: Upstream) -> None:
    def serials() -> dict[str, int]:
        listed = json.loads(mirrored.read("index.v1_json"))
        found = {entry["name"]: entry["_last-serial"] for entry in listed["projects"]}
        assert {name: mirrored.page(name)["meta"]["_last-serial"] for name in found} == found
        assert listed["meta"]["_last-serial"] >= max(found.values())
        return found

    upstream.add("one", sdist("one", "1"))
    upstream.add("two", sdist("two", "1"))
    assert mirrored.run("sync") == 0
    before = serials()
    upstream.add("two", sdist("two", "1"), yanked=True)
    assert mirrored.run("-U") == 0
    after = serials()
    assert after["two"] > before["two"]
    assert after["one"] == before["one"]


def test_provenance_that_is_not_to_be_had_holds_no_file_up_and_comes_later(
        mirrored: Mirrored, upstream: Upstream, capsys) -> None:
    upstream.add("one", sdist("one", "1"))
    upstream.projects["one"]["one-1.tar.gz"].beside[".provenance"] = PROVENANCE
    path = "/files/one/one-1.tar.gz.provenance"
    upstream.answers[path] = (503, {}, b"later")
    assert mirrored.run("sync") == 1
    assert f"{upstream.host}{path}" in capsys.readouterr().err
    assert mirrored.files("one") == ["one-1.tar.gz"]
    assert "provenance" not in mirrored.page("one")["files"][0]
    del upstream.answers[path]
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert "/files/one/one-1.tar.gz" not in upstream.asked()
    assert mirrored.page("one")["files"][0]["provenance"] == "one-1.tar.gz.provenance"


def test_what_upstream_tells_of_and_does_not_have_is_not_told_on(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", sdist("one", "1"), provenance=f"{upstream.host}/files/one/one-1.tar.gz.provenance", gpg_sig=True)
    assert mirrored.run("sync") == 0
    (file,) = mirrored.page("one")["files"]
    assert "provenance" not in file and "gpg-sig" not in file
    assert mirrored.paths()[-1] == "one/one-1.tar.gz"


def test_what_lies_beside_a_file_goes_and_comes_with_it(mirrored: Mirrored, upstream: Upstream) -> None:
    fill(upstream)
    assert mirrored.run("sync") == 0
    served = upstream.projects["zope-one"]["zope_one-1.0-py3-none-any.whl"]
    beside = dict(served.beside)
    served.beside = {}
    upstream.touch("zope-one")
    assert mirrored.run("-U") == 0
    assert not [path for path in mirrored.paths() if path.endswith((".asc", "1.0-py3-none-any.whl.provenance"))]
    served.beside = beside
    upstream.touch("zope-one")
    assert mirrored.run("-U") == 0
    assert (mirrored.root / "zope-one/zope_one-1.0-py3-none-any.whl.asc").read_bytes() == SIGNATURE
    upstream.remove("Zope.One", "zope_one-1.0-py3-none-any.whl")
    assert mirrored.run("-U") == 0
    assert not [path for path in mirrored.paths() if "zope_one-1.0-" in path]
    assert not [path for path in (mirrored.root / "zope-one").iterdir() if path.name.startswith("zope_one-1.0-")]


def test_a_lost_state_costs_no_download_of_what_lies_beside(mirrored: Mirrored, upstream: Upstream) -> None:
    fill(upstream)
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    (mirrored.root / ".pypimirror/state.sqlite").unlink()
    upstream.asked()
    assert mirrored.run("sync") == 0
    assert not [path for path in upstream.asked() if path.startswith("/files/")]
    assert mirrored.tree() == before


def test_an_upstream_that_speaks_html_has_its_status_and_provenance_passed_on(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.json = False
    fill(upstream)
    assert mirrored.run("sync") == 0
    page = mirrored.page("zope-one")
    assert page["project-status"] == upstream.statuses["zope-one"]
    assert page["files"][0]["provenance"] == "zope_one-1.0-py3-none-any.whl.provenance"
    assert mirrored.page("haunted")["files"] == []


def test_the_version_of_the_api_is_the_one_whose_fields_are_there(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", wheel("one", "1"), size=None)
    assert mirrored.run("sync") == 0
    page = mirrored.page("one")
    # 1.1 makes versions and sizes a duty; what came later is for those who have something to tell.
    assert page["meta"]["api-version"] == "1.4"
    assert page["versions"] == ["1"]
    assert page["files"][0]["size"] == len(upstream.projects["one"]["one-1-py3-none-any.whl"].body)


def test_what_lies_beside_a_file_is_verified_repaired_and_restored(mirrored: Mirrored, upstream: Upstream) -> None:
    fill(upstream)
    assert mirrored.run("sync") == 0
    before = mirrored.tree()
    wheel_path = "zope-one/zope_one-1.0-py3-none-any.whl"
    (mirrored.root / f"{wheel_path}.provenance").write_bytes(b"{}")
    (mirrored.root / f"{wheel_path}.asc").unlink()
    (mirrored.root / "zope-one/zope_one-2.0.tar.gz.asc").write_bytes(b"stray")
    assert mirrored.run("verify") == 1
    assert mirrored.run("verify", "--repair") == 0
    assert mirrored.tree() == before
    assert mirrored.run("verify") == 0
    # Upstream takes the file away; by hand it comes back with all that lay beside it.
    upstream.remove("Zope.One", "zope_one-1.0-py3-none-any.whl")
    assert mirrored.run("-U") == 0
    assert mirrored.run("trash", "restore", "zope_one-1.0-py3-none-any.whl") == 0
    assert (mirrored.root / f"{wheel_path}.provenance").read_bytes() == PROVENANCE
    assert (mirrored.root / f"{wheel_path}.asc").read_bytes() == SIGNATURE
    restored = {file["filename"]: file for file in mirrored.page("zope-one")["files"]}["zope_one-1.0-py3-none-any.whl"]
    assert (restored["provenance"], restored["gpg-sig"]) == ("zope_one-1.0-py3-none-any.whl.provenance", True)
    assert mirrored.run("verify") == 0
