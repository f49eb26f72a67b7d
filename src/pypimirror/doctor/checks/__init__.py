"""The checks of ``doctor``: functions that yield findings, listed in ``table``."""
