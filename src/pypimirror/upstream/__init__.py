"""Upstream indexes: asking them and understanding their answers."""
