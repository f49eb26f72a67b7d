"""The product as a wheel, built from a copy of the checkout so that nothing an earlier build left gets into it."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support import wheelhouse

#: What is no part of the source.
_LEFT_OUT = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "bin", "build", "develop-eggs", "dist", "eggs", "parts",
                                   "var")


def copy(folder: Path) -> Path:
    """Copy the checkout's sources into a new folder; give its path."""
    return Path(shutil.copytree(wheelhouse.CHECKOUT, folder, ignore=_LEFT_OUT))


def wheel(source: Path, folder: Path, python: Path, environ: Mapping[str, str]) -> Path:
    """Build the wheel of a copy into a folder; give its path. python: of an environment that has setuptools and pip."""
    subprocess.run([str(python), "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder),
                    str(source)], env=dict(environ), check=True)
    [built] = folder.glob("*.whl")
    return built
