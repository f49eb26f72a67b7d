"""A Sigstore of one's own: certificate authority, certificate log and transparency log, with real keys and signatures."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import struct
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from pypi_attestations import AttestationType

#: Fulcio's claims in certificates.
_FULCIO = "1.3.6.1.4.1.57264.1."
_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_IN_TOTO = "application/vnd.in-toto+json"
_BEGUN = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
PUBLISH = AttestationType.PYPI_PUBLISH_V1.value


class Key:
    """A key of one of the services."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.id = hashlib.sha256(self.public).digest()

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))

    def entry(self, url: str) -> dict[str, Any]:
        """Return its entry in a trusted root."""
        return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "logId": {"keyId": text(self.id)}, "publicKey": {
            "rawBytes": text(self.public), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": {"start": _written(_BEGUN)}}}


class Sigstore:
    """Makes attestations, and the trusted root by which they verify."""

    def __init__(self) -> None:
        self._authority, self._certificates, self._log = Key(), Key(), Key()
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "example.com"),
                          x509.NameAttribute(NameOID.COMMON_NAME, "sigstore")])
        self._root = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self._authority.private.public_key())
            .serial_number(1).not_valid_before(_BEGUN).not_valid_after(_BEGUN + datetime.timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._authority.private.public_key()), critical=False)
            .sign(self._authority.private, hashes.SHA256()))

    def trusted_root(self) -> str:
        """Return the content of ``trusted_root.json``."""
        return json.dumps({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self._log.entry("https://rekor.example.com")],
            "certificateAuthorities": [{
                "subject": {"organization": "example.com", "commonName": "sigstore"}, "uri": "https://fulcio.example.com",
                "certChain": {"certificates": [{"rawBytes": text(self._root.public_bytes(Encoding.DER))}]},
                "validFor": {"start": _written(_BEGUN)}}],
            "ctlogs": [self._certificates.entry("https://ctfe.example.com")],
            "timestampAuthorities": []})

    def provenance(self, filename: str, body: bytes, *repositories: str, **changes: Any) -> bytes:
        """Return the provenance of a file by GitHub workflows. changes: see ``attestation``; and ``publisher``."""
        publisher = changes.pop("publisher", {})
        return json.dumps({"version": 1, "attestation_bundles": [
            {"publisher": {"kind": "GitHub", "repository": each, "workflow": "release.yml", **publisher},
             "attestations": [self.attestation(filename, body, each, **changes)]} for each in repositories]}).encode()

    def attestation(self, filename: str, body: bytes, repository: str, predicate: str = PUBLISH,
                    subjects: int = 1) -> dict[str, Any]:
        """Return an attestation of a file that a workflow of a repository has published."""
        key, moment = Key(), datetime.datetime(2025, 6, 1, 12, 5, tzinfo=datetime.timezone.utc)
        certificate = self._certificate(key, repository, moment)
        subject = {"name": filename, "digest": {"sha256": hashlib.sha256(body).hexdigest()}}
        statement = json.dumps({"_type": "https://in-toto.io/Statement/v1", "subject": [subject] * subjects,
                                "predicateType": predicate, "predicate": None}).encode()
        signature = key.sign(b"DSSEv1 %d %s %d %s" % (len(_IN_TOTO), _IN_TOTO.encode(), len(statement), statement))
        return {"version": 1, "envelope": {"statement": text(statement), "signature": text(signature)},
                "verification_material": {
                    "certificate": text(certificate.public_bytes(Encoding.DER)),
                    "transparency_entries": [self._logged(certificate, statement, signature, int(moment.timestamp()))]}}

    def _certificate(self, key: Key, repository: str, moment: datetime.datetime) -> x509.Certificate:
        """Return a certificate as for a workflow, logged in the certificate log."""
        source = f"https://github.com/{repository}"
        workflow = f"{source}/.github/workflows/release.yml@refs/heads/main"
        claims = {8: "https://token.actions.githubusercontent.com", 12: source, 13: "a" * 40, 14: "refs/heads/main",
                  18: workflow}
        builder = (
            x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(self._root.subject)
            .public_key(key.private.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(moment - datetime.timedelta(minutes=5)).not_valid_after(moment + datetime.timedelta(minutes=5))
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._authority.private.public_key()), False)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(workflow)]), critical=True))
        for number, claim in claims.items():
            builder = builder.add_extension(
                x509.UnrecognizedExtension(ObjectIdentifier(f"{_FULCIO}{number}"), _der(0x0c, claim.encode())), critical=False)
        unlogged = builder.sign(self._authority.private, hashes.SHA256()).tbs_certificate_bytes
        milliseconds = int(moment.timestamp() * 1000)
        signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + self._authority.id + len(unlogged).to_bytes(3, "big") + unlogged
        signature = self._certificates.sign(signed + b"\0\0")
        stamp = (b"\0" + self._certificates.id + milliseconds.to_bytes(8, "big") + b"\0\0\4\3"
                 + len(signature).to_bytes(2, "big") + signature)
        stamps = len(stamp).to_bytes(2, "big") + stamp
        listed = _der(4, len(stamps).to_bytes(2, "big") + stamps)
        return builder.add_extension(x509.UnrecognizedExtension(_SCT_LIST, listed), critical=False).sign(
            self._authority.private, hashes.SHA256())

    def _logged(self, certificate: x509.Certificate, statement: bytes, signature: bytes, moment: int) -> dict[str, Any]:
        """Return the entry of the transparency log, the only one of its tree."""
        digest = {"algorithm": "sha256", "value": hashlib.sha256(statement).hexdigest()}
        body = json.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
            "envelopeHash": digest, "payloadHash": digest,
            "signatures": [{"signature": text(signature), "verifier": text(certificate.public_bytes(Encoding.PEM))}]}}).encode()
        root = hashlib.sha256(b"\0" + body).digest()
        note = f"rekor.example.com - 1\n1\n{text(root)}\n"
        promise = json.dumps({"body": text(body), "integratedTime": moment, "logID": self._log.id.hex(), "logIndex": 7},
                             separators=(",", ":")).encode()
        return {"logIndex": "7", "logId": {"keyId": text(self._log.id)}, "kindVersion": {"kind": "dsse", "version": "0.0.1"},
                "integratedTime": str(moment), "inclusionPromise": {"signedEntryTimestamp": text(self._log.sign(promise))},
                "inclusionProof": {"logIndex": "0", "rootHash": text(root), "treeSize": "1", "hashes": [], "checkpoint": {
                    "envelope": f"{note}\n— rekor.example.com {text(self._log.id[:4] + self._log.sign(note.encode()))}\n"}},
                "canonicalizedBody": text(body)}


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _written(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _der(tag: int, content: bytes) -> bytes:
    length = bytes([len(content)]) if len(content) < 128 else b"\x82" + len(content).to_bytes(2, "big")
    return bytes([tag]) + length + content


def _usage(**uses: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: uses.get(name, False) for name in names})
