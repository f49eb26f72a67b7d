"""Packaging of z3c.recipe.pypimirror."""

import os
import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "([^"]+)"', (HERE / "src/pypimirror/__init__.py").read_text(encoding="utf-8"))[1]

# Reproducible: the wheel has the same bytes in every checkout. Archive members get a fixed time, generated files the same
# permissions (https://reproducible-builds.org/docs/source-date-epoch/).
os.environ.setdefault("SOURCE_DATE_EPOCH", "315532800")
os.umask(0o022)

setup(
    name="z3c.recipe.pypimirror",
    version=VERSION,
    description="A mirror of PyPI, or of any other Simple API index, that a buildout part sets up",
    long_description="\n\n".join((HERE / name).read_text(encoding="utf-8") for name in ("README.rst", "CHANGES.rst")),
    long_description_content_type="text/x-rst",
    author="The z3c.recipe.pypimirror contributors",
    license="ZPL-2.1",
    keywords="pypi mirror index buildout recipe",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Framework :: Buildout",
        "Framework :: Buildout :: Recipe",
        "Framework :: Zope :: 5",
        "Intended Audience :: System Administrators",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: System :: Archiving :: Mirroring",
    ],
    package_dir={"": "src"},
    packages=find_packages("src"),
    include_package_data=True,
    data_files=[(f"share/{folder}", [f"share/{folder}/{name}"]) for folder, name in (
        ("man/man1", "pypimirror.1"), ("bash-completion/completions", "pypimirror"),
        ("fish/vendor_completions.d", "pypimirror.fish"), ("zsh/site-functions", "_pypimirror"))],
    package_data={"pypimirror": [
        "py.typed", "*.zcml", "index/*.css", "index/*.js", "serve/sites/*.in", "templates/plugin/*.in"]},
    python_requires=">=3.10",
    install_requires=[
        "packaging",
        "requests",
        'tomli; python_version < "3.11"',
        "urllib3",
        "waitress",
        "zc.buildout",
        "zc.lockfile",
        "zope.component",
        "zope.configuration",
        "zope.interface",
        "zope.schema",
    ],
    extras_require={
        "attestations": ["pypi-attestations"],
        "dask": ["distributed"],
        "fast": ["greenlet", "pycurl"],
        "test": [
            "axe-core-python", "boto3", "cyclonedx-python-lib[json-validation]", "distributed", "flask", "flask-cors",
            "greenlet", "hypothesis", "moto[s3]", "pycurl", "pypi-attestations", "pytest", "pytest-cov", "pytest-xdist",
            "spdx-tools", "tqdm", "uv",
        ],
        "docs": ["furo", "sphinx"],
        "lint": [
            "build", "check-manifest", "mypy", "mypy-zope", "pip-audit", "pyroma", "ruff", "setuptools", "twine",
            "types-requests",
        ],
        "objectstore": ["boto3"],
        "progress": ["tqdm"],
        "sbom": ["cyclonedx-python-lib>=11", "license-expression", "packageurl-python", "spdx-tools>=0.8.3"],
    },
    entry_points={
        "console_scripts": ["pypimirror = pypimirror.cli:main"],
        "zc.buildout": ["default = pypimirror.recipe:Recipe"],
        "zc.buildout.uninstall": ["default = pypimirror.recipe:uninstall"],
    },
    zip_safe=False,
)
