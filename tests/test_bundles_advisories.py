"""Bundles carry the advisories of a mirror: the far side audits, marks and serves with them as the near side does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pypimirror.bundles.advisories import IncomingAdvisories
from pypimirror.bundles.model import DELTA, FULL, BundleHeader, BundleMember, advisory_path
from support import osv
from support.sites import Sites, one_line
from support.upstream import Upstream, wheel

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def sites(tmp_path: Path, upstream: Upstream) -> Sites:
    made = Sites(tmp_path, upstream)
    for name in ("demo", "other"):
        upstream.add(name, wheel(name, "1.0"), wheel(name, "2.0"))
    made.near.settings |= {"advisories": tmp_path / "osv", "vulnerable": "mark"}
    made.far.settings["advisories"] = "bundle"
    for site in (made.near, made.far):
        site.settings["index_formats"] = "html json legacy-json"
    return made


def audited(sites: Sites, capsys: Captured) -> dict[str, Any]:
    """Return the audit of the far side, which has to be that of the near side."""
    found = []
    for site in (sites.near, sites.far):
        capsys.readouterr()
        site.run("audit", "--json")
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    return dict(found[1])


def ids(audit: dict[str, Any]) -> set[str]:
    return {one["id"] for one in audit["findings"]}


def test_advisories_are_carried_whole_and_as_changes(sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    first = osv.document("PYSEC-1", "demo", introduced="0", fixed="2.0")
    second = osv.document("PYSEC-2", "other", introduced="0")
    unmirrored = osv.document("PYSEC-3", "elsewhere", introduced="0")
    osv.write_directory(sites.folder / "osv", first, second, unmirrored)
    sites.sync()
    sites.carry("full")
    assert sites.lines("full")[0]["advisories"] == "full"
    assert ids(audited(sites, capsys)) == {"PYSEC-1", "PYSEC-2"}
    assert "vulnerable: PYSEC-1" in sites.far.read("demo/index.html")
    assert '"PYSEC-2"' in sites.far.read("pypi/other/json")
    pins = sites.folder / "requirements.txt"
    pins.write_text("elsewhere==1.0\n")
    assert sites.far.run("audit", str(pins)) == 1
    # A bundle without a change of advisories; then new, changed and removed ones.
    upstream.add("demo", wheel("demo", "3.0"))
    sites.sync()
    sites.carry("files")
    changed = osv.document("PYSEC-1", "demo", introduced="0", fixed="3.0", modified="2026-02-02T03:04:05Z")
    (sites.folder / "osv" / "PYSEC-1.json").write_text(json.dumps(changed))
    (sites.folder / "osv" / "PYSEC-4.json").write_text(json.dumps(osv.document("PYSEC-4", "demo", versions=["3.0"])))
    (sites.folder / "osv" / "PYSEC-2.json").unlink()
    sites.sync()
    sites.carry("delta")
    carried = {line[1] for line in sites.lines("delta")[1:] if line[0] == "path" and line[1].startswith(".bundle/osv.d/")}
    assert carried == {advisory_path("PYSEC-1"), advisory_path("PYSEC-4")}
    assert ids(audited(sites, capsys)) == {"PYSEC-1", "PYSEC-4"}
    assert "PYSEC-2" not in sites.far.read("pypi/other/json")
    sites.load("delta")  # once more
    assert ids(audited(sites, capsys)) == {"PYSEC-1", "PYSEC-4"}
    assert sites.far.run("verify") == 0


def test_the_last_good_advisories_count(sites: Sites, upstream: Upstream, capsys: Captured) -> None:
    documents = [osv.document(f"PYSEC-{number}", "demo", introduced="0") for number in range(30)]
    osv.write_directory(sites.folder / "osv", *documents)
    sites.sync()
    sites.carry("full")
    osv.write_directory(sites.folder / "osv", *documents[:3])
    upstream.add("other", wheel("other", "3.0"))
    sites.sync()
    sites.export("fewer")
    capsys.readouterr()
    sites.load("fewer", status=1)
    assert "advisories: bundle: has 3 advisories, and had 30 before" in one_line(capsys.readouterr().err)
    sites.equal()
    assert sites.far.run("audit") == 1
    assert "PYSEC-29" in capsys.readouterr().out
    # The changes since the failed ones don't fit; the receipt says so, and everything is carried again.
    upstream.add("other", wheel("other", "4.0"))
    sites.sync()
    sites.export("next")
    sites.load("next", status=1)
    assert "the bundle has the changes since another import; those of" in one_line(capsys.readouterr().err)
    sites.export("again", "--against", str(sites.bundle("next") / "receipt.json"))
    assert sites.lines("again")[0]["advisories"] == "full"
    sites.load("again", "--allow-deletions")
    sites.equal()
    assert len(ids(audited(sites, capsys))) == 3


def test_a_mirror_without_advisories_changes_nothing_on_the_far_side(sites: Sites, capsys: Captured) -> None:
    osv.write_directory(sites.folder / "osv", osv.document("PYSEC-1", "demo", introduced="0"))
    del sites.far.settings["advisories"]
    for site in (sites.near, sites.far):
        del site.settings["index_formats"]
    sites.sync()
    sites.carry("full")
    assert "use them with advisories = bundle" in capsys.readouterr().out
    for key in ("advisories", "vulnerable"):
        del sites.near.settings[key]
    sites.far.settings["advisories"] = "bundle"
    sites.sync()
    sites.carry("without")
    assert sites.lines("without")[0]["advisories"] == ""
    assert sites.far.run("audit") == 1
    assert "PYSEC-1" in capsys.readouterr().out


HEADER = BundleHeader("0" * 32, "1" * 32, FULL, None, "7-00000000", 7, 0, advisories=FULL)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def install(folder: Path, header: BundleHeader, *bodies: tuple[str, bytes]) -> tuple[str | None, str | None]:
    """Install documents; return the problem and the note."""
    with closing(IncomingAdvisories(str(folder), header, False)) as incoming:
        for identifier, body in bodies:
            member = BundleMember(advisory_path(identifier), len(body), hashlib.sha256(body).hexdigest())
            assert incoming.add(member, BytesIO(body).read)
            assert not incoming.add(member._replace(sha256="0" * 64), BytesIO(body).read)
            assert not incoming.add(member._replace(size=len(body) + 1), BytesIO(body).read)
        note = incoming.install()
        return incoming.problem, note


def test_documents_that_are_not_advisories_are_left_out(folder: Path) -> None:
    good = json.dumps(osv.document("A-1", "demo", introduced="0")).encode()
    large = json.dumps(osv.document("A-4", "demo", details="x" * (9 << 20))).encode()
    problem, note = install(folder, HEADER, ("A-1", good), ("A-2", good), ("A-3", b"{"), ("A-4", large))
    assert problem is None
    assert note == "advisories: 3 documents can't be read and are left out, such as A-2: another id"


def test_changes_fit_to_their_base_alone(folder: Path) -> None:
    body = json.dumps(osv.document("A-1", "demo", introduced="0")).encode()
    delta = HEADER._replace(kind=DELTA, base="7-00000000", end="9-00000000", advisories=DELTA)
    problem, _ = install(folder, delta, ("A-1", body))
    assert problem == ("advisories: the bundle has the changes since another import; none of its advisories was ever read; "
                       "export --against the receipt carries all of them")
    assert install(folder, HEADER, ("A-1", body)) == (None, None)
    assert install(folder, delta) == (None, None)
    assert install(folder, delta) == (None, None)
    other, _ = install(folder, delta._replace(mirror="2" * 32))
    assert other is not None and "; those of 20" in other
