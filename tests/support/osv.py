"""Advisories in the OSV format for tests."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOW = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"


def document(identifier: str, name: str, *, introduced: str = "", fixed: str = "", versions: Iterable[str] = (),
             severity: str = CRITICAL, modified: str = "2026-01-02T03:04:05Z", **more: Any) -> dict[str, Any]:
    """Return an advisory about one project. more: further top-level fields."""
    affected: dict[str, Any] = {"package": {"ecosystem": "PyPI", "name": name, "purl": f"pkg:pypi/{name}"}}
    if introduced:
        events = [{"introduced": introduced}, *([{"fixed": fixed}] if fixed else [])]
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": events}]
    if versions:
        affected["versions"] = list(versions)
    return {"schema_version": "1.7.0", "id": identifier, "modified": modified, "published": modified,
            "summary": f"{identifier} in {name}", "affected": [affected],
            "severity": [{"type": "CVSS_V3", "score": severity}] if severity else [], **more}


def write_directory(folder: Path, *documents: Mapping[str, Any]) -> Path:
    """Write a directory of advisories, and nothing else."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        path.unlink()
    for each in documents:
        (folder / f"{each['id']}.json").write_text(json.dumps(each))
    return folder


def write_archive(path: Path, *documents: Mapping[str, Any]) -> Path:
    """Write a zip archive of advisories."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in documents:
            archive.writestr(f"{each['id']}.json", json.dumps(each))
    return path
