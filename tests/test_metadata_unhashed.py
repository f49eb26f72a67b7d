"""A metadata file that upstream promises without a hash: out of the wheel, or with the Name and Version of the file."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from pypimirror.names import METADATA
from support.mirror import Mirrored
from support.upstream import Upstream, metadata, sdist, wheel

LOGIN = b"<!DOCTYPE html><html><body>Name: log in</body></html>"


def told(mirrored: Mirrored, project: str) -> Any:
    page = json.loads((mirrored.root / project / "index.v1_json").read_bytes())
    return page["files"][0]["core-metadata"]


@pytest.mark.parametrize("promise", [True, {"md5": "a" * 32}])
def test_a_wheel_s_metadata_come_out_of_the_wheel(mirrored: Mirrored, upstream: Upstream, promise: Any) -> None:
    name, body = wheel("demo", "1.0")
    upstream.add("demo", (name, body), **{"core-metadata": promise})
    upstream.answers[f"/files/demo/{name}{METADATA}"] = 200, {}, LOGIN
    assert mirrored.run("sync") == 0
    content = (mirrored.root / "demo" / (name + METADATA)).read_bytes()
    assert b"Name: demo\nVersion: 1.0" in content
    assert told(mirrored, "demo") == {"sha256": hashlib.sha256(content).hexdigest()}
    assert not [path for path in upstream.asked() if path.endswith(METADATA)]


@pytest.mark.parametrize(("answer", "fits"), [
    (LOGIN, False), (b"", False), (metadata("other", "1.0", ()).encode(), False), (metadata("demo", "2.0", ()).encode(), False),
    (metadata("demo", "1.0", ()).encode(), True)])
def test_what_comes_for_an_sdist_counts_with_its_name_and_version_alone(
        mirrored: Mirrored, upstream: Upstream, answer: bytes, fits: bool) -> None:
    name, body = sdist("demo", "1.0")
    upstream.add("demo", (name, body), **{"core-metadata": True})
    upstream.answers[f"/files/demo/{name}{METADATA}"] = 200, {}, answer
    assert mirrored.run("sync") == 0
    assert (mirrored.root / "demo" / (name + METADATA)).exists() == fits
    assert told(mirrored, "demo") == ({"sha256": hashlib.sha256(answer).hexdigest()} if fits else False)
    assert mirrored.run("verify") == 0


@pytest.mark.parametrize("promise", [True, {"sha256": hashlib.sha256(metadata("demo", "1.0", ()).encode()).hexdigest()}])
def test_metadata_that_are_here_are_not_fetched_again(mirrored: Mirrored, upstream: Upstream, promise: Any) -> None:
    name, body = sdist("demo", "1.0")
    upstream.add("demo", (name, body), **{"core-metadata": promise})
    upstream.answers[f"/files/demo/{name}{METADATA}"] = 200, {}, metadata("demo", "1.0", ()).encode()
    assert mirrored.run("sync") == 0
    path = f"/files/demo/{name}{METADATA}"
    assert path in upstream.asked()
    upstream.add("demo", (name, body), **{"core-metadata": promise, "requires-python": ">=3.8"})
    assert mirrored.run("-U") == 0
    assert mirrored.page("demo")["files"][0]["requires-python"] == ">=3.8"
    assert told(mirrored, "demo")
    assert path not in upstream.asked()


def test_metadata_that_are_promised_and_gone_are_not_asked_for_by_every_run(mirrored: Mirrored, upstream: Upstream) -> None:
    name, body = sdist("demo", "1.0")
    upstream.add("demo", (name, body), **{"core-metadata": {"sha256": "a" * 64}})
    upstream.add("other", wheel("other", "1.0"))
    upstream.answers[f"/files/demo/{name}{METADATA}"] = 404, {}, b""
    assert mirrored.run("sync") == 0
    assert told(mirrored, "demo") is False
    upstream.asked()
    assert mirrored.run("-U") == 0
    assert upstream.asked() == ["/simple/"]


def test_filters_do_not_believe_a_login_page(mirrored: Mirrored, upstream: Upstream) -> None:
    name, body = sdist("demo", "1.0")
    upstream.add("demo", (name, body), **{"core-metadata": True})
    upstream.answers[f"/files/demo/{name}{METADATA}"] = 200, {}, b"Name: other\nVersion: 1\nLicense: MIT\n"
    mirrored.settings |= {"metadata_matches": "License: MIT"}
    assert mirrored.run("sync") == 0
    assert not (mirrored.root / "demo" / name).exists()


@pytest.mark.parametrize("status", [404, 410, 500])
def test_filters_pass_over_promised_metadata_that_are_gone(mirrored: Mirrored, upstream: Upstream, status: int) -> None:
    name, body = sdist("demo", "1.0")
    upstream.add("demo", (name, body), **{"core-metadata": {"sha256": "a" * 64}})
    upstream.answers[f"/files/demo/{name}{METADATA}"] = status, {}, b""
    mirrored.settings |= {"metadata_excludes": "License: MIT"}
    assert mirrored.run("sync") == (status == 500)
    assert (mirrored.root / "demo" / name).exists() == (status != 500)
