"""The configuration: its keys, the reader of the file, and the resulting settings."""
