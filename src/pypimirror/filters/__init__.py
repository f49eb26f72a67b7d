"""Filters: which projects, releases and files of the upstream index are mirrored."""
