"""Settings and projects for tests of filters."""

import tempfile
from pathlib import Path

from pypimirror.model import File, Project
from pypimirror.settings.values import Settings
from pypimirror.zcml.plugins import read


def configured(**texts: str) -> Settings:
    """Read a real configuration file with these keys."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mirror.cfg"
        lines = [f"{key} = " + text.replace("\n", "\n  ") for key, text in {"mirror_file_path": "mirror", **texts}.items()]
        path.write_text("[pypimirror]\n" + "\n".join(lines) + "\n", encoding="utf-8")
        return read(str(path))


def file(filename: str, **facts) -> File:
    return File(filename, f"https://files.example.com/{filename}", **facts)


def project(name: str, *files: File | str) -> Project:
    """Make a project of files and of plain file names."""
    return Project(name, tuple(file(each) if isinstance(each, str) else each for each in files))


def releases(name: str, *versions: str) -> Project:
    """Make a project with one sdist a release."""
    return project(name, *(f"{name}-{version}.tar.gz" for version in versions))


def names(files) -> list[str]:
    return [each.filename for each in files]


def versions(files) -> list[str]:
    """Give the versions of sdists."""
    return [each.filename.partition("-")[2].removesuffix(".tar.gz") for each in files]
