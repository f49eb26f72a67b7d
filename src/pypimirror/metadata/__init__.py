"""Readers of foreign files: archives, TOML, core metadata. Each format has one, with bounds on memory and time."""
