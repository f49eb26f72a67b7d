"""Pins of deployments: readers of pin files, and the resolution of the requirements of pinned releases."""
