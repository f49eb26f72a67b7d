"""The index server, and site configurations of other web servers."""
