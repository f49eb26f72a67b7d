"""Storage backends for the tree of the mirror."""
