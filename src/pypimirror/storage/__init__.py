"""The place where the mirror lies."""
