"""Readers of untrusted files: archives, TOML, core metadata. One reader for each format, bounded in memory and time."""
