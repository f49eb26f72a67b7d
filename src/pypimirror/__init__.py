"""A mirror of PyPI, or of any other Simple API index, that a buildout part sets up."""

__version__ = "1.0.0"
#: Thresholds of the garbage collector in processes of this program alone. With its defaults (700, 10, 10) it takes 8 % of a run
#: without changes, of which all is loading of modules, and 6 % of a first fetch; with these 1 %, and 1 MB more.
GARBAGE_THRESHOLDS = 100_000, 20, 20
