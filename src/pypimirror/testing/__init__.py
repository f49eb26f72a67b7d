"""Tests of the contracts of components, for authors of plugins."""
