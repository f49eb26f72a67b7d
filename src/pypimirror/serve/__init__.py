"""Serving the mirror."""
