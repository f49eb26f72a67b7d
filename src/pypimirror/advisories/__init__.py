"""Advisories about vulnerable and malicious releases: reads OSV data, stores it, and finds the releases that it affects."""
