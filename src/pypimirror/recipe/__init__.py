"""The buildout recipe: a part that configures a mirror, and installs its script and its job."""

from .part import Recipe, uninstall

__all__ = ["Recipe", "uninstall"]
