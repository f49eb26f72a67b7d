"""Proof that a deployment installs: by its own tool, in an empty home, with no way to any other host than the mirror."""
