"""Index writers: the pages of the mirror."""
