"""Sphinx's configuration. To build the documentation: pip install -e '.[docs]' && sphinx-build -W docs var/docs"""

import re
from pathlib import Path

project = "z3c.recipe.pypimirror"
author = "The z3c.recipe.pypimirror contributors"
project_copyright = author
_source = Path(__file__).parent.parent / "src" / "pypimirror" / "__init__.py"
release = version = re.search(r'__version__ = "([^"]+)"', _source.read_text(encoding="utf-8"))[1]

html_theme = "alabaster"
html_theme_options = {"description": "A mirror of PyPI, set up by a buildout part", "fixed_sidebar": True}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_copy_source = False
highlight_language = "none"
# Dashes and quotes mean themselves, as in options of the command line.
smartquotes = False
nitpicky = True
exclude_patterns = ["_build"]
