"""Attestations (PEP 740) are verified with real keys and certificates, by a trusted root of the tests, without requests."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import sigstore as sigstore_library

from pypimirror.errors import ConfigurationError
from pypimirror.metadata.attestations import AttestationVerifier
from pypimirror.metadata.errors import InvalidContent
from support.mirror import Mirrored
from support.sigstore import Sigstore
from support.upstream import Upstream, wheel

Captured = pytest.CaptureFixture[str]
NAME, BODY = "demo-1.0-py3-none-any.whl", b"content"
SHA256 = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"


@pytest.fixture(scope="module")
def sigstore() -> Sigstore:
    return Sigstore()


@pytest.fixture(scope="module")
def root(sigstore: Sigstore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("root") / "trusted_root.json"
    path.write_text(sigstore.trusted_root())
    return path


def changed(provenance: bytes, *place: str | int, to: Any) -> bytes:
    """Return provenance with another value at one place."""
    document = value = json.loads(provenance)
    for name in place[:-1]:
        value = value[name]
    value[place[-1]] = to
    return json.dumps(document).encode()


def test_valid_ones_verify_without_a_connection(sigstore: Sigstore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*arguments: Any) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    verifier = AttestationVerifier(str(root))
    verifier.verify(NAME, SHA256, sigstore.provenance(NAME, BODY, "example/demo", "example/other"))
    # The name in the statement may be written in another way.
    verifier.verify("De.mo-1.tar.gz", SHA256, sigstore.provenance("de_mo-1.0.tar.gz", BODY, "example/demo"))


ATTESTATION = ("attestation_bundles", 0, "attestations", 0)


def test_others_are_refused(sigstore: Sigstore, root: Path) -> None:
    verifier = AttestationVerifier(str(root))
    good = sigstore.provenance(NAME, BODY, "example/demo")
    other = sigstore.attestation(NAME, BODY, "example/demo")
    for provenance, why in (
            (sigstore.provenance(NAME, b"other", "example/demo"), "is about the sha256"),
            (sigstore.provenance("demo-1.1-py3-none-any.whl", BODY, "example/demo"), "is about demo-1.1-py3-none-any.whl"),
            (sigstore.provenance(NAME, BODY, "example/demo", predicate="https://example.com/"), "is of an unknown type"),
            (sigstore.provenance(NAME, BODY, "example/demo", subjects=2), "no statement about one file"),
            # By another publisher than the provenance names, of another root, or put together of two attestations.
            (sigstore.provenance(NAME, BODY, "example/demo", publisher={"repository": "evil/demo"}), "does not verify"),
            (sigstore.provenance(NAME, BODY, "example/demo", publisher={"workflow": "other.yml"}), "does not verify"),
            (Sigstore().provenance(NAME, BODY, "example/demo"), "does not verify"),
            (changed(good, *ATTESTATION, "envelope", to=other["envelope"]), "does not verify"),
            (changed(good, *ATTESTATION, "verification_material", to=other["verification_material"]), "does not verify"),
            (changed(good, *ATTESTATION, "verification_material", "transparency_entries", 0, "integratedTime", to="1"),
             "does not verify"),
            (changed(good, *ATTESTATION, "verification_material", "certificate", to="AAAA"), "does not verify"),
            (changed(good, "attestation_bundles", 0, "publisher", to={"kind": "New", "zone": 1}), "not understood"),
            (changed(good, "attestation_bundles", 0, "attestations", to=[]), "0 attestations"),
            (changed(good, "attestation_bundles", 0, "attestations", to=[other] * 101), "101 attestations"),
            (changed(good, "attestation_bundles", to=[]), "0 attestations"), (changed(good, "version", to=2), "not understood"),
            # One good attestation is no excuse for another one.
            (changed(good, "attestation_bundles", 0, "attestations", to=[
                other, sigstore.attestation(NAME, b"other", "example/demo")]), "is about the sha256"),
            (b"", "not understood"), (b"[" * 100_000, "not understood"), (b" " * (9 << 20), "too large")):
        with pytest.raises(InvalidContent, match=why) as caught:
            verifier.verify(NAME, SHA256, provenance)
        assert str(caught.value).isprintable() and len(str(caught.value)) < 500


@pytest.mark.parametrize(("content", "why"), [
    (None, "can't be read"), ("", "is not a trusted root"), ("[]", "is not a trusted root"),
    ('{"tlogs": [], "certificateAuthorities": [1], "ctlogs": [1]}', "is not a trusted root")])
def test_a_wrong_root_is_refused_before_anything_is_touched(
        mirrored: Mirrored, upstream: Upstream, tmp_path: Path, capsys: Captured, content: str | None, why: str) -> None:
    if content is not None:
        (tmp_path / "root.json").write_text(content)
    mirrored.settings["trusted_root"] = tmp_path / "root.json"
    assert mirrored.run("sync") == 2
    printed = capsys.readouterr().err
    assert why in printed and "root.json" in printed and printed.count("\n") == 1
    assert upstream.asked() == []


def test_a_root_that_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "root.json")
    with pytest.raises(ConfigurationError, match="a FIFO, not a regular file"):
        AttestationVerifier(str(tmp_path / "root.json"))


def test_sigstores_own_root_can_be_used(sigstore: Sigstore) -> None:
    """As its library ships it, and documentation points to; what another root has signed does not verify by it."""
    roots = sorted(Path(sigstore_library.__file__).parent.glob("_store/*/trusted_root.json"))
    assert roots
    for root in roots:
        with pytest.raises(InvalidContent, match="does not verify"):
            AttestationVerifier(str(root)).verify(NAME, SHA256, sigstore.provenance(NAME, BODY, "example/demo"))


def test_a_root_that_only_looks_like_one_is_told(tmp_path: Path, sigstore: Sigstore) -> None:
    (tmp_path / "root.json").write_text('{"tlogs": [1], "certificateAuthorities": [1], "ctlogs": [1]}')
    verifier = AttestationVerifier(str(tmp_path / "root.json"))
    with pytest.raises(ConfigurationError, match=r"root\.json: can't be used"):
        verifier.verify(NAME, SHA256, sigstore.provenance(NAME, BODY, "example/demo"))


def release(upstream: Upstream, version: str, provenance: bytes | None, name: str = "demo") -> str:
    filename, body = wheel(name, version)
    url = {"provenance": f"{upstream.host}/files/{name}/{filename}.provenance"} if provenance is not None else {}
    upstream.add(name, (filename, body), **url)
    if provenance is not None:
        upstream.projects[name][filename].beside = {".provenance": provenance}
    return filename


def signed(sigstore: Sigstore, version: str, **changes: Any) -> bytes:
    return sigstore.provenance(*wheel("demo", version), "example/demo", **changes)


def test_a_file_with_a_wrong_attestation_is_refused_alone(
        mirrored: Mirrored, upstream: Upstream, sigstore: Sigstore, root: Path, capsys: Captured) -> None:
    mirrored.settings["trusted_root"] = root
    good = release(upstream, "1.0", signed(sigstore, "1.0"))
    release(upstream, "1.1", None)
    bad = release(upstream, "2.0", signed(sigstore, "1.0"))
    release(upstream, "1.0", None, "other")
    assert mirrored.run("sync") == 1
    error = capsys.readouterr().err
    assert f"demo/{bad}: the attestation is about the sha256" in error
    assert mirrored.files("demo") == [good, "demo-1.1-py3-none-any.whl"] and mirrored.files("other")
    assert mirrored.untrue() == [] and not list((mirrored.root / "demo").glob(f"{bad}*"))
    upstream.asked()
    assert mirrored.run("sync") == 1  # it is tried again, out of the trash
    asked = upstream.asked()
    assert f"/files/demo/{bad}" not in asked and f"/files/demo/{bad}.provenance" in asked
    upstream.projects["demo"][bad].beside = {".provenance": signed(sigstore, "2.0")}
    assert mirrored.run("sync") == 0
    assert bad in mirrored.files("demo")
    assert (mirrored.root / "demo" / f"{bad}.provenance").exists()
    assert mirrored.run("verify") == 0


@pytest.mark.parametrize("suffix", [".metadata", ".provenance"])
def test_a_file_waits_until_its_attestations_can_be_verified(mirrored: Mirrored, upstream: Upstream, sigstore: Sigstore,
                                                             root: Path, suffix: str) -> None:
    """Whatever fails before they are verified, it does not let the file in."""
    mirrored.settings["trusted_root"] = root
    name = release(upstream, "1.0", signed(sigstore, "2.0" if suffix == ".metadata" else "1.0"))
    release(upstream, "2.0", signed(sigstore, "2.0"))
    if suffix == ".metadata":
        upstream.projects["demo"][name].metadata = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: other\n"
    upstream.answers[f"/files/demo/{name}{suffix}"] = (500, {}, b"")
    assert mirrored.run("sync") == 1
    assert mirrored.files("demo") == ["demo-2.0-py3-none-any.whl"] and mirrored.untrue() == []
    del upstream.answers[f"/files/demo/{name}{suffix}"]
    assert mirrored.run("sync") == (1 if suffix == ".metadata" else 0)
    assert (name in mirrored.files("demo")) is (suffix == ".provenance")


def test_verify_finds_what_came_before_the_key_and_repair_fetches_it_again(
        mirrored: Mirrored, upstream: Upstream, sigstore: Sigstore, root: Path, capsys: Captured) -> None:
    """A file that the mirror offers stays; provenance that is not valid does not."""
    bad = release(upstream, "1.0", signed(sigstore, "2.0"))
    release(upstream, "2.0", signed(sigstore, "2.0"))
    assert mirrored.run("sync") == 0
    assert mirrored.run("verify") == 0
    mirrored.settings["trusted_root"] = root
    capsys.readouterr()
    assert mirrored.run("verify") == 1
    assert f"demo/{bad}.provenance: the attestation is about the sha256" in capsys.readouterr().out
    assert mirrored.run("verify", "--repair") == 1
    assert mirrored.files("demo") == [bad, "demo-2.0-py3-none-any.whl"]
    assert not (mirrored.root / "demo" / f"{bad}.provenance").exists()
    assert mirrored.run("sync") == 1
    upstream.projects["demo"][bad].beside = {".provenance": signed(sigstore, "1.0")}
    assert mirrored.run("sync") == 0
    assert (mirrored.root / "demo" / f"{bad}.provenance").exists() and mirrored.run("verify") == 0
