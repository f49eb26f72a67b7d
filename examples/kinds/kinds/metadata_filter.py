"""A filter that reads core metadata."""

from zope.interface import implementer

from pypimirror.interfaces import IMetadataFilter


@implementer(IMetadataFilter)
class WithLicense:
    """Selects the files whose core metadata name a license."""

    active = True
    applies_to_pins = False
    reason = "it names no license"

    def __init__(self, settings):
        pass

    def select(self, project, metadata=lambda file: None):
        # Without a try: if the metadata can't be read, the project stays as it is and the next run tries again.
        return [file for file in project.files if b"\nLicense" in (metadata(file) or b"")]
