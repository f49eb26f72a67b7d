"""The buildout recipe: a part that configures a mirror, makes its script and has it run.

Needs nothing but zc.buildout and the standard library until a part is installed.
"""

from .part import Recipe, uninstall

__all__ = ["Recipe", "uninstall"]
