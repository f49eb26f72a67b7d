"""A client: ``pypimirror CONFIG client conda`` prints the file with which it uses the mirror."""

from zope.interface import implementer

from pypimirror.interfaces import IClient


@implementer(IClient)
class Conda:
    """The environment variable for the pip that conda starts."""

    filename = "conda-mirror.yml"
    title = "conda, as a part of environment.yml"

    def __init__(self, settings):
        pass

    def render(self, index):
        return f"variables:\n  PIP_INDEX_URL: {index}\n"
