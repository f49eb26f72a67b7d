"""Snapshots: the index of a mirror at a moment, each at its own URL, until it is deleted."""
