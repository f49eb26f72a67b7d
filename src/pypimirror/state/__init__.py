"""The state of a mirror between runs."""
