"""Sphinx's configuration. To build the documentation: pip install -e '.[docs]' && sphinx-build -W docs var/docs"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "z3c.recipe.pypimirror"
author = "The z3c.recipe.pypimirror contributors"
project_copyright = author
_source = Path(__file__).parent.parent / "src" / "pypimirror" / "__init__.py"
release = version = re.search(r'__version__ = "([^"]+)"', _source.read_text(encoding="utf-8"))[1]

extensions = ["messages"]
html_theme = "furo"
html_title = "pypimirror"
html_copy_source = False
highlight_language = "none"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
# Dashes and quotes mean themselves, as in options of the command line.
smartquotes = False
nitpicky = True
exclude_patterns = ["_build"]
