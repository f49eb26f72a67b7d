"""SBOMs in SPDX 2.3 as JSON, by spdx-tools: one package a line."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ... import __version__
from ...errors import missing_library
from ...pins.model import Release
from ...sbom.licenses import License
from ...sbom.model import Component, ComponentFile
from .document import PROGRAM, BillOfMaterials, list_items, render_or_reduce, serial_number, top_level

if TYPE_CHECKING:
    from spdx_tools.spdx.model import Package

_DOCUMENT = "SPDXRef-DOCUMENT"
#: The base of document namespaces, which identify and lead nowhere.
_NAMESPACE = "https://spdx.org/spdxdocs/"
#: ``created`` is required. Without SOURCE_DATE_EPOCH it is the same for every document.
_CREATED = "1970-01-01T00:00:00Z"
_REFERENCE = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")


def render(document: BillOfMaterials) -> Iterator[str]:
    """Yield the document. Raises ConfigurationError without the library."""
    try:
        from spdx_tools.spdx.jsonschema.package_converter import PackageConverter
        from spdx_tools.spdx.model import Document as LibraryDocument
    except ImportError as error:
        raise missing_library("sbom --format spdx", error) from error

    digest = hashlib.sha256()
    converter, nothing = PackageConverter(), LibraryDocument(_creation_info())
    texts: dict[str, str] = {}
    contained: list[tuple[str, str]] = []

    def converted(release: Component) -> list[Any]:
        return [converter.convert(package, nothing) for package in packages_of(release, texts)]

    def packages() -> Iterator[Any]:
        for each in document.components:
            yield from render_or_reduce(each, converted, document.report)
            contained.extend((_file_id(file), _release_id((each.project, each.version))) for file in each.files)

    created = _CREATED if document.created is None else document.created.strftime("%Y-%m-%dT%H:%M:%SZ")
    info = json.dumps({"created": created, "creators": [f"Tool: {PROGRAM}-{__version__}"]})
    digest.update(f"{document.name}\n{info}\n".encode())
    yield (f'{{"SPDXID": "{_DOCUMENT}", "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", '
           f'"name": {json.dumps(document.name)}, "creationInfo": {info}, "packages": [')
    yield from list_items(map(json.dumps, packages()), digest.update)
    yield '\n], "relationships": ['
    edges = list(document.dependencies())
    yield from list_items(map(json.dumps, _render_relationships(edges, contained)), digest.update)
    yield '\n], "hasExtractedLicensingInfos": ['
    extracted = ({"licenseId": name, "extractedText": text, "name": text[:100]} for name, text in sorted(texts.items()))
    yield from list_items(map(json.dumps, extracted), digest.update)
    number = serial_number(digest.hexdigest())
    yield f'\n], "documentNamespace": "{_NAMESPACE}{quote(document.name, safe="")}-{number}"}}\n'


def _creation_info() -> Any:
    """Return the least that a document of the library needs; it is not written."""
    import datetime

    from spdx_tools.spdx.model import Actor, ActorType, CreationInfo

    return CreationInfo("SPDX-2.3", _DOCUMENT, PROGRAM, _NAMESPACE, [Actor(ActorType.TOOL, PROGRAM)], datetime.datetime.min)


def _render_relationships(edges: list[tuple[Release, tuple[Release, ...]]],
                          contained: Iterable[tuple[str, str]]) -> Iterator[Any]:
    """Yield the relationships of the document, of releases, and of files with their packages."""
    for release in top_level(edges):
        yield _render_relationship(_DOCUMENT, "DESCRIBES", _release_id(release))
    for release, targets in edges:
        for target in targets:
            yield _render_relationship(_release_id(release), "DEPENDS_ON", _release_id(target))
    for file, package in contained:
        yield _render_relationship(file, "DISTRIBUTION_ARTIFACT", package)


def _render_relationship(source: str, kind: str, target: str) -> dict[str, str]:
    return {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}


def packages_of(release: Component, texts: dict[str, str]) -> Iterator[Package]:
    """Yield a release and its files as packages of the library.

    texts: gets the texts of licences that are not SPDX's, by id.
    """
    from spdx_tools.spdx.model import (
        ExternalPackageRef,
        ExternalPackageRefCategory,
        Package,
        PackagePurpose,
        SpdxNoAssertion,
    )

    references = [ExternalPackageRef(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", release.purl)]
    references += [ExternalPackageRef(ExternalPackageRefCategory.SECURITY, "advisory", link, comment=identifier)
                   for identifier, link in release.advisories if link]
    home = next((url for label, url in release.links if label.lower() == "homepage"), None)
    yield Package(
        _release_id((release.project, release.version)), release.name, SpdxNoAssertion(), version=release.version or None,
        files_analyzed=False, license_concluded=SpdxNoAssertion(), license_declared=_make_license(release.license, texts),
        license_comment=f"License-File: {', '.join(release.license_files)}" if release.license_files else None,
        copyright_text=SpdxNoAssertion(), summary=release.summary or None, homepage=home,
        primary_package_purpose=PackagePurpose.LIBRARY, external_references=references)
    for file in release.files:
        yield _make_file_package(release, file)


def _make_file_package(release: Component, file: ComponentFile) -> Package:
    from spdx_tools.spdx.model import Checksum, ChecksumAlgorithm, Package, PackagePurpose, SpdxNoAssertion

    known = {name: ChecksumAlgorithm.__members__.get(name.upper()) for name in sorted(file.hashes)}
    comment = "; ".join(f"SBOM in it: {each.path} sha256:{each.sha256}" for each in file.sboms)
    return Package(
        _file_id(file), file.filename, file.url if "://" in file.url else SpdxNoAssertion(), version=release.version or None,
        file_name=file.filename, files_analyzed=False, comment=comment or None,
        checksums=[Checksum(algorithm, file.hashes[name]) for name, algorithm in known.items() if algorithm is not None],
        primary_package_purpose=PackagePurpose.ARCHIVE)


def _make_license(found: License, texts: dict[str, str]) -> Any:
    """Return a licence of the library."""
    from spdx_tools.spdx.model import SpdxNoAssertion

    if not found.label:
        return SpdxNoAssertion()
    expression = _parse_expression(found.expressions[0]) if len(found.expressions) == 1 else None
    if expression is None:
        name = f"LicenseRef-{hashlib.sha256(found.label.encode()).hexdigest()[:16]}"
        texts[name] = found.label
        return _parse_expression(name)
    for name in _REFERENCE.findall(found.expressions[0]):
        texts.setdefault(name, f"{name}, as packages call it")
    return expression


@lru_cache(4096)
def _parse_expression(text: str) -> Any:
    """Return an expression of the library, or None if it names licences that the library does not know."""
    from license_expression import ExpressionError, get_spdx_licensing

    licensing = _cached_licensing(get_spdx_licensing)
    try:
        expression = licensing.parse(text, strict=True)
    except ExpressionError:
        return None
    unknown = [key for key in licensing.unknown_license_keys(expression) if not _REFERENCE.fullmatch(key)]
    return None if unknown else expression


@lru_cache(1)
def _cached_licensing(make: Any) -> Any:
    return make()


def _release_id(release: Release) -> str:
    return _spdx_id("Package", "-".join(release))


def _file_id(file: ComponentFile) -> str:
    return _spdx_id("File", file.filename)


@lru_cache(1 << 16)
def _spdx_id(kind: str, name: str) -> str:
    """Return an SPDX identifier, which has letters, digits, dots and dashes: other characters are replaced."""
    plain = re.sub(r"[^A-Za-z0-9.-]", "-", name)
    more = "" if plain == name else f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"SPDXRef-{kind}-{plain}{more}"
