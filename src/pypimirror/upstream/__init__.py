"""Upstream indexes: lists and pages in each form, validated, and directories of distributions."""
