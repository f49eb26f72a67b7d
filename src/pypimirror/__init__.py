"""A mirror of PyPI, or of any other Simple API index, that a buildout part sets up."""

__version__ = "1.0.0"
