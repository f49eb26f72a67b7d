"""Publishers of releases by their provenance (PEP 740): changes are reported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pypimirror.metadata.errors import InvalidContent
from pypimirror.metadata.provenance import publishers
from support.mirror import Mirrored
from support.upstream import Upstream, wheel


def provenance(*repositories: str) -> bytes:
    return json.dumps({"version": 1, "attestation_bundles": [
        {"publisher": {"kind": "GitHub", "repository": each, "workflow": "release.yml", "claims": {"x": 1}}, "attestations": []}
        for each in repositories]}).encode()


def release(upstream: Upstream, version: str, *repositories: str) -> None:
    filename, body = wheel("demo", version)
    beside = f"/files/demo/{filename}.provenance"
    upstream.add("demo", (filename, body), **({"provenance": f"{upstream.host}{beside}"} if repositories else {}))
    if repositories:
        upstream.projects["demo"][filename].beside = {".provenance": provenance(*repositories)}


def notices(mirrored: Mirrored) -> list[str]:
    mirrored.settings["report_filename"] = report = mirrored.root.parent / "report.json"
    assert mirrored.run("sync") == 0
    return [each for each in json.loads(report.read_text())["notices"] if "provenance" in each or "published" in each]


@pytest.mark.parametrize(("repositories", "told"), [
    (("example/demo",), []), (("example/demo", "example/other"), []),
    (("evil/demo",), ["demo: 3.0 is published by GitHub evil/demo release.yml; the release before it was published by "
                      "GitHub example/demo release.yml"]),
    ((), ["demo: 3.0 is without provenance; the release before it was published by GitHub example/demo release.yml"])])
def test_a_change_is_reported_once(mirrored: Mirrored, upstream: Upstream, repositories: tuple[str, ...],
                                   told: list[str]) -> None:
    release(upstream, "0.9")
    release(upstream, "1.0", "old/demo")
    release(upstream, "2.0", "example/demo")
    assert notices(mirrored) == []  # of the first fetch nothing is told
    release(upstream, "3.0", *repositories)
    assert notices(mirrored) == told
    assert notices(mirrored) == []


def test_it_can_be_turned_off(mirrored: Mirrored, upstream: Upstream) -> None:
    mirrored.settings["publishers"] = "ignore"
    release(upstream, "1.0", "example/demo")
    assert notices(mirrored) == []
    release(upstream, "2.0")
    assert notices(mirrored) == []


@pytest.mark.parametrize("body", [
    b"", b"[]", b"{}", b'{"attestation_bundles": 7}', b'{"attestation_bundles": [7]}', b"[" * 100_000,
    b'{"attestation_bundles": [{"publisher": 7}]}', b" " * (9 << 20)], ids=lambda body: body[:20])
def test_what_is_no_provenance_is_refused(body: Any) -> None:
    with pytest.raises(InvalidContent):
        publishers(body)
