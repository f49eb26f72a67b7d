"""Tests of the contracts of components, for authors of plugins.

Derive a class from the contract of your component's kind, implement its ``make``, and run it with pytest. None of the modules
imports pytest.
"""
