"""Converts configuration files of bandersnatch."""
