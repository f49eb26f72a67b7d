"""The buildout recipe."""
