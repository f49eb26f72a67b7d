"""Keeping a mirror in order."""
