"""SBOMs in CycloneDX 1.6 (ECMA-424) as JSON, by cyclonedx-python-lib: one component a line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ... import __version__
from ...errors import missing_library
from ...sbom.licenses import License
from ...sbom.model import Component, ComponentFile, purl
from .document import PROGRAM, BillOfMaterials, list_items, render_or_reduce, serial_number, top_level

if TYPE_CHECKING:
    from cyclonedx.model import ExternalReference
    from cyclonedx.model import component as model

#: Names of algorithms in CycloneDX by those of hashlib, with the length of their hex digests.
_ALGORITHMS = {"md5": ("MD5", 32), "sha1": ("SHA-1", 40), "sha256": ("SHA-256", 64), "sha384": ("SHA-384", 96),
               "sha512": ("SHA-512", 128), "sha3_256": ("SHA3-256", 64), "sha3_384": ("SHA3-384", 96),
               "sha3_512": ("SHA3-512", 128), "blake2b_256": ("BLAKE2b-256", 64), "blake2b": ("BLAKE2b-512", 128)}
#: Types of links by well-known labels (PEP 753).
_LINKS = {"homepage": "website", "source": "vcs", "repository": "vcs", "sourcecode": "vcs", "github": "vcs",
          "changelog": "release-notes", "changes": "release-notes", "whatsnew": "release-notes", "history": "release-notes",
          "releasenotes": "release-notes", "documentation": "documentation", "docs": "documentation",
          "issues": "issue-tracker", "bugs": "issue-tracker", "issue": "issue-tracker", "tracker": "issue-tracker",
          "issuetracker": "issue-tracker", "bugtracker": "issue-tracker"}
_ROOT = "mirror"


def render(document: BillOfMaterials) -> Iterator[str]:
    """Yield the document. Raises ConfigurationError without the library."""
    try:
        from cyclonedx.schema.schema import SchemaVersion1Dot6
    except ImportError as error:
        raise missing_library("sbom --format cyclonedx", error) from error

    digest = hashlib.sha256()
    metadata: dict[str, Any] = {
        "tools": {"components": [{"type": "application", "name": PROGRAM, "version": __version__}]},
        "component": {"type": "application", "bom-ref": _ROOT, "name": document.name}}
    if document.created is not None:
        metadata = {"timestamp": document.created.strftime("%Y-%m-%dT%H:%M:%SZ"), **metadata}

    head = json.dumps(metadata)
    digest.update(head.encode())
    yield ('{"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6", '
           f'"version": 1, "metadata": {head}, "components": [')
    advised: dict[tuple[str, str], list[str]] = {}
    yield from list_items(_component_texts(document, advised, SchemaVersion1Dot6), digest.update)
    yield '\n], "dependencies": ['
    edges = list(document.dependencies())
    yield from list_items((json.dumps({"ref": ref, "dependsOn": targets} if targets else {"ref": ref}) for ref, targets in (
        (_ROOT, [purl(*each) for each in top_level(edges)]),
        *((purl(*release), [purl(*each) for each in targets]) for release, targets in edges))), digest.update)
    yield '\n], "vulnerabilities": ['
    yield from list_items((json.dumps(_render_vulnerability(*each, refs)) for each, refs in sorted(advised.items())),
                          digest.update)
    yield f'\n], "serialNumber": "{serial_number(digest.hexdigest()).urn}"}}\n'


def _component_texts(document: BillOfMaterials, advised: dict[tuple[str, str], list[str]], view: Any) -> Iterator[str]:
    """Yield the components as JSON, and note their advisories."""
    def as_json(release: Component) -> str:
        text: str = component_of(release).as_json(view_=view)
        return text

    for each in document.components:
        for advisory in each.advisories:
            advised.setdefault(advisory, []).append(each.purl)
        yield render_or_reduce(each, as_json, document.report)


def _render_vulnerability(identifier: str, link: str, refs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": identifier, "source": {"name": "OSV"}, "affects": [{"ref": ref} for ref in refs]}
    return found | ({"advisories": [{"url": link}]} if link else {})


def component_of(release: Component) -> model.Component:
    """Return a release as a component of the library."""
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component as LibraryComponent
    from cyclonedx.model.component import ComponentType
    from cyclonedx.model.contact import OrganizationalContact
    from packageurl import PackageURL

    return LibraryComponent(
        type=ComponentType.LIBRARY, bom_ref=release.purl, name=release.name, version=release.version or None,
        purl=PackageURL("pypi", None, release.project, release.version), description=release.summary or None,
        authors=[OrganizationalContact(name=release.author)] if release.author else None,
        licenses=_make_licenses(release.license),
        external_references=[*_link_references(release), *_file_references(release.files)],
        properties=[Property(name="pypimirror:license-file", value=name) for name in dict.fromkeys(release.license_files)])


@lru_cache(4096)
def _make_licenses(found: License) -> tuple[Any, ...]:
    from cyclonedx.model.license import DisjunctiveLicense, LicenseAcknowledgement, LicenseExpression
    from cyclonedx.spdx import is_supported_id

    declared = LicenseAcknowledgement.DECLARED
    if found.text:
        return (DisjunctiveLicense(name=found.text, acknowledgement=declared),)
    if len(found.expressions) == 1 and not is_supported_id(found.expressions[0]):
        return (LicenseExpression(found.expressions[0], acknowledgement=declared),)
    return tuple(DisjunctiveLicense(id=each, acknowledgement=declared) if is_supported_id(each)
                 else DisjunctiveLicense(name=each, acknowledgement=declared) for each in found.expressions)


def _link_references(release: Component) -> Iterator[ExternalReference]:
    """Yield a reference to each link of a release, of the kind that its label names."""
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri

    for label, url in release.links:
        kind = _LINKS.get("".join(filter(str.isalnum, label.lower())), "other")
        yield ExternalReference(type=ExternalReferenceType(kind), url=XsUri(url), comment=label or None)


def _file_references(files: Iterable[ComponentFile]) -> Iterator[ExternalReference]:
    """Yield a reference to each file, and to the SBOMs in it."""
    from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri

    for file in files:
        hashes = [HashType(alg=HashAlgorithm(known[0]), content=value) for name, value in file.hashes.items()
                  if (known := _ALGORITHMS.get(name)) and len(value) == known[1]]
        yield ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION, url=XsUri(file.url), comment=file.filename, hashes=hashes)
        for sbom in file.sboms:
            yield ExternalReference(
                type=ExternalReferenceType.BOM, url=XsUri(f"{file.url}#{quote(sbom.path)}"),
                comment=f"{sbom.path} in {file.filename}",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sbom.sha256)])
