"""Fields of each standard of the Simple API, from upstream to the mirror's pages, a snapshot's, and those behind a bundle."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from support import servers
from support.matrix_site import served
from support.mirror import Mirrored
from support.sites import Sites
from support.upstream import Served, Upstream, sdist, wheel

VARIANTS = "demo-1.0-variants.json"
PROVENANCE = b'{"version": 1, "attestation_bundles": []}'
TIME = "2024-01-02T03:04:05.123456Z"
WHEEL, SDIST = wheel("demo", "1.0"), sdist("demo", "1.0")
METADATA = b"Metadata-Version: 2.5\nName: demo\nVersion: 1.0\nImport-Name: demo\nImport-Namespace: corp\nRequires-Dist: dep\n"
#: Keys that no standard has, or only a draft or a rejected one, by PEP: PEP 708 was rejected, 752 is a draft.
PROJECT_KEYS: dict[str, Any] = {
    "alternate-locations": ["https://example.com/simple/demo/"],
    "namespace": {"name": "demo", "open": False, "parent": None, "children": [], "owners": [{"organization": "corp"}]},
    "namespaces": ["demo"], "new-key": {"deep": [1, None, "\u00fc"]}}
META_KEYS: dict[str, Any] = {"api-version": "1.7", "tracks": ["https://example.com/simple/demo/"], "new": 1}
FILE_KEYS: dict[str, Any] = {"new-fact": {"deep": [1, None, False]}, "variant-label": "x86_64_v3"}
STATUS = {"status": "deprecated", "reason": 'use "other" & co'}


def fill(upstream: Upstream) -> None:
    """Add a project of which upstream says all that any standard knows."""
    upstream.add("demo", WHEEL, upload_time=TIME, requires_python=">=3.8, <4", yanked='broken "here" <x>', **FILE_KEYS)
    upstream.add("demo", SDIST, upload_time=TIME)
    upstream.add("demo", (VARIANTS, b'{"variants": {}}'), upload_time=TIME)
    files: dict[str, Served] = upstream.projects["demo"]
    files[WHEEL[0]].metadata = METADATA
    files[WHEEL[0]].beside = {".provenance": PROVENANCE}
    upstream.statuses["demo"] = STATUS
    upstream.extras["demo"] = PROJECT_KEYS
    upstream.metas["demo"] = META_KEYS


def test_each_field_is_on_all_pages(tmp_path: Path, upstream: Upstream) -> None:
    fill(upstream)
    sites = Sites(tmp_path, upstream)
    for site in (sites.near, sites.far):
        site.settings["base_url"] = "https://pypi.example.com"
    sites.sync()
    sites.carry("first")
    assert sites.near.run("snapshot", "create", "then") == 0
    pages = [sites.near.root / "demo", sites.near.root / "snapshots/then/simple/demo", sites.far.root / "demo"]
    for folder in pages:
        check_json(json.loads((folder / "index.v1_json").read_bytes()), folder)
        check_html((folder / "index.html").read_text(encoding="utf-8"))
        # Import-Name of PEP 794 is in the metadata, which is passed on as it is.
        assert (folder / f"{WHEEL[0]}.metadata").read_bytes() == METADATA
        assert (folder / f"{WHEEL[0]}.provenance").read_bytes() == PROVENANCE
        assert (folder / VARIANTS).read_bytes() == b'{"variants": {}}'
    # The file that describes variants may change under its name.
    upstream.add("demo", (VARIANTS, b'{"variants": {"a": 1}}'), upload_time=TIME)
    sites.sync()
    sites.export("second")
    sites.load("second")
    assert [(folder / VARIANTS).read_bytes() for folder in pages] == [
        b'{"variants": {"a": 1}}', b'{"variants": {}}', b'{"variants": {"a": 1}}']


def check_json(page: dict[str, Any], folder: Path) -> None:
    # PEP 629, 691, 708: the version, and what stands beside it.
    assert {key: value for key, value in page["meta"].items() if key != "_last-serial"} == META_KEYS
    # PEP 700 and 792, and keys that no standard has.
    assert (page["name"], page["versions"], page["project-status"]) == ("demo", ["1.0"], STATUS)
    assert {key: page[key] for key in PROJECT_KEYS} == PROJECT_KEYS
    files = {file["filename"]: file for file in page["files"]}
    assert sorted(files) == sorted([WHEEL[0], SDIST[0], VARIANTS])
    found = files[WHEEL[0]]
    assert {key: found[key] for key in FILE_KEYS} == FILE_KEYS
    # PEP 592, 700, 714, 740.
    assert (found["yanked"], found["requires-python"], found["size"], found["upload-time"]) == (
        'broken "here" <x>', ">=3.8, <4", len(WHEEL[1]), TIME)
    assert found["core-metadata"] == found["data-dist-info-metadata"] and list(found["core-metadata"]) == ["sha256"]
    assert (folder / found["provenance"]).is_file() and "provenance" not in files[SDIST[0]]


def check_html(page: str) -> None:
    metas: dict[str, str] = {}
    links: dict[str, dict[str, str | None]] = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found = dict(attrs)
            if tag == "meta" and "name" in found:
                metas[str(found["name"])] = str(found["content"])
            elif tag == "a":
                links[str(found.pop("href")).partition("#")[0].rpartition("/")[2]] = found

    Reader().feed(page)
    # PEP 629 and 792.
    assert metas["pypi:repository-version"].startswith("1.")
    assert (metas["pypi:project-status"], metas["pypi:project-status-reason"]) == tuple(STATUS.values())
    # PEP 503, 592, 658, 714, 740.
    found = links[WHEEL[0]]
    assert (found["data-yanked"], found["data-requires-python"]) == ('broken "here" <x>', ">=3.8, <4")
    assert found["data-core-metadata"] == found["data-dist-info-metadata"]
    assert str(found["data-core-metadata"]).startswith("sha256=")
    assert str(found["data-provenance"]).startswith("https://pypi.example.com/") and VARIANTS in links


@pytest.mark.parametrize("server", ["serve", "nginx", "apache", "caddy"])
def test_the_same_is_served(server: str, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(server, tmp_path_factory.mktemp(server), fill) as site:
        base = site.index.removesuffix("/simple/")
        reply = servers.ask(base, "/simple/demo/", Accept="application/vnd.pypi.simple.v1+json")
        check_json(json.loads(reply.body), site.mirrored.root / "demo")
        # The Integrity API of PEP 740.
        attested = servers.ask(base, f"/integrity/demo/1.0/{WHEEL[0]}/provenance")
        assert (attested.status, attested.body) == (200, PROVENANCE)
        described = servers.ask(base, f"/simple/demo/{VARIANTS}")
        assert (described.status, described.headers["Content-Type"]) == (200, "application/json")
        # It may change, unlike other files.
        assert "immutable" not in described.headers["Cache-Control"]


@pytest.mark.parametrize("page", ["html", "json"])
def test_facts_of_either_form_of_upstream_reach_both_of_ours(page: str, mirrored: Mirrored, upstream: Upstream) -> None:
    fill(upstream)
    upstream.json = page == "json"
    mirrored.settings["base_url"] = "https://pypi.example.com"
    assert mirrored.run("sync") == 0
    found = mirrored.page("demo")
    assert (found["project-status"], found["versions"]) == (STATUS, ["1.0"])
    assert {key: found[key] for key in PROJECT_KEYS if key in found} == (PROJECT_KEYS if page == "json" else {})
    check_html(mirrored.read("demo/index.html"))
