"""The pages of the mirror."""
