"""Packaging of pypimirror-client."""

import os
import re
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "([^"]+)"', (HERE / "pypimirror_client.py").read_text(encoding="utf-8"))[1]

# Reproducible, as in the setup.py of the mirror.
os.environ.setdefault("SOURCE_DATE_EPOCH", "315532800")
os.umask(0o022)

setup(
    name="pypimirror-client",
    version=VERSION,
    description="A buildout extension that limits a buildout, and the pip that it runs, to one index",
    long_description=(HERE / "README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    author="The z3c.recipe.pypimirror contributors",
    license="ZPL-2.1",
    keywords="buildout extension pypi mirror index",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Framework :: Buildout",
        "Framework :: Buildout :: Extension",
        "Programming Language :: Python :: 3",
    ],
    py_modules=["pypimirror_client"],
    # Plone 6.0 runs on Python 3.8. There is nothing to install besides: zc.buildout is what loads it.
    python_requires=">=3.8",
    entry_points={"zc.buildout.extension": ["default = pypimirror_client:load"]},
    zip_safe=False,
)
