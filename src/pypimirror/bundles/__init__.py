"""Bundles: signed, incremental copies of a mirror for sites without a network."""
