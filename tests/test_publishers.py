"""Publishers of releases by their provenance (PEP 740): changes are reported, or hold releases back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pypimirror.filters.publishers import Publishers
from pypimirror.metadata.errors import InvalidContent
from pypimirror.metadata.provenance import publishers
from pypimirror.model import File, Project, Stored
from pypimirror.testing.mirror import LocalMirror
from pypimirror.zcml.plugins import read
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


KNOWN, EVIL = "GitHub example/demo release.yml", "GitHub evil/demo release.yml"


@pytest.fixture
def held(mirrored: Mirrored, upstream: Upstream, tmp_path: Path) -> Mirrored:
    """A mirror that has 1.0 of an old publisher and 2.0 of another one, and holds 3.0 back, but not 2.1."""
    mirrored.settings |= {"publishers": "hold", "package_matches": "demo", "decisions": tmp_path / "decisions.toml",
                          "report_filename": tmp_path / "report.json"}
    release(upstream, "1.0", "old/demo")
    release(upstream, "2.0", "example/demo")
    assert mirrored.run("sync") == 0
    assert versions(mirrored) == ["1.0", "2.0"]  # a first fetch has nothing to compare with
    release(upstream, "3.0", "evil/demo")
    release(upstream, "2.1", "example/demo")
    return mirrored


def versions(mirrored: Mirrored) -> list[str]:
    return list(mirrored.page("demo")["versions"])


def test_another_publisher_holds_a_release_back_until_it_is_allowed(held: Mirrored, upstream: Upstream,
                                                                    capsys: pytest.CaptureFixture[str]) -> None:
    why = f"published by {EVIL}; 2.0 was published by {KNOWN}"
    held.run("plan", "--json")
    (left_out,) = json.loads(capsys.readouterr().out)["left_out"]
    assert (left_out["filename"], left_out["filter"], left_out["reason"]) == ("demo-3.0-py3-none-any.whl", "publishers", why)
    told = f"demo: demo-3.0-py3-none-any.whl is held back: {why}; "
    assert [each.startswith(told) for each in notices(held)] == [True]
    assert versions(held) == ["1.0", "2.0", "2.1"]
    upstream.touch("demo")
    assert notices(held) == []  # it is named once
    assert upstream.asked().count("/files/demo/demo-3.0-py3-none-any.whl.provenance") == 2  # by plan, and by the first sync
    release(upstream, "3.1", "evil/demo")  # a second release of that publisher is no better
    assert len(notices(held)) == 1
    assert held.run("allow", "demo==3.0", "--why", "they moved", "--by", "gerda") == 0
    assert held.run("sync") == 0
    assert versions(held) == ["1.0", "2.0", "2.1", "3.0"]
    held.settings["decisions"] = None
    assert held.run("sync") == 0  # what was let in is known from then on, and so is its publisher
    assert versions(held) == ["1.0", "2.0", "2.1", "3.0", "3.1"]


@pytest.mark.parametrize("trusted", [f"demo: {EVIL}", "de*: GitHub evil/*", "*: *"])
def test_a_trusted_publisher_is_let_in_without_a_word(held: Mirrored, trusted: str) -> None:
    held.settings["trusted_publishers"] = trusted
    assert notices(held) == []
    assert versions(held) == ["1.0", "2.0", "2.1", "3.0"]


def test_a_pinned_release_stays_and_is_reported(held: Mirrored, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("demo==3.0\n")
    held.settings["requirements"] = tmp_path / "requirements.txt"
    assert [each.partition(";")[0] for each in notices(held)] == [f"demo: 3.0 is published by {EVIL}"]
    assert "3.0" in versions(held)


def test_what_a_first_fetch_could_not_get_is_fetched_later(mirrored: Mirrored, upstream: Upstream) -> None:
    """The order of failures does not decide what is compared."""
    mirrored.settings["publishers"] = "hold"
    release(upstream, "1.0", "old/demo")
    release(upstream, "2.0", "example/demo")
    path = "/files/demo/demo-2.0-py3-none-any.whl"
    upstream.answers[path] = (500, {}, b"")
    assert mirrored.run("sync") == 1
    assert versions(mirrored) == ["1.0"]
    del upstream.answers[path]
    assert mirrored.run("sync") == 0
    assert versions(mirrored) == ["1.0", "2.0"]


def test_provenance_that_cant_be_read_now_fails_the_project_alone(held: Mirrored, upstream: Upstream) -> None:
    held.settings["package_matches"] = "demo other"
    upstream.add("other", wheel("other", "1.0"))
    path = "/files/demo/demo-3.0-py3-none-any.whl.provenance"
    upstream.answers[path] = (500, {}, b"")
    assert held.run("sync") == 1
    assert (versions(held), held.files("other")) == (["1.0", "2.0"], ["other-1.0-py3-none-any.whl"])
    del upstream.answers[path]
    assert held.run("sync") == 0
    assert versions(held) == ["1.0", "2.0", "2.1"]


@pytest.mark.parametrize("body", [b"no provenance", b" " * (9 << 20)], ids=["odd", "huge"])
def test_unreadable_provenance_holds_its_file_alone(held: Mirrored, upstream: Upstream, body: bytes) -> None:
    upstream.projects["demo"]["demo-3.0-py3-none-any.whl"].beside = {".provenance": body}
    assert "is held back: published by unreadable provenance; 2.0 was" in notices(held)[0]
    assert versions(held) == ["1.0", "2.0", "2.1"]


def test_a_lost_state_lets_nothing_in(held: Mirrored) -> None:
    assert held.run("sync") == 0
    for path in (held.root / ".pypimirror").glob("state.sqlite*"):
        path.unlink()
    assert held.run("sync") == 0
    assert versions(held) == ["1.0", "2.0", "2.1"]


def file(version: str, *publishers: str, here: bool = False, suffix: str = "-py3-none-any.whl", **more: Any) -> File:
    stored = Stored("a" * 64, 1, published=True) if here else None
    return File(f"demo-{version}{suffix}", "", stored=stored, publishers=publishers, added=not here, **more)


@pytest.mark.parametrize(("files", "kept"), [
    # The release is compared with the one before it, else the one after it, and only with such as the mirror has.
    ([file("1.0", "old", here=True), file("2.0", "new", here=True), file("2.1", "old")], False),
    ([file("1.0", "old", here=True), file("2.0", "new", here=True), file("1.1", "old")], True),
    ([file("2.0", "new", here=True), file("1.0", "evil")], False),
    ([file("2.0", "new")], True),
    ([file("1.0", "a", here=True), file("2.0", here=True), file("3.0")], False),  # none before is no licence
    ([file("1.0", here=True), file("2.0")], True),
    # A file that is added to an old release has its publisher, too.
    ([file("1.0", "a", here=True), file("1.0", suffix=".tar.gz")], False),
    ([file("1.0", "a", here=True), file("1.0", "b", suffix=".tar.gz")], False),
    ([file("1.0", "a", "b", here=True), file("2.0", "b")], True),
    # Sdists never had any.
    ([file("1.0", "a", here=True), file("1.0", here=True, suffix=".tar.gz"), file("1.1", suffix=".tar.gz")], True),
    ([file("1.0", "a", here=True), file("1.0", here=True, suffix=".tar.gz"), file("1.1")], False),
    # Not compared yet; no release.
    ([file("1.0", "a", here=True), file("1.1")._replace(publishers=None)], False),
    ([file("1.0", "a", here=True), file("nightly", "b", suffix=".zip")], True)])
def test_which_files_are_held_back(files: list[File], kept: bool, tmp_path: Path) -> None:
    component = Publishers(read(LocalMirror(tmp_path, publishers="hold").write()))
    assert component.active
    project = Project("demo", tuple(files))
    assert (files[-1] in component.select(project)) is kept
    assert component.why(project, files[-1]).isprintable()


@pytest.mark.parametrize(("publisher", "description"), [
    ({"kind": "GitLab", "repository": "a/b", "workflow_filepath": "ci.yml", "environment": None}, "GitLab a/b ci.yml"),
    ({"kind": "Google", "email": "a@example.com"}, "Google a@example.com"),
    ({"kind": "CircleCI", "project_id": "1", "pipeline_definition_id": "2", "vcs_ref": "refs/tags/7"}, "CircleCI 2 1"),
    ({"kind": "New", "zone": 7, "odd": {"x": 1}, "claims": "x"}, "New 7"), ({"kind": "A\nB"}, "A\\nB")])
def test_publishers_of_each_kind(publisher: dict[str, Any], description: str) -> None:
    body = json.dumps({"attestation_bundles": [{"publisher": publisher}]}).encode()
    assert publishers(body) == {description}


@pytest.mark.parametrize("body", [
    b"", b"[]", b"{}", b'{"attestation_bundles": 7}', b'{"attestation_bundles": [7]}', b"[" * 100_000,
    b'{"attestation_bundles": [{"publisher": 7}]}', b'{"attestation_bundles": [{"publisher": {"repository": "x"}}]}',
    b'{"attestation_bundles": {"publisher": {"kind": "x"}}}', provenance(*map(str, range(101))), b" " * (9 << 20)],
    ids=lambda body: body[:20])
def test_what_is_no_provenance_is_refused(body: Any) -> None:
    with pytest.raises(InvalidContent):
        publishers(body)
