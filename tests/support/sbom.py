"""Distributions with core metadata of any kind, and the validators of both formats of SBOMs."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_TIME = (2020, 2, 2, 0, 0, 0)


def wheel(name: str, version: str, *lines: str, files: Mapping[str, str] | None = None,
          tag: str = "py3-none-any") -> tuple[str, bytes]:
    """Return name and content of a wheel. lines: of its core metadata; files: below its ``.dist-info``, by path."""
    stem = name.replace("-", "_").replace(".", "_").lower()
    members = {"METADATA": "\n".join(("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines, "", "Text.")),
               "WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n", "RECORD": "", **(files or {})}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(f"{stem}-{version}.dist-info/{path}", _TIME), text)
    return f"{stem}-{version}-{tag}.whl", out.getvalue()


def check_cyclonedx(text: str) -> Any:
    """Return the content of a CycloneDX document. Raises AssertionError if it violates the schema."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    refs = [document["metadata"]["component"]["bom-ref"], *(each["bom-ref"] for each in document["components"])]
    assert len(refs) == len(set(refs)) and {each["ref"] for each in document["dependencies"]} == set(refs)
    assert {ref for each in document["dependencies"] for ref in each.get("dependsOn", ())} <= set(refs)
    assert {each["ref"] for one in document["vulnerabilities"] for each in one["affects"]} <= set(refs)
    return document


def check_spdx(text: str, folder: Path) -> Any:
    """Return the content of an SPDX document. folder: for a temporary file. Raises AssertionError if it is not valid."""
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    path = folder / "checked.spdx.json"
    path.write_text(text, encoding="utf-8")
    messages: Iterable[Any] = validate_full_spdx_document(parse_file(str(path)))
    assert [f"{each.validation_message} {each.context}" for each in messages] == []
    return json.loads(text)
